/*
 * A hit: a read that lies within one mapped section, copied with no system call.
 *
 * Inline in the wrappers, since this is what the whole product is measured by.
 * What takes more than one section, or is not mapped, goes the long way (serve.c).
 */
#ifndef OC_HIT_H
#define OC_HIT_H

#include "base/guard.h"
#include "base/thread.h"
#include "file/fdtable.h"
#include "section/pool.h"

/* At 1 MiB a memcpy wins nothing over the system call; at 256 KiB little. */
#define OC_COPY_MAX ((size_t)256 << 10)

/*
 * Do the bytes of a copy that ended at END in the file, with a zero at LAST of the
 * mapping, lie before the end of file?  Truncation zeroes the rest of the last page and
 * makes whole pages beyond it fault, so a copy whose last byte is not zero always does.
 */
bool oc_before_end(int fd, const char *last, uint64_t end) __attribute__((visibility("hidden")));

/* N bytes at OFF of D's file, all of which the held section has, to BUF. */
static inline __attribute__((always_inline)) bool oc_hit_copy(const struct oc_hold *hold, int fd,
                                                              const struct oc_desc *d, char *buf,
                                                              size_t n, uint64_t off)
{
    /* The section is held: what the descriptor stands for now, it stood for at some
     * moment of the call. */
    if (__builtin_expect(!oc_fd_is(fd, d), 0))
        return false;
    if (__builtin_expect(n - 1 < OC_SMALL_MAX, 1)) {
        if (!oc_small_copy_inline(buf, hold->at, n))
            return false;
    } else if (!oc_guard_copy_big(buf, hold->at, n)) {
        return false;
    }
    if (__builtin_expect(buf[n - 1] == 0, 0))
        return oc_before_end(fd, hold->at + n - 1, off + n);
    return true;
}

static inline void oc_hit_count(struct oc_thread *t, size_t bytes)
{
    oc_count(&t->count.copied_calls, 1);
    oc_count(&t->count.copied_bytes, bytes);
}

/*
 * All N bytes at OFF of D's file, with D == oc_fd_get(fd); or false, with nothing said about
 * what the buffer holds.
 */
static inline __attribute__((always_inline)) bool oc_hit(int fd, const struct oc_desc *d, void *buf,
                                                         size_t n, uint64_t off)
{
    const struct oc_file *file = atomic_load_explicit(&d->file, memory_order_acquire);
    struct oc_hold hold;
    if (__builtin_expect(n - 1 >= OC_COPY_MAX, 0))
        return false;
    if (__builtin_expect(off > OC_OFFSET_LIMIT, 0))
        return false;
    if (__builtin_expect(!file, 0) || !oc_guard_ready() || !oc_pool_enter(&hold, file->id, off))
        return false;
    bool ok = n <= hold.room && oc_hit_copy(&hold, fd, d, buf, n, off);
    oc_pool_leave(&hold);
    if (__builtin_expect(ok, 1))
        oc_hit_count(hold.thread, n);
    return ok;
}

#endif
