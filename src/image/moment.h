/*
 * Moments: points in time that all processes of the host agree on, so that one can
 * tell whether another began to read a file after its own call had begun.
 *
 * CLOCK_MONOTONIC, which nobody can step; but a time namespace may shift it.  So only
 * processes in the first time namespace know moments, for all others there are none.
 * Async-signal-safe.
 */
#ifndef OC_MOMENT_H
#define OC_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* In nanoseconds; 0: not known. */
uint64_t oc_moment(void);

/* Both known, and so far apart that the clocks of two processors don't matter. */
static inline bool oc_moment_is_after(uint64_t moment, uint64_t other)
{
    return other && moment > other && moment - other > 100000;
}

#endif
