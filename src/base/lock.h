/*
 * The one lock of the slow paths: tables of descriptors, sections and lends.
 *
 * All signals of the thread are blocked while it is held, so no signal handler
 * can meet it in its own thread; fork takes it, so no forked child can be born
 * with it held by somebody who does not exist there.  Held for a few system
 * calls at most, never while file data is read or an image is filled.  Not
 * recursive.  Async-signal-safe, thread-safe.
 */
#ifndef OC_LOCK_H
#define OC_LOCK_H

#include <stdbool.h>
#include "base/sys.h"

struct oc_lock_state {
    struct oc_sys_mask before;
};

void oc_lock(struct oc_lock_state *st);
void oc_unlock(const struct oc_lock_state *st);

/* In the child of fork: only the forking thread is left, and it holds the lock. */
void oc_lock_reset_in_child(void);

#endif
