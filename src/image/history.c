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

static int open_table(int dir, bool make)
{
    struct stat st;
    int fd =
        oc_own_openat(dir, OC_HISTORY_NAME,
                      O_RDWR | (make ? O_CREAT : 0) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
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

static bool is_of(const struct entry *e, const uint8_t key[16])
{
    return e->first_seen && memcmp(e->key, key, sizeof e->key) == 0;
}

/* The entry of KEY, else the one to give up for it: a free one, else the longest unused. */
static struct entry *choose(struct bucket *bucket, const uint8_t key[16])
{
    struct entry *oldest = &bucket->entry[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &bucket->entry[i];
        if (is_of(e, key))
            return e;
        if (e->last_seen < oldest->last_seen)
            oldest = e;
    }
    return oldest;
}

/* What is asked of an entry. */
struct query {
    uint8_t key[16];
    uint64_t at; /* of its bucket */
    uint64_t now;
    uint64_t within; /* older: enter it anew */
    bool enter;      /* if it is not there */
    bool known;
    uint64_t age;
};

/* Under the bucket's lock. */
static void look_up(int fd, struct query *q)
{
    struct bucket bucket;
    memset(&bucket, 0, sizeof bucket);
    if (oc_sys_pread_all(fd, &bucket, sizeof bucket, q->at) < 0)
        return;
    struct entry *e = choose(&bucket, q->key);
    /* Seen in the future: garbage. */
    if (is_of(e, q->key) && e->first_seen <= q->now && e->last_seen <= q->now &&
        q->now - e->first_seen <= q->within) {
        q->known = true;
        q->age = q->now - e->first_seen;
    } else {
        memcpy(e->key, q->key, sizeof e->key);
        e->first_seen = q->now;
    }
    e->last_seen = q->now;
    if ((q->known || q->enter) && oc_home_may_write(q->at + sizeof bucket))
        oc_sys_pwrite_all(fd, e, sizeof *e, q->at + (uint64_t)((char *)e - (char *)&bucket));
}

/* Q's key is the hash of the LEN bytes at WHAT.  False: it could not be asked. */
static bool ask(int dir, const void *what, size_t len, struct query *q)
{
    q->now = oc_moment();
    int fd = q->now ? open_table(dir, q->enter) : -ENOTSUP;
    if (fd < 0)
        return false;
    uint64_t half[2] = {oc_hash(what, len, OC_HASH_SEED_1), oc_hash(what, len, OC_HASH_SEED_2)};
    memcpy(q->key, half, sizeof q->key);
    q->at = half[0] % BUCKETS * sizeof(struct bucket);
    bool locked = lock_bucket(fd, q->at, F_WRLCK) == 0;
    if (locked) {
        look_up(fd, q);
        lock_bucket(fd, q->at, F_UNLCK);
    }
    oc_own_close(fd);
    return locked;
}

uint64_t oc_history_age(int dir, const struct oc_identity *id)
{
    struct query q = {.enter = true, .within = UINT64_MAX};
    ask(dir, id, sizeof *id, &q);
    return q.age;
}

bool oc_history_note(int dir, const struct oc_history_note *note, uint64_t within)
{
    struct query q = {.enter = true, .within = within};
    return ask(dir, note, sizeof *note, &q) && !q.known;
}

bool oc_history_knows(int dir, const struct oc_history_note *note, uint64_t within)
{
    struct query q = {.within = within};
    return ask(dir, note, sizeof *note, &q) && q.known;
}
