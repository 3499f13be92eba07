/*
 * A hit: a small read that lies within one mapped section, copied with no system
 * call.
 *
 * This is what the whole product is measured by, so it is inline in the wrappers,
 * and calls nothing: then the compiler has no register to save.  Whatever is not
 * as usual (a thread's first copy, a longer one, two sections, a fault, a zero at
 * the end) goes the long way (serve.c), which does it all again from the start.
 */
#ifndef OC_HIT_H
#define OC_HIT_H

#include "base/guard.h"
#include "base/thread.h"
#include "file/fdtable.h"
#include "section/pool.h"

/* At 1 MiB a memcpy wins nothing over the system call; at 256 KiB little. */
#define OC_COPY_MAX ((size_t)256 << 10)

static inline void oc_hit_count(struct oc_thread *t, size_t bytes)
{
    oc_count(&t->count.copied_calls, 1);
    oc_count(&t->count.copied_bytes, bytes);
}

/*
 * All N bytes at OFF of D's file, with D == oc_fd_get(fd).  NULL: nothing was done that
 * anybody sees, but the buffer may have changed (where a read will change it, too).  Else the
 * section that they came from, for the caller to give to oc_pool_left where oc_pool_is_unusual.
 *
 * Truncation zeroes the rest of the last page and makes whole pages beyond it fault, so
 * bytes lie before the end of file unless the last of them is zero.  Looked at before the
 * copy, for the buffer must not change beyond what read returns, and after it.
 */
static inline __attribute__((always_inline)) struct oc_section *
oc_hit(int fd, const struct oc_desc *d, char *buf, size_t n, uint64_t off)
{
    const struct oc_file *file = atomic_load_explicit(&d->file, memory_order_acquire);
    struct oc_thread *t = oc_thread_self;
    struct oc_hold hold;
    if (!oc_small_enough(n))
        return NULL;
    if (__builtin_expect(off > OC_OFFSET_LIMIT, 0))
        return NULL;
    if (__builtin_expect(!file, 0) || __builtin_expect(!t, 0) || !oc_guard_is_ready())
        return NULL;
    if (!oc_pool_hold(&hold, t, file->id, off))
        return NULL;
    /* The section is held: what the descriptor stands for now, it stood for at some
     * moment of the call. */
    bool ok = n <= hold.room && oc_fd_is(fd, d) && oc_small_copy_ending_inline(buf, hold.at, n) &&
              buf[n - 1] != 0;
    oc_pool_release(&hold);
    if (__builtin_expect(!ok, 0))
        return NULL;
    oc_hit_count(t, n);
    return hold.section;
}

#endif
