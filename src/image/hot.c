#include "image/hot.h"

#include <string.h>

#include "base/own.h"
#include "base/sys.h"
#include "image/home.h"

/* 132 KiB in all, of which only what is used takes memory. */
enum { BUCKETS = 32, WAYS = 4, NEW = 3, GAIN = 2, MOST = 15 };

struct entry {
    uint64_t key[2];
    uint64_t last_used; /* oc_home_now() + 1; 0: the entry is free */
    uint32_t shift, n;
    struct {
        uint32_t at, score;
    } section[OC_HINTS_MAX];
};

struct bucket {
    struct entry entry[WAYS];
};

static int open_table(int dir, int flags)
{
    struct stat st;
    int fd = oc_own_openat(dir, OC_HOT_NAME, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    if (oc_sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    oc_own_close(fd);
    return -EPERM;
}

static uint64_t place_of(const uint64_t key[2])
{
    return key[0] % BUCKETS * sizeof(struct bucket);
}

static bool is_of(const struct entry *e, const uint64_t key[2])
{
    return e->last_used && e->key[0] == key[0] && e->key[1] == key[1];
}

/* Entry WAY of a bucket; false: not there.  What it says of numbers is put right. */
static bool get(int fd, uint64_t bucket, unsigned way, struct entry *e)
{
    if (oc_sys_pread_all(fd, e, sizeof *e, bucket + way * sizeof *e) != (ssize_t)sizeof *e)
        return false;
    if (e->n > OC_HINTS_MAX)
        e->n = 0;
    return true;
}

void oc_hot_load(int dir, const uint64_t key[2], unsigned shift, struct oc_hot *hot)
{
    struct entry e;
    int fd = open_table(dir, O_RDONLY);
    hot->n = 0;
    if (fd < 0)
        return;
    for (unsigned way = 0; way < WAYS && get(fd, place_of(key), way, &e); way++) {
        if (!is_of(&e, key) || e.shift != shift)
            continue;
        for (uint32_t i = 0; i < e.n; i++)
            if (e.section[i].score - 1 < MOST)
                hot->at[hot->n++] = e.section[i].at;
        break;
    }
    oc_own_close(fd);
}

static uint32_t score_of(const struct entry *e, uint32_t at)
{
    for (uint32_t i = 0; i < e->n; i++)
        if (e->section[i].at == at)
            return e->section[i].score <= MOST ? e->section[i].score : MOST;
    return 0;
}

static void add(struct entry *e, uint32_t at, uint32_t score)
{
    if (e->n == OC_HINTS_MAX || !score || score_of(e, at))
        return;
    e->section[e->n].at = at;
    e->section[e->n++].score = score < MOST ? score : MOST;
}

/* Ours, then what is left of the others', the best first. */
static void merge(struct entry *e, const struct oc_hot *mine)
{
    struct entry old = *e;
    e->n = 0;
    for (uint32_t i = 0; i < mine->n; i++) {
        uint32_t before = score_of(&old, mine->at[i]);
        add(e, mine->at[i], before ? before + GAIN : NEW);
    }
    for (uint32_t score = MOST; score > 1; score--)
        for (uint32_t i = 0; i < old.n; i++)
            if (old.section[i].score == score)
                add(e, old.section[i].at, score - 1);
}

/* KEY's entry, else the one to give up for it. */
static unsigned choose(int fd, uint64_t bucket, const uint64_t key[2], struct entry *e)
{
    uint64_t oldest = UINT64_MAX;
    unsigned best = 0;
    for (unsigned way = 0; way < WAYS; way++) {
        bool there = get(fd, bucket, way, e);
        if (there && is_of(e, key))
            return way;
        uint64_t used = there ? e->last_used : 0;
        if (used < oldest) {
            oldest = used;
            best = way;
        }
    }
    memset(e, 0, sizeof *e);
    return best;
}

void oc_hot_store(int dir, const uint64_t key[2], unsigned shift, const struct oc_hot *mine)
{
    struct entry e;
    uint64_t bucket = place_of(key);
    int fd = open_table(dir, O_RDWR | O_CREAT);
    if (fd < 0)
        return;
    if (oc_home_may_write(bucket + sizeof(struct bucket)) &&
        oc_sys_ofd_lock(fd, F_WRLCK, bucket, sizeof(struct bucket)) == 0) {
        unsigned way = choose(fd, bucket, key, &e);
        if (e.shift != shift)
            e.n = 0;
        merge(&e, mine);
        memcpy(e.key, key, sizeof e.key);
        e.shift = shift;
        e.last_used = oc_home_now() + 1;
        oc_sys_pwrite_all(fd, &e, sizeof e, bucket + way * sizeof e);
    }
    oc_own_close(fd);
}
