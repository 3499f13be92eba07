/*
 * What each thread has: its hazard slot and its counters, in a record of a
 * fixed table, so that others may look at it after the thread has ended.
 *
 * A record is claimed by a thread's first copy (compare-and-swap of its tid)
 * and reused when that thread is gone (tgkill says ESRCH), so no destructor is
 * needed and everything here is async-signal-safe.  The counters stay when a
 * record changes hands: only their sum is ever asked for.  With no record free,
 * oc_thread() is NULL and the caller leaves the read to the kernel.
 */
#ifndef OC_THREAD_H
#define OC_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"

#define OC_THREADS 1024

struct oc_thread {
    _Atomic(const void *) hazard; /* the section this thread copies from, or NULL */
    _Atomic(const void *) second; /* and one that a signal handler copies from, which met it */
    _Atomic int tid;              /* owner, 0: free */
    struct oc_counters count;     /* written by the owner only, with relaxed stores */
} __attribute__((aligned(128)));  /* no two threads write to one pair of cache lines */

/* The table, and how much of it was ever used: for base/window.h. */
extern struct oc_thread oc_thread_records[OC_THREADS];
extern _Atomic unsigned oc_thread_high;

extern __thread struct oc_thread *oc_thread_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

struct oc_thread *oc_thread_claim(void) __attribute__((cold));

static inline struct oc_thread *oc_thread(void)
{
    struct oc_thread *t = oc_thread_self;
    return __builtin_expect(t != NULL, 1) ? t : oc_thread_claim();
}

/*
 * Does any thread hold a hazard on P?  The caller has made P unreachable first; the
 * barrier orders that before the look (membarrier, or a fence in every reader where the
 * kernel refuses it: oc_thread_fence), once for any number of oc_thread_holds.  False: it
 * cannot be told any more.
 */
bool oc_thread_barrier(void);
bool oc_thread_holds(const void *p);

/* Prepare oc_thread_barrier: register for membarrier.  Once, before the first copy. */
void oc_thread_prepare(void);

/* Readers issue a full fence after publishing a hazard when this is set. */
extern bool oc_thread_fence __attribute__((visibility("hidden")));

/*
 * The child of vfork has this thread's memory, but descriptors of its own: what is known
 * of a number is its parent's.  Called before vfork, which counts as a process that is being
 * started (starting.h) until the child says otherwise or this thread is back; from then on
 * oc_thread_at_home asks for the process's number, until it is found to be the parent's again.
 */
void oc_thread_before_vfork(void);
/* The child is there: what is opened from now on is not its own. */
void oc_thread_vfork_done(void);
extern __thread bool oc_thread_vforked
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
bool oc_thread_back_home(void) __attribute__((cold));
static inline bool oc_thread_at_home(void)
{
    return __builtin_expect(!oc_thread_vforked, 1) || oc_thread_back_home();
}

/* In the child of fork: the records of threads that do not exist here are freed, and
 * counting starts again. */
void oc_thread_in_child(void);

/* The sum of all threads' counters, past and present. */
void oc_thread_sum(struct oc_counters *sum);

#endif
