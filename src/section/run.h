/*
 * A pass over a file in big steps.
 *
 * Each step that misses asks whether its section is worth mapping, though what decides is known
 * with the first step in a section: there will be so many of them.  So that one stands for all,
 * and the others need not ask: at 16 KiB to ask costs a twentieth of the read.
 *
 * What is skipped over on the way may have been hits, or small.  Races mix up an opinion.
 */
#ifndef OC_RUN_H
#define OC_RUN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct oc_run {
    _Atomic uint64_t end;    /* of the last miss */
    _Atomic uint64_t length; /* bytes that were missed in order, up to it */
};

enum {
    OC_RUN_STEPS = 64, /* smaller parts of a section than this are no big steps */
    OC_RUN_SURE = 2,   /* sections after which a pass is expected to go on */
    OC_RUN_WHOLE = 32, /* one such part of the steps may be missing */
};

/* For how many misses does the miss of N bytes at OFF stand?  0: an earlier one stood for it. */
static inline uint32_t oc_run_weight(struct oc_run *run, uint64_t off, size_t n, size_t section)
{
    uint64_t end, length = n;

    if (n < section / OC_RUN_STEPS)
        return 1;
    end = atomic_load_explicit(&run->end, memory_order_relaxed);
    if (off - end <= section)
        length += atomic_load_explicit(&run->length, memory_order_relaxed);
    end = off + n;
    atomic_store_explicit(&run->end, end, memory_order_relaxed);
    atomic_store_explicit(&run->length, length, memory_order_relaxed);
    if (length < OC_RUN_SURE * section)
        return 1;
    if (((end - 1) & (section - 1)) >= n)
        return 0;
    return n < section / 2 ? (uint32_t)((section - section / OC_RUN_WHOLE) / n) : 1;
}

#endif
