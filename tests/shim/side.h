/*
 * The two sides of every comparison: LIBC calls the function under its libc
 * name, which the library intercepts; RAW makes the system call itself, by an
 * instruction that nobody can intercept, and so is the kernel's own answer.
 * Both return the result, or the negated errno.
 */
#ifndef OC_TEST_SIDE_H
#define OC_TEST_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum side { LIBC, RAW, SIDES };

/* A libc result with its errno: negated errno when it is -1. */
long side_result(long value);

long side_open(enum side s, const char *path, int flags, int mode);
long side_close(enum side s, int fd);
long side_close_range(enum side s, unsigned first, unsigned last, int flags);
long side_dup(enum side s, int fd);
long side_dup2(enum side s, int fd, int to);
long side_dup3(enum side s, int fd, int to, int flags);
long side_fcntl(enum side s, int fd, int cmd, long arg);

long side_read(enum side s, int fd, void *buf, size_t n);
long side_pread(enum side s, int fd, void *buf, size_t n, int64_t off);
long side_readv(enum side s, int fd, const struct iovec *iov, int count);
long side_preadv(enum side s, int fd, const struct iovec *iov, int count, int64_t off);
long side_preadv2(enum side s, int fd, const struct iovec *iov, int count, int64_t off, int flags);
long side_lseek(enum side s, int fd, int64_t off, int whence);

long side_write(enum side s, int fd, const void *buf, size_t n);
long side_pwrite(enum side s, int fd, const void *buf, size_t n, int64_t off);
long side_pwritev(enum side s, int fd, const struct iovec *iov, int count, int64_t off);
long side_ftruncate(enum side s, int fd, int64_t len);
long side_fallocate(enum side s, int fd, int mode, int64_t off, int64_t len);
long side_rename(enum side s, const char *from, const char *to);

long side_sendfile(enum side s, int out, int in, int64_t *off, size_t n);
long side_splice(enum side s, int in, int64_t *in_off, int out, size_t n, unsigned flags);
long side_copy_file_range(enum side s, int in, int64_t *in_off, int out, size_t n);
long side_fionread(enum side s, int fd, int *n);

/* An address, or a negated errno. */
void *side_mmap(enum side s, void *addr, size_t len, int prot, int flags, int fd, int64_t off);
void *side_mremap(enum side s, void *addr, size_t len, size_t new_len, int flags);
long side_munmap(enum side s, void *addr, size_t len);
long side_mprotect(enum side s, void *addr, size_t len, int prot);
long side_madvise(enum side s, void *addr, size_t len, int advice);
long side_mlock(enum side s, void *addr, size_t len);
long side_munlock(enum side s, void *addr, size_t len);

/* The thread's mask as told by libc, or by the kernel; bit SIG - 1.  Does it block SIG? */
uint64_t side_mask(enum side s);
bool side_blocks(enum side s, int sig);

/* A descriptor over a socket (SCM_RIGHTS), with one byte. */
long side_send_fd(enum side s, int sock, int fd);
long side_recv_fd(enum side s, int sock);

#endif
