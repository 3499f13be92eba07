/*
 * The table of thread records.
 *
 * A record's tid is 0 (free), a thread's, or CHANGING while it goes from a dead
 * thread to a live one.  Numbers of threads recur: whoever has found a thread dead
 * looks again after the swap to CHANGING, when nobody else can take the record
 * for its own, and a thread that comes to a record with its own number has to win
 * the same swap.
 */
#include "base/thread.h"

#include <linux/membarrier.h>
#include <string.h>

#include "base/guard.h"
#include "base/starting.h"
#include "base/sys.h"

enum { FREE = 0, CHANGING = -1 };

__thread struct oc_thread *oc_thread_self __attribute__((tls_model("initial-exec")));
bool oc_thread_fence = true; /* until the kernel has taken our registration */

struct oc_thread oc_thread_records[OC_THREADS];
_Atomic unsigned oc_thread_high; /* records from here on were never used */
static _Atomic bool blind;       /* membarrier was refused after it had been granted */
static _Atomic int owner_pid;

static bool swap(struct oc_thread *t, int from, int to)
{
    return atomic_compare_exchange_strong(&t->tid, &from, to);
}

static bool dead(int tid)
{
    return OC_SYS_3(SYS_tgkill, atomic_load(&owner_pid), tid, 0) == -ESRCH;
}

/* From a dead thread that had our number. */
static struct oc_thread *claim_own(int tid, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (atomic_load_explicit(&oc_thread_records[i].tid, memory_order_relaxed) == tid &&
            swap(&oc_thread_records[i], tid, CHANGING)) {
            atomic_store(&oc_thread_records[i].tid, tid);
            return &oc_thread_records[i];
        }
    return NULL;
}

static struct oc_thread *claim_free(int tid, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (atomic_load_explicit(&oc_thread_records[i].tid, memory_order_relaxed) == FREE &&
            swap(&oc_thread_records[i], FREE, tid))
            return &oc_thread_records[i];
    return NULL;
}

static struct oc_thread *claim_dead(int tid, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int other = atomic_load(&oc_thread_records[i].tid);
        if (other <= 0 || !dead(other) || !swap(&oc_thread_records[i], other, CHANGING))
            continue;
        if (dead(other)) {
            atomic_store(&oc_thread_records[i].tid, tid);
            return &oc_thread_records[i];
        }
        atomic_store(&oc_thread_records[i].tid, other);
    }
    return NULL;
}

static struct oc_thread *claim_new(int tid)
{
    unsigned i = atomic_load(&oc_thread_high);
    do {
        if (i >= OC_THREADS)
            return NULL;
    } while (!atomic_compare_exchange_weak(&oc_thread_high, &i, i + 1));
    return swap(&oc_thread_records[i], FREE, tid) ? &oc_thread_records[i] : NULL;
}

/*
 * Asking about every other thread costs a system call each, so the dead are looked
 * for only when the used part of the table is full and has doubled since, or the
 * whole of it is.
 */
static struct oc_thread *claim_any(int tid)
{
    static _Atomic unsigned search_at = 64;
    unsigned n = atomic_load(&oc_thread_high), at = atomic_load(&search_at);
    struct oc_thread *t = claim_own(tid, n);
    if (!t)
        t = claim_free(tid, n);
    if (!t && n >= at) {
        t = claim_dead(tid, n);
        if (!t)
            atomic_store(&search_at, at < OC_THREADS / 2 ? at * 2 : OC_THREADS);
    }
    return t ? t : claim_new(tid);
}

struct oc_thread *oc_thread_claim(void)
{
    /* A vfork child has its parent's thread-local memory, but not its number. */
    if (oc_sys_pid() != atomic_load(&owner_pid))
        return NULL;
    struct oc_thread *t = claim_any(oc_sys_tid());
    if (!t)
        return NULL;
    if (oc_thread_self) {
        /* A signal handler has been here in between. */
        atomic_store(&t->tid, FREE);
        return oc_thread_self;
    }
    atomic_store_explicit(&t->hazard, NULL, memory_order_relaxed);
    atomic_store_explicit(&t->second, NULL, memory_order_relaxed);
    oc_thread_self = t;
    return t;
}

/* ---- hazards ---- */

void oc_thread_prepare(void)
{
    atomic_store(&owner_pid, oc_sys_pid());
    oc_thread_fence =
        OC_SYS_3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0;
    if (oc_thread_fence)
        oc_guard_careful();
}

/*
 * A sandbox that was entered since may refuse what was granted before.  Then readers
 * without a fence may still be about, and no look at their hazards can be believed.
 */
bool oc_thread_barrier(void)
{
    if (atomic_load_explicit(&blind, memory_order_relaxed))
        return false;
    if (oc_thread_fence) {
        atomic_thread_fence(memory_order_seq_cst);
        return true;
    }
    if (OC_SYS_3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0)
        return true;
    atomic_store(&blind, true);
    return false;
}

bool oc_thread_holds(const void *p)
{
    unsigned n = atomic_load(&oc_thread_high);
    for (unsigned i = 0; i < n; i++) {
        struct oc_thread *t = &oc_thread_records[i];
        if (atomic_load_explicit(&t->hazard, memory_order_acquire) == p ||
            atomic_load_explicit(&t->second, memory_order_acquire) == p)
            return true;
    }
    return false;
}

/* ---- vfork, fork and sums ---- */

__thread bool oc_thread_vforked __attribute__((tls_model("initial-exec")));

/* Nobody else knows when vfork is over: its caller goes on without us. */
static __thread bool starting __attribute__((tls_model("initial-exec")));

void oc_thread_before_vfork(void)
{
    oc_thread_vforked = true;
    if (!starting)
        oc_starting_begin(OC_START_ANY);
    starting = true;
}

void oc_thread_vfork_done(void)
{
    if (starting)
        oc_starting_end(OC_START_ANY);
    starting = false;
}

bool oc_thread_back_home(void)
{
    if (oc_sys_pid() != atomic_load(&owner_pid))
        return false;
    oc_thread_vforked = false;
    oc_thread_vfork_done();
    return true;
}

void oc_thread_in_child(void)
{
    struct oc_thread *self = oc_thread_self;
    unsigned n = atomic_load(&oc_thread_high);
    for (unsigned i = 0; i < n; i++) {
        memset((void *)&oc_thread_records[i].count, 0, sizeof oc_thread_records[i].count);
        if (&oc_thread_records[i] == self)
            continue; /* its hazard is of a copy that a handler has interrupted */
        atomic_store(&oc_thread_records[i].hazard, NULL);
        atomic_store(&oc_thread_records[i].second, NULL);
        atomic_store(&oc_thread_records[i].tid, FREE);
    }
    if (self)
        atomic_store(&self->tid, oc_sys_tid());
    oc_thread_vforked = starting = false;
    oc_starting_in_child();
    oc_thread_prepare();
}

void oc_thread_sum(struct oc_counters *sum)
{
    unsigned n = atomic_load(&oc_thread_high);
    memset((void *)sum, 0, sizeof *sum);
    for (unsigned i = 0; i < n; i++) {
#define X(name, text)                                                                              \
    oc_count(&sum->name,                                                                           \
             atomic_load_explicit(&oc_thread_records[i].count.name, memory_order_relaxed));
        OC_COUNTER_LIST(X)
#undef X
    }
}
