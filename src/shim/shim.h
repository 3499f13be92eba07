/*
 * What all files of the shim share.
 *
 * The shim is the only place that knows libc's names as its own.  A wrapper is
 * a plain C function under its real name, marked OC_EXPORT; it does nothing
 * but look the descriptor up, ask the core, and make the real call.
 */
#ifndef OC_SHIM_H
#define OC_SHIM_H

/* Libc's inline versions would stand before ours, whatever a distribution builds with. */
#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>
#include <utmp.h>
#include <wchar.h>
#include <wordexp.h>

#if __has_include(<sys/pidfd.h>)
#include <sys/pidfd.h> /* since glibc 2.36 */
#endif

/* glibc's inline stdio: here the functions themselves are meant. */
#undef fread_unlocked
#undef fgetc_unlocked
#undef getc_unlocked
#undef getc
#undef getchar
#undef getchar_unlocked

#include "file/fdtable.h"
#include "serve.h"
#include "shim/numbers.h"

#define OC_EXPORT __attribute__((visibility("default")))

/* oc_serving is false until the constructor has found rules in force, and after the
 * destructor: then every wrapper is just the real call. */
#define OC_ACTIVE() __builtin_expect(oc_serving, 0)

/* libc's exported names that its headers do not declare. */
extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);
extern int __openat_2(int dir, const char *path, int flags);
extern int __openat64_2(int dir, const char *path, int flags);
extern int __open(const char *path, int flags, ...) __attribute__((nonnull(1)));
extern int __open64(const char *path, int flags, ...) __attribute__((nonnull(1)));
extern int __close(int fd);
extern ssize_t __read(int fd, void *buf, size_t n);
extern ssize_t __pread64(int fd, void *buf, size_t n, off64_t off);
extern off_t __lseek(int fd, off_t off, int whence) __attribute__((nothrow, leaf));
extern off64_t llseek(int fd, off64_t off, int whence) __attribute__((nothrow, leaf));
extern int __dup2(int from, int to) __attribute__((nothrow, leaf));
extern int __fcntl(int fd, int cmd, ...);
extern ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
extern ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t size);
extern ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t size);
extern size_t __fread_chk(void *buf, size_t size, size_t item, size_t n, FILE *f);
extern size_t __fread_unlocked_chk(void *buf, size_t size, size_t item, size_t n, FILE *f);
extern char *__fgets_chk(char *s, size_t size, int n, FILE *f);
extern char *__fgets_unlocked_chk(char *s, size_t size, int n, FILE *f);
extern int __isoc99_vfscanf(FILE *f, const char *format, va_list args);
extern int __isoc23_vfscanf(FILE *f, const char *format, va_list args);
extern int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                       const sigset_t *set, size_t size);
extern pid_t _Fork(void);

/* Those that its older headers do not declare. */
extern int close_range(unsigned from, unsigned to, int flags) __attribute__((nothrow));
extern void closefrom(int from) __attribute__((nothrow));
extern int execveat(int dir, const char *path, char *const argv[], char *const env[], int flags)
    __attribute__((nothrow));
extern int epoll_pwait2(int epfd, struct epoll_event *events, int n, const struct timespec *timeout,
                        const sigset_t *set);
extern int pidfd_getfd(int pidfd, int fd, unsigned flags) __attribute__((nothrow));
extern int pidfd_open(pid_t pid, unsigned flags) __attribute__((nothrow));
extern ssize_t process_madvise(int pidfd, const struct iovec *v, size_t n, int advice,
                               unsigned flags) __attribute__((nothrow));

extern pid_t __vfork(void);
extern int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
    __attribute__((nothrow, leaf));
extern int __pipe(int fds[2]) __attribute__((nothrow));
extern int mseal(void *addr, size_t len, unsigned long flags) __attribute__((nothrow));
extern int _IO_fclose(FILE *f);
extern FILE *_IO_fopen(const char *path, const char *mode);
extern size_t _IO_fread(void *buf, size_t size, size_t n, FILE *f);
extern size_t _IO_sgetn(FILE *f, void *buf, size_t n);
extern char *_IO_fgets(char *s, int n, FILE *f);
extern int _IO_getc(FILE *f);
extern int _IO_ungetc(int c, FILE *f);
extern int _IO_fflush(FILE *f);
extern int _IO_fsetpos(FILE *f, const fpos_t *to);
extern int _IO_fsetpos64(FILE *f, const fpos64_t *to);
extern int _IO_setvbuf(FILE *f, char *buf, int mode, size_t size);
extern void _IO_setbuffer(FILE *f, char *buf, size_t size);
extern FILE *_IO_popen(const char *command, const char *mode);
extern FILE *_IO_fdopen(int fd, const char *mode);
extern void __chk_fail(void) __attribute__((noreturn));

/* Those of programs with _TIME_BITS=64, where time_t has 32 bits; time64.c. */
#if __SIZEOF_LONG__ == 4 && defined(__TIMESIZE) && __TIMESIZE == 32
#define OC_TIME64_NAMES 1
extern int __fcntl_time64(int fd, int cmd, ...);
extern int __ioctl_time64(int fd, unsigned long request, ...);
extern ssize_t __sendmsg64(int fd, const struct msghdr *m, int flags);
extern int __sendmmsg64(int fd, struct mmsghdr *m, unsigned count, int flags);
extern ssize_t __recvmsg64(int fd, struct msghdr *m, int flags);
extern int __recvmmsg64(int fd, struct mmsghdr *m, unsigned count, int flags, void *timeout);
extern int __ppoll64(struct pollfd *fds, nfds_t n, const void *timeout, const sigset_t *set);
extern int __pselect64(int n, fd_set *in, fd_set *out, fd_set *except, const void *timeout,
                       const sigset_t *set);
extern int __epoll_pwait2_time64(int epfd, struct epoll_event *events, int n, const void *timeout,
                                 const sigset_t *set);
extern int __sigtimedwait64(const sigset_t *set, siginfo_t *info, const void *timeout);
#else
#define OC_TIME64_NAMES 0
#endif

/* ---- shared by the wrappers of a family ---- */

/* read and pread of a matched descriptor, with the core's help. */
ssize_t oc_shim_read(int fd, struct oc_desc *d, void *buf, size_t n);
ssize_t oc_shim_pread(int fd, struct oc_desc *d, void *buf, size_t n, off64_t off);

/* The rules are in force: before any file is asked about. */
void oc_shim_open_start(void);

/* Has this process ever cancelled a thread? */
bool oc_shim_may_be_cancelled(void);

/* fcntl, whatever its name; the calls that pass descriptors, before and after. */
int oc_shim_fcntl(__typeof__(fcntl) *real, int fd, int cmd, void *arg);
void oc_shim_sending(const struct msghdr *m);
void oc_shim_received(const struct msghdr *m);
void oc_shim_sending_all(const struct mmsghdr *m, unsigned count);
void oc_shim_received_all(const struct mmsghdr *m, int count);
/* Before an ioctl that asks for something that depends on the offset, or watches memory. */
void oc_shim_controlling(int fd, unsigned long request, const void *arg);
/* Before vmsplice. */
void oc_shim_splicing(const struct iovec *v, size_t count);

/* Before a call that means something else for file pages than for anonymous ones.  False: there is
 * no memory for that. */
bool oc_shim_materialise(void *addr, size_t len);

/* Memory that is mapped, advised or locked by number; see memory.c. */
bool oc_shim_memory_by_number(long nr, const long a[6], long *r);

/* Signal masks and handlers that are set by number; see signal.c. */
bool oc_shim_signal_by_number(long nr, const long a[6], long *r);

/* Programs that are executed by number; see exec.c. */
bool oc_shim_exec_by_number(long nr, const long a[6], long *r);

/* Descriptors that were given out by number; see newfd.c. */
void oc_shim_new_by_number(long nr, const long a[6], long r);

/* Before a limit is set; NULL: only asked for. */
void oc_shim_limiting(int resource, const void *limit);

/* Before prctl, which can give names to memory. */
void oc_shim_naming(int option, const unsigned long a[3]);

/* A seccomp filter is about to be set: whatever needs other calls than the program's own
 * is done now, and nothing is served or lent from then on. */
void oc_shim_before_seccomp(void);

/* A descriptor that a call has just returned, and that is no data file of ours (or -1):
 * whatever the number stood for before is over.  Returns it. */
static inline int oc_shim_new_fd(int fd)
{
    if (__builtin_expect(oc_fd_get(fd) != NULL, 0))
        oc_fd_forget(fd);
    return fd;
}

#endif
