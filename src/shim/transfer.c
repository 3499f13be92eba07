/*
 * Calls that read at the kernel's offset, or hand descriptors to somebody
 * else: the offset goes back to the kernel first.
 */
#include "shim/real.h"

#include <limits.h>
#include <linux/userfaultfd.h>

#include "base/guard.h"
#include "base/vma.h"

OC_EXPORT ssize_t sendfile64(int out, int in, off64_t *off, size_t n)
{
    if (!off)
        oc_fd_release(in);
    return OC_REAL(sendfile64)(out, in, off, n);
}

OC_EXPORT ssize_t sendfile(int out, int in, off_t *off, size_t n)
{
    if (!off)
        oc_fd_release(in);
    return OC_REAL(sendfile)(out, in, off, n);
}

OC_EXPORT ssize_t splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t n,
                         unsigned flags)
{
    if (!in_off)
        oc_fd_release(in);
    return OC_REAL(splice)(in, in_off, out, out_off, n, flags);
}

OC_EXPORT ssize_t copy_file_range(int in, off64_t *in_off, int out, off64_t *out_off, size_t n,
                                  unsigned flags)
{
    if (!in_off)
        oc_fd_release(in);
    return OC_REAL(copy_file_range)(in, in_off, out, out_off, n, flags);
}

/* The pages it gives away stay the pipe's for as long as it likes, with all that is stored to them
 * later: an image's page would be copied by the store. */
void oc_shim_splicing(const struct iovec *v, size_t count)
{
    oc_vma_pins_possible();
    for (size_t i = 0; OC_ACTIVE() && i < count && i < IOV_MAX; i++) {
        struct iovec part = {NULL, SIZE_MAX / 2};
        bool bad = !oc_guard_ready() || !oc_guard_copy(&part, &v[i], sizeof part);
        oc_shim_materialise(part.iov_base, part.iov_len);
        if (bad)
            break;
    }
}

OC_EXPORT ssize_t vmsplice(int fd, const struct iovec *v, size_t count, unsigned flags)
{
    oc_shim_splicing(v, count);
    return OC_REAL(vmsplice)(fd, v, count, flags);
}

/* userfaultfd watches anonymous memory, and files of few kinds. */
static void before_watching(const struct uffdio_register *reg)
{
    struct uffdio_register copy = {.range = {0, SIZE_MAX / 2}};
    if (!OC_ACTIVE())
        return;
    if (oc_guard_ready())
        oc_guard_copy(&copy, reg, sizeof copy);
    oc_shim_materialise((void *)(uintptr_t)copy.range.start, (size_t)copy.range.len);
}

void oc_shim_controlling(int fd, unsigned long request, const void *arg)
{
    if (request == FIONREAD)
        oc_fd_release(fd);
    else if (request == FIONCLEX)
        oc_fd_uncloexec(fd);
    else if (request == UFFDIO_REGISTER)
        before_watching(arg);
}

OC_EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    oc_shim_controlling(fd, request, arg);
    return OC_REAL(ioctl)(fd, request, arg);
}

/* Sections are counted from the offset. */
OC_EXPORT int lockf(int fd, int cmd, off_t len)
{
    oc_fd_release(fd);
    return OC_REAL(lockf)(fd, cmd, len);
}

OC_EXPORT int lockf64(int fd, int cmd, off64_t len)
{
    oc_fd_release(fd);
    return OC_REAL(lockf64)(fd, cmd, len);
}

/* ---- descriptors in flight ---- */

static bool carries_fds(const struct cmsghdr *c)
{
    return c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
}

/* Call EACH for every descriptor in the control data. */
static void each_fd(const struct msghdr *m, void (*each)(int fd))
{
    struct msghdr *msg = (struct msghdr *)(uintptr_t)m;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (!carries_fds(c) || c->cmsg_len < CMSG_LEN(0))
            continue;
        const unsigned char *data = CMSG_DATA(c);
        for (size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); n; n--, data += sizeof(int)) {
            int fd;
            memcpy(&fd, data, sizeof fd);
            each(fd);
        }
    }
}

/* Whoever receives it shares the offset, from the moment it is sent. */
void oc_shim_sending(const struct msghdr *m)
{
    if (OC_ACTIVE() && m && m->msg_control && m->msg_controllen)
        each_fd(m, oc_fd_expose);
}

void oc_shim_received(const struct msghdr *m)
{
    if (OC_ACTIVE() && m->msg_control && m->msg_controllen)
        each_fd(m, oc_fd_forget);
}

void oc_shim_sending_all(const struct mmsghdr *m, unsigned count)
{
    for (unsigned i = 0; OC_ACTIVE() && m && i < count; i++)
        oc_shim_sending(&m[i].msg_hdr);
}

void oc_shim_received_all(const struct mmsghdr *m, int count)
{
    for (int i = 0; OC_ACTIVE() && i < count; i++)
        oc_shim_received(&m[i].msg_hdr);
}

OC_EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    oc_shim_sending(m);
    return OC_REAL(sendmsg)(fd, m, flags);
}

OC_EXPORT int sendmmsg(int fd, struct mmsghdr *m, unsigned count, int flags)
{
    oc_shim_sending_all(m, count);
    return OC_REAL(sendmmsg)(fd, m, count, flags);
}

OC_EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    ssize_t n = OC_REAL(recvmsg)(fd, m, flags);
    if (n >= 0)
        oc_shim_received(m);
    return n;
}

OC_EXPORT int recvmmsg(int fd, struct mmsghdr *m, unsigned count, int flags,
                       struct timespec *timeout)
{
    int n = OC_REAL(recvmmsg)(fd, m, count, flags, timeout);
    oc_shim_received_all(m, n);
    return n;
}
