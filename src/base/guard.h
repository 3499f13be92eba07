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
 * set, so a thread may copy only when oc_guard_ready() says so; the shim keeps
 * the two signals out of every mask that passes through libc and reports the
 * masks the program wished for.
 */
#ifndef OC_GUARD_H
#define OC_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* The functions of libc that the guard needs, given once by whoever starts the
 * core (the shim has to find them behind its own names). */
struct oc_guard_libc {
    int (*sigaction)(int, const struct sigaction *, struct sigaction *);
};
void oc_guard_use(const struct oc_guard_libc *libc);

/*
 * May this thread copy now?  Takes over the handlers at the first call.  False
 * while either signal is (or may be) blocked in this thread, when it runs on a
 * small alternate stack, or when the handlers could not be set.  The answer is
 * thread-local and free once known.
 */
bool oc_guard_ready(void);

/* Copy n bytes; true when all were copied.  False: a fault; what dst holds is
 * unspecified, nothing else has changed.  Requires oc_guard_ready(). */
bool oc_guard_copy(void *dst, const void *src, size_t n);

/* ---- for the shim: the program's own view of the two signals ---- */

/* sigaction(SIGBUS or SIGSEGV) by the program: its wish is stored and reported,
 * the kernel keeps ours.  Returns 0 or -1 with errno, as sigaction. */
int oc_guard_sigaction(int sig, const struct sigaction *act, struct sigaction *old);

/* Take the two signals out of a mask that the program is about to hand to the kernel
 * (in *set), or out of an sa_mask.  Which of them were in is returned as bits
 * (1 SIGBUS, 2 SIGSEGV), to be kept as the thread's wish. */
unsigned oc_guard_strip(sigset_t *set);

/* sigprocmask/pthread_sigmask of the program: performed with the two signals kept
 * out; *old reports the wished mask.  Returns 0 or an errno value. */
int oc_guard_sigmask(int how, const sigset_t *set, sigset_t *old);

/* The program uses the two signals in a way we do not follow in this thread
 * (signalfd, sigwait, raw calls, a small sigaltstack): never copy here again. */
void oc_guard_give_up_thread(void);
/* ... in this process. */
void oc_guard_give_up(void);

/* Before exec and spawn: give the kernel back the wished mask and dispositions
 * (a blocked or ignored signal is inherited over exec); after a failed exec: take
 * them over again. */
void oc_guard_before_exec(void);
void oc_guard_after_failed_exec(void);

/* In the child of fork. */
void oc_guard_in_child(void);

#endif
