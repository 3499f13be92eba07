/* Each call, by its libc name or by its instruction; see side.h. */
#include "side.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../newer.h"
#include "base/sys.h"

#define RAW5(nr, a, b, c, d, e) oc_syscall(nr, (long)(a), (long)(b), (long)(c), d, e, 0)
#define RAW6(nr, a, b, c, d, e, f)                                                                 \
    oc_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/*
 * With 32 bits the kernel takes an offset in two words, and libc has two functions for each
 * call: the plain one is asked whenever it can be.  Here both are one.
 */
#if __SIZEOF_LONG__ == 8
#define LOW(off)      ((long)(off))
#define HIGH(off)     0L
#define NARROW(off)   true
#define RAW_FTRUNCATE SYS_ftruncate
#define RAW_MMAP      SYS_mmap
#define RAW_MMAP_UNIT 1
#else
#define LOW(off)      ((long)(off))
#define HIGH(off)     ((long)((off) >> 32))
#define NARROW(off)   ((off_t)(off) == (off))
#define RAW_FTRUNCATE SYS_ftruncate64
#define RAW_MMAP      SYS_mmap2
#define RAW_MMAP_UNIT 4096
#endif

long side_result(long value)
{
    return value == -1 ? -(long)errno : value;
}

long side_open(enum side s, const char *path, int flags, int mode)
{
    if (s == RAW)
        return OC_SYS_4(SYS_openat, AT_FDCWD, path, flags, mode);
    return side_result(open(path, flags, mode));
}

long side_close(enum side s, int fd)
{
    return s == RAW ? OC_SYS_1(SYS_close, fd) : side_result(close(fd));
}

long side_close_range(enum side s, unsigned first, unsigned last, int flags)
{
    if (s == RAW)
        return OC_SYS_3(SYS_close_range, first, last, flags);
    return side_result(close_range(first, last, flags));
}

long side_dup(enum side s, int fd)
{
    return s == RAW ? OC_SYS_1(SYS_dup, fd) : side_result(dup(fd));
}

long side_dup2(enum side s, int fd, int to)
{
    if (s == LIBC)
        return side_result(dup2(fd, to));
#ifdef SYS_dup2
    return OC_SYS_2(SYS_dup2, fd, to);
#else
    if (fd == to)
        return OC_SYS_2(SYS_fcntl, fd, F_GETFD) < 0 ? -EBADF : fd;
    return OC_SYS_3(SYS_dup3, fd, to, 0);
#endif
}

long side_dup3(enum side s, int fd, int to, int flags)
{
    return s == RAW ? OC_SYS_3(SYS_dup3, fd, to, flags) : side_result(dup3(fd, to, flags));
}

long side_fcntl(enum side s, int fd, int cmd, long arg)
{
    return s == RAW ? OC_SYS_3(SYS_fcntl, fd, cmd, arg) : side_result(fcntl(fd, cmd, arg));
}

long side_read(enum side s, int fd, void *buf, size_t n)
{
    return s == RAW ? OC_SYS_3(SYS_read, fd, buf, n) : side_result(read(fd, buf, n));
}

long side_pread(enum side s, int fd, void *buf, size_t n, int64_t off)
{
    if (s == RAW)
        return RAW5(SYS_pread64, fd, buf, n, LOW(off), HIGH(off));
    return side_result(NARROW(off) ? pread(fd, buf, n, (off_t)off) : pread64(fd, buf, n, off));
}

long side_readv(enum side s, int fd, const struct iovec *iov, int count)
{
    return s == RAW ? OC_SYS_3(SYS_readv, fd, iov, count) : side_result(readv(fd, iov, count));
}

long side_preadv(enum side s, int fd, const struct iovec *iov, int count, int64_t off)
{
    if (s == RAW)
        return RAW5(SYS_preadv, fd, iov, count, LOW(off), HIGH(off));
    return side_result(NARROW(off) ? preadv(fd, iov, count, (off_t)off)
                                   : preadv64(fd, iov, count, off));
}

long side_preadv2(enum side s, int fd, const struct iovec *iov, int count, int64_t off, int flags)
{
    if (s == RAW)
        return RAW6(SYS_preadv2, fd, iov, count, LOW(off), HIGH(off), flags);
    return side_result(NARROW(off) ? preadv2(fd, iov, count, (off_t)off, flags)
                                   : preadv64v2(fd, iov, count, off, flags));
}

long side_lseek(enum side s, int fd, int64_t off, int whence)
{
#if __SIZEOF_LONG__ == 8
    return s == RAW ? OC_SYS_3(SYS_lseek, fd, off, whence) : side_result(lseek(fd, off, whence));
#else
    int64_t result = -1;
    if (s == RAW) {
        long failed = RAW5(SYS__llseek, fd, HIGH(off), LOW(off), (long)&result, whence);
        return failed ? failed : (long)result;
    }
    if (whence == SEEK_SET && NARROW(off))
        return side_result(lseek(fd, (off_t)off, whence));
    result = lseek64(fd, off, whence);
    return result < 0 ? -(long)errno : (long)result;
#endif
}

long side_write(enum side s, int fd, const void *buf, size_t n)
{
    return s == RAW ? OC_SYS_3(SYS_write, fd, buf, n) : side_result(write(fd, buf, n));
}

long side_pwrite(enum side s, int fd, const void *buf, size_t n, int64_t off)
{
    if (s == RAW)
        return RAW5(SYS_pwrite64, fd, buf, n, LOW(off), HIGH(off));
    return side_result(pwrite64(fd, buf, n, off));
}

long side_pwritev(enum side s, int fd, const struct iovec *iov, int count, int64_t off)
{
    if (s == RAW)
        return RAW5(SYS_pwritev, fd, iov, count, LOW(off), HIGH(off));
    return side_result(pwritev64(fd, iov, count, off));
}

long side_ftruncate(enum side s, int fd, int64_t len)
{
    return s == RAW ? OC_SYS_3(RAW_FTRUNCATE, fd, LOW(len), HIGH(len))
                    : side_result(ftruncate64(fd, len));
}

long side_fallocate(enum side s, int fd, int mode, int64_t off, int64_t len)
{
    if (s == RAW)
#if __SIZEOF_LONG__ == 8
        return OC_SYS_4(SYS_fallocate, fd, mode, off, len);
#else
        return RAW6(SYS_fallocate, fd, mode, LOW(off), HIGH(off), LOW(len), HIGH(len));
#endif
    return side_result(fallocate64(fd, mode, off, len));
}

long side_rename(enum side s, const char *from, const char *to)
{
    if (s == RAW)
        return OC_SYS_4(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    return side_result(rename(from, to));
}

long side_sendfile(enum side s, int out, int in, int64_t *off, size_t n)
{
    if (s == RAW)
        return OC_SYS_4(SYS_sendfile, out, in, off, n);
    return side_result(sendfile64(out, in, off, n));
}

long side_splice(enum side s, int in, int64_t *in_off, int out, size_t n, unsigned flags)
{
    if (s == RAW)
        return RAW6(SYS_splice, in, in_off, out, 0, n, flags);
    return side_result(splice(in, in_off, out, NULL, n, flags));
}

long side_copy_file_range(enum side s, int in, int64_t *in_off, int out, size_t n)
{
    if (s == RAW)
        return RAW6(SYS_copy_file_range, in, in_off, out, 0, n, 0);
    return side_result(copy_file_range(in, in_off, out, NULL, n, 0));
}

long side_fionread(enum side s, int fd, int *n)
{
    return s == RAW ? OC_SYS_3(SYS_ioctl, fd, FIONREAD, n) : side_result(ioctl(fd, FIONREAD, n));
}

void *side_mmap(enum side s, void *addr, size_t len, int prot, int flags, int fd, int64_t off)
{
    if (s == RAW)
        return (void *)RAW6(RAW_MMAP, addr, len, prot, flags, fd, off / RAW_MMAP_UNIT);
    return (void *)side_result((long)mmap64(addr, len, prot, flags, fd, off));
}

void *side_mremap(enum side s, void *addr, size_t len, size_t new_len, int flags)
{
    if (s == RAW)
        return (void *)OC_SYS_4(SYS_mremap, addr, len, new_len, flags);
    return (void *)side_result((long)mremap(addr, len, new_len, flags));
}

long side_munmap(enum side s, void *addr, size_t len)
{
    return s == RAW ? OC_SYS_2(SYS_munmap, addr, len) : side_result(munmap(addr, len));
}

long side_mprotect(enum side s, void *addr, size_t len, int prot)
{
    return s == RAW ? OC_SYS_3(SYS_mprotect, addr, len, prot)
                    : side_result(mprotect(addr, len, prot));
}

long side_madvise(enum side s, void *addr, size_t len, int advice)
{
    if (s == RAW)
        return OC_SYS_3(SYS_madvise, addr, len, advice);
    return side_result(madvise(addr, len, advice));
}

long side_mlock(enum side s, void *addr, size_t len)
{
    return s == RAW ? OC_SYS_2(SYS_mlock, addr, len) : side_result(mlock(addr, len));
}

long side_munlock(enum side s, void *addr, size_t len)
{
    return s == RAW ? OC_SYS_2(SYS_munlock, addr, len) : side_result(munlock(addr, len));
}

uint64_t side_mask(enum side s)
{
    uint64_t low = 0;
    sigset_t set;

    if (s == RAW) {
        OC_SYS_4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &low, sizeof low);
    } else {
        sigprocmask(SIG_BLOCK, NULL, &set);
        memcpy(&low, &set, sizeof low);
    }
    return low;
}

bool side_blocks(enum side s, int sig)
{
    return side_mask(s) >> (sig - 1) & 1;
}

/* Room for one descriptor in a control message, aligned as it must be. */
union control {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static struct msghdr message(union control *control, struct iovec *byte)
{
    memset(control, 0, sizeof *control);
    return (struct msghdr){.msg_iov = byte,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control->space};
}

long side_send_fd(enum side s, int sock, int fd)
{
    union control control;
    char c = 'd';
    struct iovec byte = {&c, 1};
    struct msghdr msg = message(&control, &byte);
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    return s == RAW ? OC_SYS_3(SYS_sendmsg, sock, &msg, 0) : side_result(sendmsg(sock, &msg, 0));
}

long side_recv_fd(enum side s, int sock)
{
    union control control;
    char c;
    struct iovec byte = {&c, 1};
    struct msghdr msg = message(&control, &byte);
    long got =
        s == RAW ? OC_SYS_3(SYS_recvmsg, sock, &msg, 0) : side_result(recvmsg(sock, &msg, 0));
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    int fd;

    if (head == NULL)
        return got < 0 ? got : -ENOMSG;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}
