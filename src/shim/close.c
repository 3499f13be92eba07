/*
 * close and its kin.  The entry goes before the number does: after the real
 * close another thread may already have it.  Our own descriptors (base/own.h) are not
 * the program's to close.
 */
#include "shim/real.h"

#include "base/own.h"

static __attribute__((noinline)) int close_of_interest(int fd)
{
    oc_own_settle();
    if (oc_own_is(fd) && oc_serve_is_owner()) {
        errno = EBADF;
        return -1;
    }
    struct oc_desc *d = oc_fd_get(fd);
    if (d && oc_serve_is_owner()) {
        oc_serve_closing(fd, d);
        oc_fd_closing(fd);
    }
    return OC_REAL(close)(fd);
}

OC_EXPORT int close(int fd)
{
    if (OC_ACTIVE() && (oc_own_any() || oc_fd_get(fd)))
        return close_of_interest(fd);
    return OC_REAL(close)(fd);
}

OC_EXPORT int __close(int fd) __attribute__((alias("close")));

static void closing_range(unsigned first, unsigned last)
{
    if (OC_ACTIVE() && oc_serve_is_owner())
        oc_fd_closing_range(first, last);
}

/* Before glibc 2.34 programs have it by number only. */
static int real_close_range(unsigned first, unsigned last, int flags)
{
    if (OC_REAL(close_range))
        return oc_real.close_range(first, last, flags);
    return (int)OC_REAL(syscall)(SYS_close_range, (long)first, (long)last, (long)flags);
}

/* Close [first, last] but for descriptors of ours that some thread is working with. */
static int close_around_ours(unsigned first, unsigned last, int flags)
{
    for (;;) {
        int own = oc_own_next(first);
        if (own < 0 || (unsigned)own > last)
            return first <= last ? real_close_range(first, last, flags) : 0;
        if ((unsigned)own > first && real_close_range(first, (unsigned)own - 1, flags) != 0)
            return -1;
        first = (unsigned)own + 1;
    }
}

OC_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (!OC_ACTIVE() || first > last)
        return real_close_range(first, last, flags);
    /* A table of this thread's own: from now on a number may mean two things. */
    if (flags & CLOSE_RANGE_UNSHARE)
        oc_serve_stop();
    if (flags & CLOSE_RANGE_CLOEXEC)
        return real_close_range(first, last, flags);
    if (!oc_serve_is_owner())
        return real_close_range(first, last, flags);
    closing_range(first, last);
    oc_own_replace(OC_OWN_ANY);
    int result = close_around_ours(first, last, flags);
    oc_own_replaced();
    return result;
}

/* Where neither libc nor the kernel can do it. */
static void close_each_from(int first)
{
    for (long fd = sysconf(_SC_OPEN_MAX); fd-- > first;)
        close((int)fd);
}

OC_EXPORT void closefrom(int first)
{
    int saved = errno;
    if (OC_ACTIVE() || !OC_REAL(closefrom)) {
        if (close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0) == 0)
            return;
        errno = saved;
    }
    closing_range(first < 0 ? 0 : (unsigned)first, ~0u);
    if (OC_REAL(closefrom))
        oc_real.closefrom(first);
    else
        close_each_from(first < 0 ? 0 : first);
    errno = saved;
}
