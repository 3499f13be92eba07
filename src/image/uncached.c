#include "image/uncached.h"

#include <sys/uio.h>

#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/history.h"
#include "image/home.h"
#include "image/record.h"

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451 /* everywhere */
#endif

/* ---- is it wanted? ---- */

enum { UNDECIDED, LEAVE_NONE, LEAVE_THEM };

static uint8_t decision(int fd)
{
    uint8_t word = UNDECIDED;

    oc_sys_pread_all(fd, &word, 1, OC_IMAGE_CACHE_AT);
    return word;
}

/* Is this the first image of that state of the file?  From now on another is not. */
static bool is_first(const struct oc_image *image)
{
    const struct oc_history_note note = {.id = image->id, .what = OC_HISTORY_FILLED};
    int dir = oc_home_open(oc_image_home(image), false);
    bool first;

    if (dir < 0)
        return false;
    first = oc_history_note(dir, &note, UINT64_MAX);
    oc_own_close(dir);
    return first;
}

static uint8_t decide(const struct oc_image *image, int fd)
{
    uint8_t word = decision(fd);

    if (word == UNDECIDED) {
        word = is_first(image) || oc_options.linger ? LEAVE_NONE : LEAVE_THEM;
        oc_sys_pwrite_all(fd, &word, 1, OC_IMAGE_CACHE_AT);
    }
    return word;
}

bool oc_uncached_wanted(const struct oc_image *image, int fd)
{
    uint8_t word = decision(fd);

    if (word != UNDECIDED)
        return word == LEAVE_NONE;
    /* Somebody else is at it: most likely this is the first image. */
    if (oc_sys_ofd_lock(fd, F_WRLCK, OC_IMAGE_CACHE_AT, 1) < 0)
        return true;
    word = decide(image, fd);
    oc_sys_ofd_lock(fd, F_UNLCK, OC_IMAGE_CACHE_AT, 1);
    return word == LEAVE_NONE;
}

/* ---- reading ---- */

static ssize_t read_some(int fd, void *buf, size_t n, uint64_t off)
{
#ifdef SYS_preadv2
    struct iovec part = {buf, n};
    /* The offset in two halves; on 64-bit machines the upper one does not count. */
    ssize_t got =
        oc_syscall(SYS_preadv2, fd, (long)&part, 1, (long)off, (long)(off >> 32), RWF_DONTCACHE);

    return got == -ENOSYS || got == -EINVAL || got == -EPERM ? -EOPNOTSUPP : got;
#else
    return -EOPNOTSUPP;
#endif
}

ssize_t oc_uncached_pread_all(int fd, void *buf, size_t n, uint64_t off)
{
    return oc_sys_pread_all_by(read_some, fd, buf, n, off);
}

/* ---- by hand ---- */

struct cache {
    uint64_t present, dirty, writeback, evicted, recently_evicted;
};

static bool look(int fd, uint64_t off, uint64_t len, struct cache *cache)
{
    const uint64_t range[2] = {off, len};

    return OC_SYS_4(SYS_cachestat, fd, range, cache, 0) == 0;
}

bool oc_uncached_is_cold(int fd, uint64_t off, uint64_t len)
{
    struct cache cache;

    return look(fd, off, len, &cache) && cache.present == 0;
}

/* The kernel would begin to write dirty pages. */
void oc_uncached_drop(int fd, uint64_t off, uint64_t len)
{
    struct cache cache;

    if (look(fd, off, len, &cache) && cache.dirty == 0 && cache.writeback == 0)
        oc_sys_fadvise(fd, off, len, POSIX_FADV_DONTNEED);
}
