/*
 * Calls that return descriptors which are no data file.  A number that comes
 * back was free, so whatever we knew of it is over: the second line of defence
 * for descriptors that were closed where nobody could see it.
 */
#include "shim/real.h"

#define NEW(call) oc_shim_new_fd(call)

static int pair(int result, const int fds[2])
{
    if (result == 0) {
        oc_shim_new_fd(fds[0]);
        oc_shim_new_fd(fds[1]);
    }
    return result;
}

OC_EXPORT int socket(int domain, int type, int protocol)
{
    return NEW(OC_REAL(socket)(domain, type, protocol));
}

OC_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    return pair(OC_REAL(socketpair)(domain, type, protocol, fds), fds);
}

OC_EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return NEW(OC_REAL(accept)(fd, addr, len));
}

OC_EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return NEW(OC_REAL(accept4)(fd, addr, len, flags));
}

OC_EXPORT int pipe(int fds[2])
{
    return pair(OC_REAL(pipe)(fds), fds);
}

OC_EXPORT int __pipe(int fds[2])
{
    return pipe(fds);
}

OC_EXPORT int pipe2(int fds[2], int flags)
{
    return pair(OC_REAL(pipe2)(fds, flags), fds);
}

OC_EXPORT int eventfd(unsigned count, int flags)
{
    return NEW(OC_REAL(eventfd)(count, flags));
}

OC_EXPORT int memfd_create(const char *name, unsigned flags)
{
    return NEW(OC_REAL(memfd_create)(name, flags));
}

OC_EXPORT int epoll_create(int size)
{
    return NEW(OC_REAL(epoll_create)(size));
}

OC_EXPORT int epoll_create1(int flags)
{
    return NEW(OC_REAL(epoll_create1)(flags));
}

OC_EXPORT int timerfd_create(int clock, int flags)
{
    return NEW(OC_REAL(timerfd_create)(clock, flags));
}

OC_EXPORT int inotify_init(void)
{
    return NEW(OC_REAL(inotify_init)());
}

OC_EXPORT int inotify_init1(int flags)
{
    return NEW(OC_REAL(inotify_init1)(flags));
}

OC_EXPORT int fanotify_init(unsigned flags, unsigned event_flags)
{
    return NEW(OC_REAL(fanotify_init)(flags, event_flags));
}

OC_EXPORT DIR *opendir(const char *path)
{
    DIR *dir = OC_REAL(opendir)(path);
    if (OC_ACTIVE() && dir)
        oc_shim_new_fd(dirfd(dir));
    return dir;
}

OC_EXPORT int mkstemp(char *template)
{
    return NEW(OC_REAL(mkstemp)(template));
}

OC_EXPORT int mkstemp64(char *template)
{
    return NEW(OC_REAL(mkstemp64)(template));
}

OC_EXPORT int mkostemp(char *template, int flags)
{
    return NEW(OC_REAL(mkostemp)(template, flags));
}

OC_EXPORT int mkostemp64(char *template, int flags)
{
    return NEW(OC_REAL(mkostemp64)(template, flags));
}

OC_EXPORT int mkstemps(char *template, int suffix)
{
    return NEW(OC_REAL(mkstemps)(template, suffix));
}

OC_EXPORT int mkostemps(char *template, int suffix, int flags)
{
    return NEW(OC_REAL(mkostemps)(template, suffix, flags));
}

OC_EXPORT int mkstemps64(char *template, int suffix)
{
    return NEW(OC_REAL(mkstemps64)(template, suffix));
}

OC_EXPORT int mkostemps64(char *template, int suffix, int flags)
{
    return NEW(OC_REAL(mkostemps64)(template, suffix, flags));
}

OC_EXPORT int openpty(int *master, int *slave, char *name, const struct termios *termios,
                      const struct winsize *size)
{
    int result = OC_REAL_LATE(openpty)(master, slave, name, termios, size);
    if (result == 0) {
        oc_shim_new_fd(*master);
        oc_shim_new_fd(*slave);
    }
    return result;
}

OC_EXPORT int pidfd_getfd(int pidfd, int fd, unsigned flags)
{
    if (!OC_REAL(pidfd_getfd)) /* before glibc 2.36 programs have it by number */
        return (int)syscall(SYS_pidfd_getfd, (long)pidfd, (long)fd, (long)flags);
    return NEW(oc_real.pidfd_getfd(pidfd, fd, flags));
}

static FILE *stream(FILE *f)
{
    if (OC_ACTIVE() && f)
        oc_shim_new_fd(fileno(f));
    return f;
}

OC_EXPORT FILE *tmpfile(void)
{
    return stream(OC_REAL(tmpfile)());
}

OC_EXPORT FILE *tmpfile64(void)
{
    return stream(OC_REAL(tmpfile64)());
}

OC_EXPORT int shm_open(const char *name, int flags, mode_t mode)
{
    return NEW(OC_REAL_LATE(shm_open)(name, flags, mode));
}

OC_EXPORT int posix_openpt(int flags)
{
    return NEW(OC_REAL(posix_openpt)(flags));
}

OC_EXPORT int open_by_handle_at(int mount, struct file_handle *handle, int flags)
{
    return NEW(OC_REAL(open_by_handle_at)(mount, handle, flags));
}

OC_EXPORT int pidfd_open(pid_t pid, unsigned flags)
{
    if (!OC_REAL(pidfd_open))
        return (int)syscall(SYS_pidfd_open, (long)pid, (long)flags);
    return NEW(oc_real.pidfd_open(pid, flags));
}

/* ---- by number ---- */

/* Does the call return a descriptor, and nothing else but errors? */
static bool returns_one(long nr)
{
    switch (nr) {
    case SYS_openat2:
    case SYS_open_by_handle_at:
    case SYS_open_tree:
    case SYS_socket:
    case SYS_accept4:
    case SYS_eventfd2:
    case SYS_epoll_create1:
    case SYS_signalfd4:
    case SYS_timerfd_create:
    case SYS_inotify_init1:
    case SYS_fanotify_init:
    case SYS_memfd_create:
    case SYS_memfd_secret:
    case SYS_userfaultfd:
    case SYS_perf_event_open:
    case SYS_pidfd_open:
    case SYS_pidfd_getfd:
    case SYS_io_uring_setup:
    case SYS_mq_open:
    case SYS_fsopen:
    case SYS_fsmount:
    case SYS_fspick:
#ifdef SYS_accept
    case SYS_accept:
#endif
#ifdef SYS_creat /* and others that new architectures have in one form only */
    case SYS_creat:
    case SYS_eventfd:
    case SYS_epoll_create:
    case SYS_signalfd:
    case SYS_inotify_init:
#endif
        return true;
    default:
        return false;
    }
}

void oc_shim_new_by_number(long nr, const long a[6], long r)
{
    if (r < 0)
        return;
    if (returns_one(nr))
        oc_shim_new_fd((int)r);
    else if (nr == SYS_pipe2 || nr == SYS_socketpair)
        pair(0, (const int *)a[nr == SYS_pipe2 ? 0 : 3]);
#ifdef SYS_pipe
    else if (nr == SYS_pipe)
        pair(0, (const int *)a[0]);
#endif
    else if (nr == SYS_recvmsg)
        oc_shim_received((const struct msghdr *)a[1]);
    else if (nr == SYS_recvmmsg)
        oc_shim_received_all((const struct mmsghdr *)a[1], (int)r);
}
