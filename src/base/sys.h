/*
 * System calls as the core makes them: straight to the kernel.
 *
 * Each function returns the kernel's result, or a negated errno; errno itself
 * is never touched.  None is a cancellation point, none can be interposed, so
 * all are safe in signal handlers, before any constructor has run, and while a
 * lock is held.  The core may use no other way into the kernel: a libc name
 * would come back to our own wrapper inside libonecopy-preload.
 */
#ifndef OC_SYS_H
#define OC_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#ifdef OC_FAULTS
/* The build of tests/faults, in which calls fail as planned. */
#define OC_SYSCALL oc_syscall_really
long oc_syscall(long nr, long a, long b, long c, long d, long e, long f);
#else
#define OC_SYSCALL oc_syscall
#endif

#if defined(__x86_64__) && !defined(__ILP32__)
static inline long OC_SYSCALL(long nr, long a, long b, long c, long d, long e, long f)
{
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
#elif defined(__aarch64__)
static inline long OC_SYSCALL(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#elif defined(__i386__)
/* Six arguments take all registers, so the last goes by way of the stack. */
static inline long oc_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    long ret;
    __asm__ volatile("pushl %[f]\n\t"
                     "pushl %%ebp\n\t"
                     "movl 4(%%esp), %%ebp\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp\n\t"
                     "addl $4, %%esp"
                     : "=a"(ret)
                     : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "g"(f)
                     : "memory", "cc");
    return ret;
}
#else
/* Elsewhere through libc's own syscall().  A library that exports that name itself
 * must set the pointer to libc's before anything here is called. */
#define OC_SYSCALL_BY_LIBC 1
extern long (*oc_syscall_libc)(long nr, ...);
long OC_SYSCALL(long nr, long a, long b, long c, long d, long e, long f);
#endif

#define OC_SYS_0(nr)             oc_syscall((nr), 0, 0, 0, 0, 0, 0)
#define OC_SYS_1(nr, a)          oc_syscall((nr), (long)(a), 0, 0, 0, 0, 0)
#define OC_SYS_2(nr, a, b)       oc_syscall((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define OC_SYS_3(nr, a, b, c)    oc_syscall((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define OC_SYS_4(nr, a, b, c, d) oc_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* Addresses: MAP_FAILED is never returned; test with oc_sys_failed(). */
void *oc_sys_mmap(void *addr, size_t len, int prot, int flags, int fd, uint64_t off);
static inline bool oc_sys_failed(const void *addr)
{
    return (uintptr_t)addr > (uintptr_t)-4096;
}
int oc_sys_munmap(void *addr, size_t len);
/* After a call with MAP_FIXED or MREMAP_FIXED that failed: older kernels may have unmapped the
 * range before they met the limit that stopped them.  True: so it was, and fresh memory is there.
 */
bool oc_sys_fill_hole(void *addr, size_t len, int prot);

int oc_sys_open(const char *path, int flags, int mode);
int oc_sys_openat(int dir, const char *path, int flags, int mode);
int oc_sys_close(int fd);
ssize_t oc_sys_read(int fd, void *buf, size_t n);
ssize_t oc_sys_write(int fd, const void *buf, size_t n);
ssize_t oc_sys_pread(int fd, void *buf, size_t n, uint64_t off);
ssize_t oc_sys_pwrite(int fd, const void *buf, size_t n, uint64_t off);
int64_t oc_sys_lseek(int fd, int64_t off, int whence);
int oc_sys_ftruncate(int fd, uint64_t len);
int oc_sys_fallocate(int fd, int mode, uint64_t off, uint64_t len);
int oc_sys_fadvise(int fd, uint64_t off, uint64_t len, int advice);
int oc_sys_fstat(int fd, struct stat *st);

/* pread until n bytes, the end of file or an error: the bytes read, or the
 * negated errno when not one was.  EINTR is retried. */
ssize_t oc_sys_pread_all(int fd, void *buf, size_t n, uint64_t off);
/* One pread, again only after EINTR: as many bytes as the kernel gives the program at once. */
ssize_t oc_sys_pread_once(int fd, void *buf, size_t n, uint64_t off);
/* The same as oc_sys_pread_all by another call than pread, which takes and returns what
 * oc_sys_pread does. */
typedef ssize_t oc_pread_fn(int fd, void *buf, size_t n, uint64_t off);
ssize_t oc_sys_pread_all_by(oc_pread_fn *pread, int fd, void *buf, size_t n, uint64_t off);
/* pwrite all of it: 0 or a negated errno. */
int oc_sys_pwrite_all(int fd, const void *buf, size_t n, uint64_t off);

/* A record lock of the open file description on [at, at+len), or with F_UNLCK its end;
 * never waits (-EAGAIN). */
int oc_sys_ofd_lock(int fd, short type, uint64_t at, uint64_t len);

/* The thread's signal mask as the kernel has it. */
struct oc_sys_mask {
    uint64_t bits[2];
};
/* Hold all signals of the thread, those of libc's own included, until the next: *BEFORE is for
 * that. */
void oc_sys_hold_signals(struct oc_sys_mask *before);
void oc_sys_let_signals(const struct oc_sys_mask *before);
/* Has one come that only waits for that? */
bool oc_sys_signal_waits(const struct oc_sys_mask *before);

int oc_sys_pid(void);
int oc_sys_tid(void);
/* Is the calling thread the only one of its process?  False when that cannot be told. */
bool oc_sys_single_threaded(void);
/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t oc_sys_monotonic(void);

/* The page size in bytes: a power of two, set before main. */
extern size_t oc_page;
static inline uint64_t oc_page_down(uint64_t x)
{
    return x & ~(uint64_t)(oc_page - 1);
}
static inline uint64_t oc_page_up(uint64_t x)
{
    return oc_page_down(x + oc_page - 1);
}

#endif
