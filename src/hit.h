/*
 * A hit: a read that lies within one mapped section, copied with no system call.
 *
 * This is what the whole product is measured by, so it is inline in the wrappers,
 * and calls nothing: then the compiler has no register to save.  Whatever is not
 * as usual (a thread's first copy, a copy within a signal handler that interrupted one,
 * two sections, the end of the file, a fault, many zeros at the end) goes the long way
 * (serve.c), which does it all again from the start.
 *
 * The end of file.  A mapping shows zeros from there to the end of its page, where read would
 * stop.  So all that is copied lies before the end if
 *   - its last byte, or one of the few that follow in the page, is not zero: truncation
 *     zeroes the rest of the last page;
 *   - or the page after that byte's can be loaded from: whole pages beyond the end are taken from
 *     every mapping before a truncation returns, and touching them is a fault (on the file systems
 *     and kernels of oc_fs_look), which the guard catches like any other.
 * Either is asked before the copy, for the buffer must not change beyond what read returns, and
 * what is appended while we copy must not be seen as zeros; and again after it, for a
 * truncation in between.  The processor keeps the order of loads (x86), and a load that has not
 * ended when another processor takes the page away is made again.  The page after the
 * last one of a section is looked for in the next section, on the long way, and where that is not
 * mapped or is not the file's any more, the kernel is asked for the size.
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

/* The section of KEY, held by this thread's hazard; NULL: not mapped, and nothing held. */
static inline __attribute__((always_inline)) struct oc_section *
oc_hit_hold(const struct oc_pool *p, struct oc_thread *t, oc_section_key key)
{
    struct oc_section *s;
    size_t at = oc_section_hash(p, key);
    while ((s = atomic_load_explicit(&p->hash[at], memory_order_acquire))) {
        if (oc_pool_publish(&t->hazard, s, key))
            return s;
        /* Asked for again, so that no register has to keep it for this. */
        p = atomic_load_explicit(&oc_pool, memory_order_acquire);
        at = oc_section_hash_next(p, at);
    }
    oc_pool_withdraw(&t->hazard);
    return NULL;
}

/* What oc_hit returns where no section is mapped: NULL may have other reasons. */
#define OC_HIT_ABSENT ((struct oc_section *)1)

static inline bool oc_hit_is(const struct oc_section *s)
{
    return __builtin_expect((uintptr_t)s > (uintptr_t)OC_HIT_ABSENT, 1);
}

/* Does all that is looked at lie in the part of S that the file had?  An offset that is out of
 * all bounds may have brought us to a section of another file; it is not within that. */
static inline __attribute__((always_inline)) bool oc_hit_within(const struct oc_section *s,
                                                                uint64_t in, size_t n)
{
    return __builtin_expect(in + n + OC_SMALL_BEYOND <= s->limit, 1);
}

/* The same where the last byte is a zero, and those that follow it: N bytes at FROM in S. */
static inline __attribute__((always_inline)) bool
oc_hit_zeros(const struct oc_section *s, char *buf, const char *from, size_t n)
{
    uintptr_t next = ((uintptr_t)from + n + OC_SMALL_PAGE - 1) & -(uintptr_t)OC_SMALL_PAGE;
    return atomic_load_explicit(&s->faults_beyond, memory_order_relaxed) &&
           next - (uintptr_t)s->base < s->limit && oc_small_copy_backed(buf, from, n);
}

/*
 * All N bytes at OFF of the file of D, which *ENTRY was.  Not oc_hit_is: nothing was done that
 * anybody sees, but the buffer may have changed (where a read will change it, too).  Else the
 * section that they came from, for the caller to give to oc_pool_left where oc_pool_is_unusual.
 */
static inline __attribute__((always_inline)) struct oc_section *
oc_hit(const oc_fd_entry *entry, const struct oc_desc *d, char *buf, size_t n, uint64_t off)
{
    if (!oc_small_enough(n) || !oc_guard_is_quick())
        return NULL;
    const struct oc_pool *p = atomic_load_explicit(&oc_pool, memory_order_acquire);
    struct oc_thread *t = oc_thread_self;
    if (__builtin_expect(!t, 0) || __builtin_expect(!oc_small_is(&t->hazard, 0), 0))
        return NULL;
    struct oc_section *s = oc_hit_hold(p, t, oc_desc_key(d) + (off >> p->section_shift));
    if (__builtin_expect(!s, 0))
        return OC_HIT_ABSENT;
    uint64_t in = off - s->from;
    const char *from = s->base + in;
    /* The section is held: what the descriptor stands for now, it stood for at some moment
     * of the call. */
    bool ok =
        oc_hit_within(s, in, n) && __builtin_expect(oc_small_is(entry, (uintptr_t)d), 1) &&
        (__builtin_expect(oc_small_copy_ending(buf, from, n), 1) || oc_hit_zeros(s, buf, from, n));
    oc_pool_withdraw(&t->hazard);
    if (__builtin_expect(!ok, 0))
        return NULL;
    oc_hit_count(t, n);
    if (!oc_hit_is(s)) /* so that nobody looks again */
        __builtin_unreachable();
    return s;
}

/* A read of OFF is likely to follow at once, and to wait for the bytes there.  (They may be
 * gone by now: a prefetch does not care.) */
static inline __attribute__((always_inline)) void oc_hit_prefetch(const struct oc_desc *d,
                                                                  uint64_t off)
{
    const struct oc_pool *p = atomic_load_explicit(&oc_pool, memory_order_acquire);
    const struct oc_section *s = oc_pool_find(p, oc_desc_key(d) + (off >> p->section_shift));
    if (s) {
        __builtin_prefetch(s->base + (off - s->from));
        __builtin_prefetch(s->base + (off - s->from) + 63);
    }
}

/* lseek to OFF from the start, where the offset is ours.  False: it is not, or OFF is odd, or
 * this may be a child of vfork. */
static inline bool oc_hit_seek(struct oc_desc *d, int64_t off)
{
    uint64_t word = atomic_load_explicit(&d->word, memory_order_acquire);
    return !oc_thread_vforked && oc_word_ours(word) && (uint64_t)off <= OC_SEEK_LIMIT &&
           oc_desc_swap(d, word, (word & ~OC_OFFSET_MASK) | (uint64_t)off);
}

#endif
