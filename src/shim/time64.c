/*
 * The names that 32-bit programs built with _TIME_BITS=64 call instead.  What they
 * do differently from the plain ones has to do with times alone, so each does what the
 * plain one's wrapper does and makes its own real call.
 *
 * libc has them since 2.34; whoever calls one has a libc that has it.
 */
#include "shim/real.h"

#if OC_TIME64_NAMES

#include "base/guard.h"

OC_EXPORT int __fcntl_time64(int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    void *arg = va_arg(args, void *);
    va_end(args);
    return oc_shim_fcntl(OC_REAL(__fcntl_time64), fd, cmd, arg);
}

OC_EXPORT int __ioctl_time64(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    oc_shim_controlling(fd, request, arg);
    return OC_REAL(__ioctl_time64)(fd, request, arg);
}

OC_EXPORT ssize_t __sendmsg64(int fd, const struct msghdr *m, int flags)
{
    oc_shim_sending(m);
    return OC_REAL(__sendmsg64)(fd, m, flags);
}

OC_EXPORT int __sendmmsg64(int fd, struct mmsghdr *m, unsigned count, int flags)
{
    oc_shim_sending_all(m, count);
    return OC_REAL(__sendmmsg64)(fd, m, count, flags);
}

OC_EXPORT ssize_t __recvmsg64(int fd, struct msghdr *m, int flags)
{
    ssize_t n = OC_REAL(__recvmsg64)(fd, m, flags);
    if (n >= 0)
        oc_shim_received(m);
    return n;
}

OC_EXPORT int __recvmmsg64(int fd, struct mmsghdr *m, unsigned count, int flags, void *timeout)
{
    int n = OC_REAL(__recvmmsg64)(fd, m, count, flags, timeout);
    oc_shim_received_all(m, n);
    return n;
}

/* ---- waiting with a mask of its own; see signal.c ---- */

OC_EXPORT int __ppoll64(struct pollfd *fds, nfds_t n, const void *timeout, const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(__ppoll64)(fds, n, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int __pselect64(int n, fd_set *in, fd_set *out, fd_set *except, const void *timeout,
                          const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(__pselect64)(n, in, out, except, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int __epoll_pwait2_time64(int epfd, struct epoll_event *events, int n,
                                    const void *timeout, const sigset_t *set)
{
    struct oc_guard_wait wait;
    set = oc_guard_wait_begin(&wait, set);
    int result = OC_REAL(__epoll_pwait2_time64)(epfd, events, n, timeout, set);
    oc_guard_wait_end(&wait);
    return result;
}

OC_EXPORT int __sigtimedwait64(const sigset_t *set, siginfo_t *info, const void *timeout)
{
    oc_guard_awaited(set);
    return OC_REAL(__sigtimedwait64)(set, info, timeout);
}

#else
/* A file needs something in it. */
typedef int oc_no_time64_names;
#endif
