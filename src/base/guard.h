/*
 * A copy that survives a fault in the mapping or in the caller's buffer.
 *
 * A mapped file that is truncated, or has an I/O error, raises SIGBUS; a bad
 * buffer raises SIGSEGV where read() would return EFAULT.  The guard owns the
 * kernel's handlers for both from the first copy on.  A fault whose address
 * lies in the source or the destination of a copy that this thread has under
 * way is ours: the copy ends with false and the caller makes the real call.
 * Every other fault goes to the program's handler as the kernel would have
 * delivered it.
 *
 * A fault while its signal is blocked kills the process whatever handler is
 * set, so a thread may copy only when oc_guard_ready() says so.  From then on
 * the thread's real mask holds neither signal: the shim brings every mask that
 * passes through libc by here, and the wished ones are kept and reported.  A
 * thread that never copied keeps its real mask and pays nothing.
 *
 *   guard.c        the copy, and who may make one
 *   small.c        the copy of a few bytes, where a hit's cost is decided
 *   disposition.c  the program's handlers, and calling them
 *   mask.c         the program's masks
 */
#ifndef OC_GUARD_H
#define OC_GUARD_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/small.h"

/* The functions of libc that the guard needs, given once by whoever starts the
 * core (the shim has to find them behind its own names). */
struct oc_guard_libc {
    int (*sigaction)(int, const struct sigaction *, struct sigaction *);
};
void oc_guard_use(const struct oc_guard_libc *libc);
extern const struct oc_guard_libc *oc_guard_libc; /* NULL: the guard is not in use */

/* ---- copying ---- */

enum oc_guard_state {
    OC_GUARD_UNKNOWN, /* the kernel has to be asked; the real mask is the wished one */
    OC_GUARD_READY,   /* neither signal is blocked; their wished state is kept here */
    OC_GUARD_NEVER,   /* given up; the real mask is the wished one */
};

extern __thread enum oc_guard_state oc_guard_state
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
/* OC_GUARD_READY, or -1 when copying is over in the whole process. */
extern _Atomic int oc_guard_open __attribute__((visibility("hidden")));

/* The same, but -1 also where each copy takes more care than a hit does (hit.h): hazards need
 * a fence here, or threads are cancelled. */
extern _Atomic int oc_guard_quick __attribute__((visibility("hidden")));
void oc_guard_careful(void);

bool oc_guard_ask(void) __attribute__((cold));

/*
 * May this thread copy now?  Takes over the handlers at the first call.  False
 * while either signal is (or may be) blocked in this thread, when it has a
 * small alternate stack, or when the handlers could not be set.  The answer is
 * thread-local and free once known.
 */
static inline bool oc_guard_is_ready(void) /* without asking */
{
    int open = atomic_load_explicit(&oc_guard_open, memory_order_relaxed);
    return __builtin_expect((int)oc_guard_state == open, 1);
}

static inline bool oc_guard_is_quick(void)
{
    int quick = atomic_load_explicit(&oc_guard_quick, memory_order_relaxed);
    return __builtin_expect((int)oc_guard_state == quick, 1);
}

static inline bool oc_guard_ready(void)
{
    return oc_guard_is_ready() || oc_guard_ask();
}

/* Copy n bytes; true when all were copied.  False: a fault; what dst holds is
 * unspecified, nothing else has changed.  Requires oc_guard_ready(). */
bool oc_guard_copy_big(void *dst, const void *src, size_t n) __attribute__((visibility("hidden")));

static inline bool oc_guard_copy(void *dst, const void *src, size_t n)
{
    if (oc_small_enough(n))
        return oc_small_copy(dst, src, n);
    return oc_guard_copy_big(dst, src, n);
}

/* ---- for the shim: the program's own view of the two signals ---- */

/* Is the mask of this thread a wished one?  Otherwise calls about masks are libc's alone. */
static inline bool oc_guard_masked(void)
{
    return oc_guard_state == OC_GUARD_READY;
}

/*
 * sigaction by the program.  For SIGBUS and SIGSEGV, once the handlers are taken
 * over (at the first copy, or here for the program's first handler): its wish is stored and
 * reported, the kernel keeps ours.  For the others: the two are taken out of sa_mask, and reported
 * in it.  0 or -1 with errno.
 */
int oc_guard_sigaction(int sig, const struct sigaction *act, struct sigaction *old);

/* sigprocmask/pthread_sigmask of the program.  Returns 0 or an errno value. */
int oc_guard_sigmask(int how, const sigset_t *set, sigset_t *old);

/*
 * Around a call that waits with a mask of its own (sigsuspend, ppoll, ...): the mask
 * to hand to the kernel, which may be *wait's.  NULL stays NULL.
 */
struct oc_guard_wait {
    sigset_t mask;
    uint64_t wished, witness; /* of before */
    bool swapped;
};
const sigset_t *oc_guard_wait_begin(struct oc_guard_wait *wait, const sigset_t *mask);
void oc_guard_wait_end(const struct oc_guard_wait *wait);

/* The program is about to wait for these signals (sigwait, signalfd): with one of the
 * two among them, this thread copies no more and gets its wished mask for real. */
void oc_guard_awaited(const sigset_t *set);

/* The program has set an alternate stack: a small one ends copying in this thread. */
void oc_guard_altstack(const stack_t *stack);

/* The program uses the two signals in a way we do not follow in this thread: never copy
 * here again. */
void oc_guard_give_up_thread(void);
/* ... in this process. */
void oc_guard_give_up(void);

/*
 * Before whatever hands the thread's mask on: exec, vfork, posix_spawn, pthread_create.
 * The kernel gets the wished mask; the next oc_guard_ready takes the two out again, so
 * nothing has to be undone.  (A vfork child shares this thread's memory: it finds a
 * thread whose mask is its own affair.)
 */
void oc_guard_before_exec(void);
/* Is there a difference between the wished and the real mask? */
bool oc_guard_wishes(void);

/* In the child of fork. */
void oc_guard_in_child(void);

#endif
