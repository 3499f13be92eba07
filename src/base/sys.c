/*
 * The system calls of sys.h.
 *
 * On 64-bit machines each is one instruction.  On 32-bit ones a 64-bit offset
 * travels in two registers, whose order follows the byte order and which some
 * ABIs want to start at an even register; that is all this file hides.
 */
#include "base/own.h"
#include "base/sys.h"

#include <signal.h>
#include <sys/auxv.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

size_t oc_page = 4096;

/* Before the constructors of other libraries, which may already read files. */
__attribute__((constructor(101))) static void learn_page_size(void)
{
    unsigned long size = getauxval(AT_PAGESZ);

    if (size)
        oc_page = size;
}

#ifdef OC_SYSCALL_BY_LIBC
long (*oc_syscall_libc)(long nr, ...) = &syscall;

long OC_SYSCALL(long nr, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long ret = oc_syscall_libc(nr, a, b, c, d, e, f);

    if (ret == -1)
        ret = -errno;
    errno = saved;
    return ret;
}
#endif

#if __SIZEOF_LONG__ == 8
#define OC_WIDE(off) (long)(off)
#elif __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define OC_WIDE(off) (long)((off) >> 32), (long)(off)
#else
#define OC_WIDE(off) (long)(off), (long)((off) >> 32)
#endif

/* Calls whose offset is argument number 4, which is an odd register. */
static long call_at(long nr, long fd, const void *buf, size_t n, uint64_t off)
{
#if __SIZEOF_LONG__ == 8
    return oc_syscall(nr, fd, (long)buf, (long)n, OC_WIDE(off), 0, 0);
#elif defined(__arm__) || defined(__mips__) || defined(__powerpc__)
    return oc_syscall(nr, fd, (long)buf, (long)n, 0, OC_WIDE(off));
#else
    return oc_syscall(nr, fd, (long)buf, (long)n, OC_WIDE(off), 0);
#endif
}

void *oc_sys_mmap(void *addr, size_t len, int prot, int flags, int fd, uint64_t off)
{
#ifdef SYS_mmap2
    enum { UNIT = 4096 };

    if (off % UNIT || off / UNIT > UINT32_MAX)
        return (void *)(intptr_t)(off % UNIT ? -EINVAL : -EOVERFLOW);
    return (void *)oc_syscall(SYS_mmap2, (long)addr, (long)len, prot, flags, fd,
                              (long)(off / UNIT));
#else
    return (void *)oc_syscall(SYS_mmap, (long)addr, (long)len, prot, flags, fd, (long)off);
#endif
}

bool oc_sys_fill_hole(void *addr, size_t len, int prot)
{
    void *p =
        oc_sys_mmap(addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (!oc_sys_failed(p) && p != addr)
        oc_sys_munmap(p, len);
    return p == addr;
}

int oc_sys_munmap(void *addr, size_t len)
{
    return (int)OC_SYS_2(SYS_munmap, addr, len);
}

int oc_sys_open(const char *path, int flags, int mode)
{
    return oc_sys_openat(AT_FDCWD, path, flags, mode);
}

int oc_sys_openat(int dir, const char *path, int flags, int mode)
{
    return (int)OC_SYS_4(SYS_openat, dir, path, flags, mode);
}

int oc_sys_close(int fd)
{
    return (int)OC_SYS_1(SYS_close, fd);
}

ssize_t oc_sys_read(int fd, void *buf, size_t n)
{
    return OC_SYS_3(SYS_read, fd, buf, n);
}

ssize_t oc_sys_write(int fd, const void *buf, size_t n)
{
    return OC_SYS_3(SYS_write, fd, buf, n);
}

ssize_t oc_sys_pread(int fd, void *buf, size_t n, uint64_t off)
{
    return call_at(SYS_pread64, fd, buf, n, off);
}

ssize_t oc_sys_pwrite(int fd, const void *buf, size_t n, uint64_t off)
{
    return call_at(SYS_pwrite64, fd, buf, n, off);
}

int64_t oc_sys_lseek(int fd, int64_t off, int whence)
{
#ifdef SYS__llseek
    int64_t result = 0;
    long ret = oc_syscall(SYS__llseek, fd, (long)(off >> 32), (long)off, (long)&result, whence, 0);

    return ret < 0 ? ret : result;
#else
    return OC_SYS_3(SYS_lseek, fd, off, whence);
#endif
}

int oc_sys_ftruncate(int fd, uint64_t len)
{
#if __SIZEOF_LONG__ == 8
    return (int)OC_SYS_2(SYS_ftruncate, fd, len);
#elif defined(__arm__) || defined(__mips__) || defined(__powerpc__)
    return (int)oc_syscall(SYS_ftruncate64, fd, 0, OC_WIDE(len), 0, 0);
#else
    return (int)oc_syscall(SYS_ftruncate64, fd, OC_WIDE(len), 0, 0, 0);
#endif
}

int oc_sys_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
#if __SIZEOF_LONG__ == 8
    return (int)OC_SYS_4(SYS_fallocate, fd, mode, off, len);
#else
    return (int)oc_syscall(SYS_fallocate, fd, mode, OC_WIDE(off), OC_WIDE(len));
#endif
}

int oc_sys_fadvise(int fd, uint64_t off, uint64_t len, int advice)
{
#if __SIZEOF_LONG__ == 8 && defined(SYS_fadvise64)
    return (int)OC_SYS_4(SYS_fadvise64, fd, off, len, advice);
#elif defined(__i386__)
    return (int)oc_syscall(SYS_fadvise64_64, fd, OC_WIDE(off), OC_WIDE(len), advice);
#else
    (void)fd, (void)off, (void)len, (void)advice;
    return -ENOSYS;
#endif
}

/* The machines on which the kernel's struct stat is libc's. */
#if __SIZEOF_LONG__ == 8 && (defined(__x86_64__) || defined(__aarch64__) || defined(__riscv))
int oc_sys_fstat(int fd, struct stat *st)
{
    return (int)OC_SYS_2(SYS_fstat, fd, st);
}
#else
static struct timespec time_of(const struct statx_timestamp *t)
{
    return (struct timespec){.tv_sec = (time_t)t->tv_sec, .tv_nsec = (long)t->tv_nsec};
}

int oc_sys_fstat(int fd, struct stat *st)
{
    struct statx sx;
    int ret =
        (int)oc_syscall(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_BASIC_STATS, (long)&sx, 0);

    if (ret < 0)
        return ret;
    *st = (struct stat){
        .st_dev = makedev(sx.stx_dev_major, sx.stx_dev_minor),
        .st_ino = (ino_t)sx.stx_ino,
        .st_mode = sx.stx_mode,
        .st_nlink = (nlink_t)sx.stx_nlink,
        .st_uid = sx.stx_uid,
        .st_gid = sx.stx_gid,
        .st_rdev = makedev(sx.stx_rdev_major, sx.stx_rdev_minor),
        .st_size = (off_t)sx.stx_size,
        .st_blksize = (blksize_t)sx.stx_blksize,
        .st_blocks = (blkcnt_t)sx.stx_blocks,
        .st_atim = time_of(&sx.stx_atime),
        .st_mtim = time_of(&sx.stx_mtime),
        .st_ctim = time_of(&sx.stx_ctime),
    };
    if ((uint64_t)st->st_size != sx.stx_size || st->st_ino != sx.stx_ino)
        return -EOVERFLOW;
    return 0;
}
#endif

ssize_t oc_sys_pread_all_by(oc_pread_fn *pread, int fd, void *buf, size_t n, uint64_t off)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(fd, (char *)buf + done, n - done, off + done);

        if (got == -EINTR)
            continue;
        if (got < 0 && !done)
            return got;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ssize_t oc_sys_pread_all(int fd, void *buf, size_t n, uint64_t off)
{
    return oc_sys_pread_all_by(oc_sys_pread, fd, buf, n, off);
}

ssize_t oc_sys_pread_once(int fd, void *buf, size_t n, uint64_t off)
{
    ssize_t got;

    do
        got = oc_sys_pread(fd, buf, n, off);
    while (got == -EINTR);
    return got;
}

int oc_sys_pwrite_all(int fd, const void *buf, size_t n, uint64_t off)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put = oc_sys_pwrite(fd, (const char *)buf + done, n - done, off + done);

        if (put == -EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? (int)put : -EIO;
        done += (size_t)put;
    }
    return 0;
}

/* The kernel's idea of a signal set, not libc's 128 bytes. */
enum { MASK_SIZE = _NSIG / 8 };

void oc_sys_hold_signals(struct oc_sys_mask *before)
{
    static const struct oc_sys_mask all = {{UINT64_MAX, UINT64_MAX}};

    *before = (struct oc_sys_mask){{0, 0}};
    OC_SYS_4(SYS_rt_sigprocmask, SIG_SETMASK, &all, before, MASK_SIZE);
}

void oc_sys_let_signals(const struct oc_sys_mask *before)
{
    OC_SYS_4(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, MASK_SIZE);
}

bool oc_sys_signal_waits(const struct oc_sys_mask *before)
{
    struct oc_sys_mask pending = {{0, 0}};

    OC_SYS_2(SYS_rt_sigpending, &pending, MASK_SIZE);
    return (pending.bits[0] & ~before->bits[0]) || (pending.bits[1] & ~before->bits[1]);
}

int oc_sys_pid(void)
{
    return (int)OC_SYS_0(SYS_getpid);
}

int oc_sys_tid(void)
{
    return (int)OC_SYS_0(SYS_gettid);
}

uint64_t oc_sys_monotonic(void)
{
    enum { NS = 1000000000 };
#if __SIZEOF_LONG__ == 4 && defined(SYS_clock_gettime64)
    int64_t t[2] = {0, 0};

    if (OC_SYS_2(SYS_clock_gettime64, CLOCK_MONOTONIC, t) == 0)
        return (uint64_t)t[0] * NS + (uint64_t)t[1];
#endif
#ifdef SYS_clock_gettime
    long s[2] = {0, 0};

    OC_SYS_2(SYS_clock_gettime, CLOCK_MONOTONIC, s);
    return (uint64_t)s[0] * NS + (uint64_t)s[1];
#else
    return 0;
#endif
}

int oc_sys_ofd_lock(int fd, short type, uint64_t at, uint64_t len)
{
#ifdef SYS_fcntl64
    struct flock64 lock = {.l_type = type, .l_whence = SEEK_SET};
    const long nr = SYS_fcntl64;
#else
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    const long nr = SYS_fcntl;
#endif

    lock.l_start = (int64_t)at;
    lock.l_len = (int64_t)len;
    return (int)OC_SYS_3(nr, fd, F_OFD_SETLK, &lock);
}

bool oc_sys_single_threaded(void)
{
    struct stat st;
    bool single;
    int fd = oc_own_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (fd < 0)
        return false;
    single = oc_sys_fstat(fd, &st) == 0 && st.st_nlink == 3; /* ".", ".." and ours */
    oc_own_close(fd);
    return single;
}
