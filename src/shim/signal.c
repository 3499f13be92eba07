/*
 * Signals: SIGBUS and SIGSEGV belong to the guard in threads that copy, and the
 * program must not notice (base/guard.h).
 *
 * Dispositions go through the guard from the start, since it also keeps the two
 * out of every sa_mask.  Masks go through it only in a thread that has copied;
 * elsewhere these are libc's functions and one test.  All are async-signal-safe
 * where libc's are, and set errno as libc's do.
 *
 * Not here, and why: sigpending (a signal that the program blocks is really pending,
 * see hold() in disposition.c); siglongjmp, setcontext and returning handlers
 * (they restore a mask behind our back; the guard notices, see guard-inside.h);
 * pthread_attr_setsigmask_np and posix_spawnattr_setsigmask (a mask for somebody
 * who has not copied yet); sigvec (libc has it for binaries of the last century).
 */
#include "shim/real.h"

#include <sys/syscall.h>

#include "base/guard.h"
#include "shim/whole.h"

/* Same as above under other names of libc's. */
extern int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
extern int __sigsuspend(const sigset_t *set);
extern __sighandler_t bsd_signal(int sig, __sighandler_t handler);

static bool guarded(void)
{
    return oc_guard_libc != NULL;
}

/* ---- dispositions ---- */

OC_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    if (!guarded())
        return OC_REAL(sigaction)(sig, act, old);
    return oc_guard_sigaction(sig, act, old);
}

OC_EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    return sigaction(sig, act, old);
}

static bool is_signal(int sig)
{
    return sig > 0 && sig < NSIG;
}

/* Set a handler in one of the old ways: the one before, or SIG_ERR with errno. */
static __sighandler_t handle(int sig, __sighandler_t handler, int flags, bool mask_itself)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags}, old;
    if (handler == SIG_ERR || !is_signal(sig)) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if (mask_itself)
        sigaddset(&act.sa_mask, sig);
    return oc_guard_sigaction(sig, &act, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* What siginterrupt has told: one bit a signal. */
static _Atomic uint64_t interrupting;

OC_EXPORT __sighandler_t signal(int sig, __sighandler_t handler)
{
    if (!guarded())
        return OC_REAL(signal)(sig, handler);
    bool restart = !is_signal(sig) || !(atomic_load(&interrupting) >> (sig - 1) & 1);
    return handle(sig, handler, restart ? SA_RESTART : 0, true);
}

OC_EXPORT __sighandler_t bsd_signal(int sig, __sighandler_t handler)
{
    return signal(sig, handler);
}

OC_EXPORT __sighandler_t ssignal(int sig, __sighandler_t handler)
{
    return signal(sig, handler);
}

OC_EXPORT __sighandler_t __sysv_signal(int sig, __sighandler_t handler)
{
    if (!guarded())
        return OC_REAL(__sysv_signal)(sig, handler);
    return handle(sig, handler, (int)(SA_RESETHAND | SA_NODEFER | SA_INTERRUPT), false);
}

OC_EXPORT __sighandler_t sysv_signal(int sig, __sighandler_t handler)
{
    return __sysv_signal(sig, handler);
}

/* libc keeps what it is told for its own signal(); we need it as well, also when told early. */
OC_EXPORT int siginterrupt(int sig, int interrupt)
{
    struct sigaction act;
    if (is_signal(sig) && interrupt)
        atomic_fetch_or(&interrupting, UINT64_C(1) << (sig - 1));
    else if (is_signal(sig))
        atomic_fetch_and(&interrupting, ~(UINT64_C(1) << (sig - 1)));
    if (!guarded())
        return OC_REAL(siginterrupt)(sig, interrupt);
    if (oc_guard_sigaction(sig, NULL, &act) != 0)
        return -1;
    act.sa_flags = interrupt ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
    return oc_guard_sigaction(sig, &act, NULL);
}

OC_EXPORT int sigignore(int sig)
{
    struct sigaction act = {.sa_handler = SIG_IGN};
    if (!guarded())
        return OC_REAL(sigignore)(sig);
    return oc_guard_sigaction(sig, &act, NULL);
}

/* ---- masks ---- */

OC_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    if (oc_guard_masked())
        return oc_guard_sigmask(how, set, old);
    if (!OC_REAL(pthread_sigmask))
        return oc_real.sigprocmask(how, set, old) < 0 ? errno : 0;
    return oc_real.pthread_sigmask(how, set, old);
}

OC_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    if (!oc_guard_masked())
        return OC_REAL(sigprocmask)(how, set, old);
    int failed = oc_guard_sigmask(how, set, old);
    if (!failed)
        return 0;
    errno = failed;
    return -1;
}

static int mask_one(int how, int sig, sigset_t *old)
{
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, sig) == 0 ? sigprocmask(how, &set, old) : -1;
}

OC_EXPORT int sighold(int sig)
{
    return oc_guard_masked() ? mask_one(SIG_BLOCK, sig, NULL) : OC_REAL(sighold)(sig);
}

OC_EXPORT int sigrelse(int sig)
{
    return oc_guard_masked() ? mask_one(SIG_UNBLOCK, sig, NULL) : OC_REAL(sigrelse)(sig);
}

OC_EXPORT __sighandler_t sigset(int sig, __sighandler_t handler)
{
    struct sigaction act;
    sigset_t before;
    __sighandler_t old;
    if (!guarded())
        return OC_REAL(sigset)(sig, handler);
    if (handler == SIG_HOLD) {
        if (mask_one(SIG_BLOCK, sig, &before) != 0 || oc_guard_sigaction(sig, NULL, &act) != 0)
            return SIG_ERR;
        old = act.sa_handler;
    } else {
        old = handle(sig, handler, 0, false);
        if (old == SIG_ERR || mask_one(SIG_UNBLOCK, sig, &before) != 0)
            return SIG_ERR;
    }
    return sigismember(&before, sig) ? SIG_HOLD : old;
}

/* Masks of 32 signals. */
static void mask_from_low(sigset_t *set, int mask)
{
    uint32_t word = (uint32_t)mask;
    sigemptyset(set);
    memcpy(set, &word, sizeof word);
}

static int mask_low(int how, int mask)
{
    sigset_t set, old;
    uint32_t word;
    mask_from_low(&set, mask);
    if (oc_guard_sigmask(how, &set, &old) != 0)
        return -1;
    memcpy(&word, &old, sizeof word);
    return (int)word;
}

OC_EXPORT int sigblock(int mask)
{
    return oc_guard_masked() ? mask_low(SIG_BLOCK, mask) : OC_REAL(sigblock)(mask);
}

OC_EXPORT int sigsetmask(int mask)
{
    return oc_guard_masked() ? mask_low(SIG_SETMASK, mask) : OC_REAL(sigsetmask)(mask);
}

OC_EXPORT int siggetmask(void)
{
    return oc_guard_masked() ? mask_low(SIG_BLOCK, 0) : OC_REAL(siggetmask)();
}

/* ---- waiting with another mask ---- */

OC_EXPORT int sigsuspend(const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(sigsuspend)(set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int __sigsuspend(const sigset_t *set)
{
    return sigsuspend(set);
}

/* Three names: with a mask of 32 signals; with one signal to be let in; and with either. */
OC_EXPORT int oc_sigpause(int mask) __asm__("sigpause");
OC_EXPORT int oc_sigpause_xpg(int sig) __asm__("__xpg_sigpause");
OC_EXPORT int oc_sigpause_either(int sig_or_mask, int is_sig) __asm__("__sigpause");

int oc_sigpause(int mask)
{
    sigset_t set;
    mask_from_low(&set, mask);
    return sigsuspend(&set);
}

int oc_sigpause_xpg(int sig)
{
    sigset_t set;
    if (sigprocmask(SIG_BLOCK, NULL, &set) != 0 || sigdelset(&set, sig) != 0)
        return -1;
    return sigsuspend(&set);
}

int oc_sigpause_either(int sig_or_mask, int is_sig)
{
    return is_sig ? oc_sigpause_xpg(sig_or_mask) : oc_sigpause(sig_or_mask);
}

OC_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                    const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(ppoll)(fds, n, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                          const sigset_t *set, size_t size)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(__ppoll_chk)(fds, n, timeout, set, size);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int pselect(int n, fd_set *in, fd_set *out, fd_set *except,
                      const struct timespec *timeout, const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(pselect)(n, in, out, except, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int n, int timeout,
                          const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(epoll_pwait)(epfd, events, n, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int n,
                           const struct timespec *timeout, const sigset_t *set)
{
    struct oc_guard_wait wait;
    if (!OC_REAL(epoll_pwait2)) {
        errno = ENOSYS;
        return -1;
    }
    set = oc_guard_wait_begin(&wait, set);
    int result = oc_real.epoll_pwait2(epfd, events, n, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

/* ---- waiting for signals: they have to be blocked for real ---- */

OC_EXPORT int sigwait(const sigset_t *set, int *sig)
{
    oc_guard_awaited(set);
    return OC_REAL(sigwait)(set, sig);
}

OC_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    oc_guard_awaited(set);
    return OC_REAL(sigwaitinfo)(set, info);
}

OC_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    oc_guard_awaited(set);
    return OC_REAL(sigtimedwait)(set, info, timeout);
}

OC_EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
    oc_guard_awaited(set);
    int result = OC_REAL(signalfd)(fd, set, flags);
    return fd == -1 ? oc_shim_new_fd(result) : result;
}

/* ---- stacks, threads ---- */

OC_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
    int result = OC_REAL(sigaltstack)(stack, old);
    if (result == 0 && stack)
        oc_guard_altstack(stack);
    return result;
}

/* A new thread inherits the real mask, and may be given streams. */
static void before_thread(void)
{
    if (oc_guard_wishes())
        oc_guard_before_exec();
    oc_whole_leave_all();
}

OC_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *),
                             void *arg)
{
    before_thread();
    return OC_REAL_LATE(pthread_create)(thread, attr, body, arg);
}

OC_EXPORT int thrd_create(thrd_t *thread, thrd_start_t body, void *arg)
{
    before_thread();
    return OC_REAL_LATE(thrd_create)(thread, body, arg);
}

/* ---- by number, from syscall() ---- */

/* Which argument is the mask to wait with; -1: none.  Its size is the next one. */
static int waiting_mask_at(long nr)
{
    switch (nr) {
    case SYS_rt_sigsuspend:
        return 0;
#ifdef SYS_ppoll /* architectures of our time have only those with a time of 64 bits */
    case SYS_ppoll:
        return 3;
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
        return 4;
    default:
        return -1;
    }
}

/* The mask at AT as libc has it; false: none, or a bad one, which is the kernel's affair. */
static bool read_mask(sigset_t *set, long at, long size)
{
    sigemptyset(set);
    return at && size == _NSIG / 8 && oc_guard_copy(set, (const void *)at, _NSIG / 8);
}

static bool wait_by_number(long nr, const long a[6], long *r)
{
    int at = waiting_mask_at(nr);
    sigset_t set;
    struct oc_guard_wait wait;
    if (at < 0 || !oc_guard_masked() || !read_mask(&set, a[at], a[at + 1]))
        return false;
    long b[6];
    memcpy(b, a, sizeof b);
    b[at] = (long)oc_guard_wait_begin(&wait, &set);
    *r = OC_REAL(syscall)(nr, b[0], b[1], b[2], b[3], b[4], b[5]);
    oc_guard_wait_end(&wait);
    return true;
}

/* Mask and size are behind the sixth argument. */
static inline bool pselect_by_number(long nr, const long a[6], long *r)
{
    long given[2];
    sigset_t set;
    struct oc_guard_wait wait;
    if (!oc_guard_masked() || !a[5] || !oc_guard_copy(given, (const void *)a[5], sizeof given) ||
        !read_mask(&set, given[0], given[1]))
        return false;
    given[0] = (long)oc_guard_wait_begin(&wait, &set);
    *r = OC_REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], given);
    oc_guard_wait_end(&wait);
    return true;
}

static void awaited_by_number(long at, long size)
{
    sigset_t set;
    if (oc_guard_masked() && read_mask(&set, at, size))
        oc_guard_awaited(&set);
}

/* True when the call has been made, with its result in *r. */
bool oc_shim_signal_by_number(long nr, const long a[6], long *r)
{
    int failed;
    switch (nr) {
    case SYS_rt_sigprocmask:
        if (!oc_guard_masked() || a[3] != _NSIG / 8)
            return false;
        failed = oc_guard_sigmask((int)a[0], (const sigset_t *)a[1], (sigset_t *)a[2]);
        *r = failed ? -1 : 0;
        if (failed)
            errno = failed;
        return true;
    case SYS_rt_sigaction:
        /* The kernel's own struct, and the end of our handler: no copy from now on. */
        if (guarded() && a[1] && (a[0] == SIGBUS || a[0] == SIGSEGV))
            oc_guard_give_up();
        return false;
#ifdef SYS_rt_sigtimedwait
    case SYS_rt_sigtimedwait:
        awaited_by_number(a[0], a[3]);
        return false;
#endif
    case SYS_signalfd4:
        awaited_by_number(a[1], a[2]);
        return false;
    case SYS_sigaltstack:
        *r = sigaltstack((const stack_t *)a[0], (stack_t *)a[1]);
        return true;
#ifdef SYS_pselect6
    case SYS_pselect6:
        return pselect_by_number(nr, a, r);
#endif
    default:
        return wait_by_number(nr, a, r);
    }
}
