/*
 * dup and its kin, and fcntl: several descriptors of one description share its
 * record, and so its offset.  In a vfork child the numbers are another
 * process's; its tables are left alone.
 */
#include "shim/real.h"

#include "base/own.h"
#include "base/sys.h"

static int duped(int from, int to)
{
    if (to >= 0 && (oc_fd_get(from) || oc_fd_get(to)) && oc_serve_is_owner()) {
        int saved = errno;
        oc_fd_duped(from, to);
        errno = saved;
    }
    return to;
}

/* Before FD gets a copy that a program inherits. */
static void before_copy(int fd)
{
    if (oc_fd_get(fd) && oc_serve_is_owner()) {
        int saved = errno;
        oc_fd_uncloexec(fd);
        errno = saved;
    }
}

OC_EXPORT int dup(int fd)
{
    before_copy(fd);
    return duped(fd, OC_REAL(dup)(fd));
}

/*
 * The new number's old entry goes before the kernel closes it, and its new one is made
 * after the kernel has: another thread that reads by the number in between asks the kernel.
 * So both offsets are handed back first; the new one's only where there may be such a reader,
 * that is, when the number is in use.  (When the call then fails, nothing was closed: the
 * entry is lost, and the kernel reads.)
 */
static void before_replacing(int from, int to)
{
    if ((oc_fd_get(from) || oc_fd_get(to)) && from != to && oc_serve_is_owner()) {
        int saved = errno;
        if (OC_SYS_2(SYS_fcntl, to, F_GETFD) >= 0)
            oc_fd_release(from);
        oc_fd_closing(to);
        errno = saved;
    }
}

/* The program could not know that a number is ours; in a signal handler, where waiting
 * for the thread that it interrupted would be in vain, it is as in the middle of an open. */
static int replace(int from, int to, int flags, bool is_dup2)
{
    before_copy(from);
    before_replacing(from, to);
    bool apart = OC_ACTIVE() && oc_serve_is_owner();
    if (apart && !oc_own_replace(to)) {
        errno = EBUSY;
        return -1;
    }
    int result = is_dup2 ? OC_REAL(dup2)(from, to) : OC_REAL(dup3)(from, to, flags);
    if (apart)
        oc_own_replaced();
    return duped(from, result);
}

OC_EXPORT int dup2(int from, int to)
{
    if (from == to)
        return OC_REAL(dup2)(from, to);
    return replace(from, to, 0, true);
}

OC_EXPORT int __dup2(int from, int to) __attribute__((alias("dup2")));

OC_EXPORT int dup3(int from, int to, int flags)
{
    return replace(from, to, flags, false);
}

/* A record lock that counts from the offset needs the kernel's. */
static bool lock_at_offset(int cmd, const struct flock *lock)
{
    switch (cmd) {
    case F_SETLK:
    case F_SETLKW:
    case F_GETLK:
#if F_SETLK64 != F_SETLK /* 32 bit; l_whence is at the same place */
    case F_SETLK64:
    case F_SETLKW64:
    case F_GETLK64:
#endif
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
    case F_OFD_GETLK:
        return lock && lock->l_whence == SEEK_CUR;
    default:
        return false;
    }
}

static bool turns_inheritable(int cmd, long flags)
{
    return cmd == F_DUPFD || (cmd == F_SETFD && !(flags & FD_CLOEXEC));
}

/* Direct reads have rules of alignment that we do not play. */
static bool turns_direct(int cmd, long flags)
{
    return cmd == F_SETFL && (flags & O_DIRECT);
}

int oc_shim_fcntl(__typeof__(fcntl) *real, int fd, int cmd, void *arg)
{
    if (turns_direct(cmd, (long)arg)) {
        if (OC_ACTIVE() && oc_serve_is_owner())
            oc_fd_abandon(fd);
    } else if (__builtin_expect(oc_fd_get(fd) != NULL, 0) && oc_serve_is_owner() &&
               lock_at_offset(cmd, arg)) {
        oc_fd_release(fd);
    }
    if (turns_inheritable(cmd, (long)arg))
        before_copy(fd);
    int result = real(fd, cmd, arg);
    if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
        duped(fd, result);
    return result;
}

OC_EXPORT int fcntl(int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    void *arg = va_arg(args, void *);
    va_end(args);
    return oc_shim_fcntl(OC_REAL(fcntl), fd, cmd, arg);
}

OC_EXPORT int fcntl64(int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    void *arg = va_arg(args, void *);
    va_end(args);
    return oc_shim_fcntl(OC_REAL(fcntl64) ? oc_real.fcntl64 : oc_real.fcntl, fd, cmd, arg);
}

OC_EXPORT int __fcntl(int fd, int cmd, ...) __attribute__((alias("fcntl")));
