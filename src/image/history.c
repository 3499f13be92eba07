#include "image/history.h"

#include <string.h>

#include "base/hash.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/home.h"
#include "image/moment.h"

/* 64 KiB in all. */
enum { BUCKETS = 256, WAYS = 8 };

struct entry {
    uint8_t key[16];
    uint64_t first_seen; /* CLOCK_MONOTONIC, ns; 0: the entry is free */
    uint64_t last_seen;
};

struct bucket {
    struct entry entry[WAYS];
};

static int open_table(int dir)
{
    struct stat st;
    int fd = oc_own_openat(dir, OC_HISTORY_NAME,
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    /* The home is ours alone, so a table of another kind is an accident: leave it. */
    if (oc_sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if (st.st_size == 0 && oc_home_is_groups(dir))
            OC_SYS_2(SYS_fchmod, fd, 0660);
        return fd;
    }
    oc_own_close(fd);
    return -EPERM;
}

static int lock_bucket(int fd, uint64_t at, short type)
{
    return oc_sys_ofd_lock(fd, type, at, sizeof(struct bucket));
}

/* The entry of KEY, else the one to give up for it: a free one, else the longest unused. */
static struct entry *choose(struct bucket *bucket, const uint8_t key[16])
{
    struct entry *oldest = &bucket->entry[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &bucket->entry[i];
        if (e->first_seen && memcmp(e->key, key, sizeof e->key) == 0)
            return e;
        if (e->last_seen < oldest->last_seen)
            oldest = e;
    }
    return oldest;
}

/* Under the bucket's lock. */
static uint64_t note(int fd, uint64_t at, const uint8_t key[16], uint64_t now)
{
    struct bucket bucket;
    uint64_t age = 0;
    memset(&bucket, 0, sizeof bucket);
    if (oc_sys_pread_all(fd, &bucket, sizeof bucket, at) < 0)
        return 0;
    struct entry *e = choose(&bucket, key);
    bool known = e->first_seen && memcmp(e->key, key, sizeof e->key) == 0;
    /* Seen in the future: garbage. */
    if (known && e->first_seen <= now && e->last_seen <= now) {
        age = now - e->first_seen;
    } else {
        memcpy(e->key, key, sizeof e->key);
        e->first_seen = now;
    }
    e->last_seen = now;
    if (oc_home_may_write(at + sizeof bucket))
        oc_sys_pwrite_all(fd, e, sizeof *e, at + (uint64_t)((char *)e - (char *)&bucket));
    return age;
}

uint64_t oc_history_age(int dir, const struct oc_identity *id)
{
    uint8_t key[16];
    uint64_t age = 0, now = oc_moment();
    int fd = now ? open_table(dir) : -ENOTSUP;
    if (fd < 0)
        return 0;
    uint64_t half[2] = {oc_hash(id, sizeof *id, OC_HASH_SEED_1),
                        oc_hash(id, sizeof *id, OC_HASH_SEED_2)};
    memcpy(key, half, sizeof key);
    uint64_t at = half[0] % BUCKETS * sizeof(struct bucket);
    if (lock_bucket(fd, at, F_WRLCK) == 0) {
        age = note(fd, at, key, now);
        lock_bucket(fd, at, F_UNLCK);
    }
    oc_own_close(fd);
    return age;
}
