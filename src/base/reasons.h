/*
 * Why big reads were not lent: a small table of words and how often each was the
 * reason, for `onecopy stat`.  Words are static texts; when there are more than the table
 * holds, the rest is not counted.  Async-signal-safe, no lock.
 */
#ifndef OC_REASONS_H
#define OC_REASONS_H

#include <stdatomic.h>
#include <stdint.h>

#define OC_REASONS 24

struct oc_reason {
    _Atomic(const char *) why; /* NULL: free, and so are all that follow */
    _Atomic uint64_t count;
};

extern struct oc_reason oc_reasons[OC_REASONS];

void oc_reasons_count(const char *why);

/* In the child of fork counting starts again. */
void oc_reasons_in_child(void);

#endif
