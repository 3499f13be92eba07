/*
 * Calls that change what memory is.  A lent page is a private file page; the
 * program believes it to be anonymous.  Where the two differ, lent pages are
 * made anonymous again before the call is passed on.
 */
#include "shim/real.h"

#include <sys/syscall.h>

#include "base/sys.h"
#include "base/vma.h"
#include "image/lend.h"
#include "shim/whole.h"

/* 32-bit systems have mmap2, which counts its offset in pages. */
#ifdef SYS_mmap2
#define OC_MMAP SYS_mmap2
#else
#define OC_MMAP SYS_mmap
#endif

static void forget(void *addr, size_t len)
{
    oc_vma_unmapped(addr, len);
    if (oc_lent_maybe(addr, len))
        oc_lent_forget(addr, len);
}

bool oc_shim_materialise(void *addr, size_t len)
{
    if (!OC_ACTIVE())
        return true;
    oc_vma_forget();
    return !oc_lent_maybe(addr, len) || oc_lent_materialise(addr, len) == 0;
}

/* New memory with a nature of its own may lie where plain memory was looked at before. */
static void *mapped(void *result, size_t len, int flags)
{
    if (result == MAP_FAILED)
        return result;
    if (flags & MAP_FIXED)
        forget(result, len);
    if (OC_ACTIVE() && (flags & (MAP_LOCKED | MAP_HUGETLB | MAP_GROWSDOWN | MAP_SHARED)))
        oc_vma_forget();
    return result;
}

OC_EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
    return mapped(OC_REAL(mmap)(addr, len, prot, flags, fd, off), len, flags);
}

OC_EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
    return mapped(OC_REAL(mmap64)(addr, len, prot, flags, fd, off), len, flags);
}

/* Before: afterwards the addresses may be somebody else's already.  Should the call fail
 * (misaligned: EINVAL), the range merely stays out of our books. */
static void before_unmapping(void *addr, size_t len)
{
    if (((uintptr_t)addr & (oc_page - 1)) == 0)
        forget(addr, len);
}

OC_EXPORT int munmap(void *addr, size_t len)
{
    before_unmapping(addr, len);
    return OC_REAL(munmap)(addr, len);
}

static void *remap_error(int error)
{
    errno = error;
    return MAP_FAILED;
}

/*
 * mremap refuses (EFAULT) a range of several mappings, and anonymous memory that was lent
 * in between does not grow together with its neighbours again.  So move it by hand: as
 * much is copied as the kernel would have moved.
 */
static void *remap_by_hand(void *addr, size_t old_len, size_t new_len, int flags, void *to)
{
    int how = MAP_PRIVATE | MAP_ANONYMOUS;
    old_len = (size_t)oc_page_up(old_len);
    new_len = (size_t)oc_page_up(new_len);
    if (!oc_vma_plain(addr, old_len))
        return remap_error(EFAULT);
    if (!(flags & MREMAP_MAYMOVE)) {
        void *more = oc_sys_mmap((char *)addr + old_len, new_len - old_len, PROT_READ | PROT_WRITE,
                                 how | MAP_FIXED_NOREPLACE, -1, 0);
        return oc_sys_failed(more) ? remap_error(ENOMEM) : addr;
    }
    if (flags & MREMAP_FIXED)
        how |= MAP_FIXED;
    void *at = oc_sys_mmap(to, new_len, PROT_READ | PROT_WRITE, how, -1, 0);
    if (oc_sys_failed(at))
        return remap_error(ENOMEM);
    memcpy(at, addr, old_len < new_len ? old_len : new_len);
    oc_sys_munmap(addr, old_len);
    return at;
}

static bool by_hand(size_t old_len, size_t new_len, int flags)
{
    bool grows = new_len > old_len;
    return errno == EFAULT && old_len && (grows || (flags & MREMAP_FIXED)) &&
           !(flags & 4 /* MREMAP_DONTUNMAP */) && oc_lent_ever();
}

/* False: what grew together with file pages would show more of the file. */
static bool before_remapping(void *addr, size_t old_len, size_t new_len, int flags, void *to)
{
    if (!oc_shim_materialise(addr, old_len) && new_len > old_len) {
        errno = ENOMEM;
        return false;
    }
    if (flags & MREMAP_FIXED)
        forget(to, new_len);
    return true;
}

OC_EXPORT void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
    void *to = NULL;
    int saved = errno;
    if (flags & (MREMAP_FIXED | 4 /* MREMAP_DONTUNMAP */)) {
        va_list args;
        va_start(args, flags);
        to = va_arg(args, void *);
        va_end(args);
    }
    if (!before_remapping(addr, old_len, new_len, flags, to))
        return MAP_FAILED;
    void *result = OC_REAL(mremap)(addr, old_len, new_len, flags, to);
    if (result == MAP_FAILED && OC_ACTIVE() && by_hand(old_len, new_len, flags)) {
        errno = saved;
        return remap_by_hand(addr, old_len, new_len, flags, to);
    }
    return result;
}

/* Only execution matters: refused (EACCES) for file pages of a noexec file system. */
static void before_protecting(void *addr, size_t len, int prot)
{
    if (prot & PROT_EXEC)
        oc_shim_materialise(addr, len);
}

OC_EXPORT int mprotect(void *addr, size_t len, int prot)
{
    before_protecting(addr, len, prot);
    return OC_REAL(mprotect)(addr, len, prot);
}

OC_EXPORT int pkey_mprotect(void *addr, size_t len, int prot, int key)
{
    oc_shim_materialise(addr, len);
    return OC_REAL(pkey_mprotect)(addr, len, prot, key);
}

/* Advice that means the same for file pages: hints about use and about dumps. */
static bool harmless(int advice)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DODUMP:
    case MADV_DOFORK:
        return true;
    default:
        return false;
    }
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* MADV_DONTNEED promises zeros: file pages would come back with the file's bytes. */
/* False, with EAGAIN: what is lent there could not be given up (no memory is left to look
 * with), and would be seen afterwards where there shall be zeros. */
static bool before_advice(void *addr, size_t len, int advice)
{
    if (!OC_ACTIVE())
        return true;
    if (advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE)
        oc_vma_forget();
    if (harmless(advice))
        return true;
    oc_vma_forget();
    if (advice == MADV_GUARD_INSTALL)
        oc_vma_guarded(addr, len);
    if (!oc_lent_maybe(addr, len) || ((uintptr_t)addr & (oc_page - 1)))
        return true;
    if (advice != MADV_DONTNEED)
        oc_lent_materialise(addr, oc_page_up(len));
    else if (oc_lent_discard(addr, oc_page_up(len)) != 0) {
        errno = EAGAIN;
        return false;
    }
    return true;
}

OC_EXPORT int madvise(void *addr, size_t len, int advice)
{
    return before_advice(addr, len, advice) ? OC_REAL(madvise)(addr, len, advice) : -1;
}

/* glibc ignores POSIX_MADV_DONTNEED; the other advice is harmless. */
OC_EXPORT int posix_madvise(void *addr, size_t len, int advice)
{
    return OC_REAL(posix_madvise)(addr, len, advice);
}

/* The same on all architectures. */
#define OC_MSEAL 462

/* It may be about ourselves, and the vector may be unreadable: all of it. */
static void before_advising_process(int advice)
{
    if (OC_ACTIVE() && advice == MADV_GUARD_INSTALL)
        oc_vma_guarded(NULL, SIZE_MAX / 2);
    if (!harmless(advice))
        oc_shim_materialise(NULL, SIZE_MAX / 2);
}

OC_EXPORT ssize_t process_madvise(int pidfd, const struct iovec *v, size_t count, int advice,
                                  unsigned flags)
{
    if (!OC_REAL(process_madvise)) /* before glibc 2.36 programs have it by number */
        return syscall(SYS_process_madvise, (long)pidfd, v, count, (long)advice, (long)flags);
    before_advising_process(advice);
    return oc_real.process_madvise(pidfd, v, count, advice, flags);
}

OC_EXPORT int mlock(const void *addr, size_t len)
{
    oc_shim_materialise((void *)(uintptr_t)addr, len);
    return OC_REAL(mlock)(addr, len);
}

OC_EXPORT int mlock2(const void *addr, size_t len, unsigned flags)
{
    oc_shim_materialise((void *)(uintptr_t)addr, len);
    return OC_REAL(mlock2)(addr, len, flags);
}

static void before_locking_all(int flags)
{
    if (OC_ACTIVE()) {
        oc_vma_forget();
        oc_whole_give_up();
    }
    if (flags & MCL_CURRENT)
        oc_shim_materialise(NULL, SIZE_MAX / 2);
}

OC_EXPORT int mlockall(int flags)
{
    before_locking_all(flags);
    return OC_REAL(mlockall)(flags);
}

/* In glibc since 2.43.  Sealed memory cannot be exchanged any more. */
OC_EXPORT int mseal(void *addr, size_t len, unsigned long flags)
{
    oc_shim_materialise(addr, len);
    return (int)OC_REAL(syscall)(OC_MSEAL, addr, len, flags);
}

/* ---- by number ---- */

#define PTR(x) ((void *)(x))

/*
 * The same for syscall(2).  The call itself stays one by number: allocators that are
 * preloaded as well (tcmalloc) have an mmap of their own which makes it so, and
 * going through their name again would never end.
 */
static bool before_number(long nr, const long a[6])
{
    switch (nr) {
    case SYS_munmap:
        before_unmapping(PTR(a[0]), (size_t)a[1]);
        return true;
    case SYS_mprotect:
        before_protecting(PTR(a[0]), (size_t)a[1], (int)a[2]);
        return true;
    case SYS_madvise:
    case SYS_mremap:
        return true; /* looked at already */
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_pkey_mprotect:
#ifdef SYS_mbind
    case SYS_mbind:
#endif
    case OC_MSEAL:
        oc_shim_materialise(PTR(a[0]), (size_t)a[1]);
        return true;
    case SYS_mlockall:
        before_locking_all((int)a[0]);
        return true;
    case SYS_process_madvise:
        before_advising_process((int)a[3]);
        return true;
#ifdef SYS_setrlimit
    case SYS_setrlimit:
        oc_shim_limiting((int)a[0], PTR(a[1]));
        return true;
#endif
    case SYS_prlimit64:
        oc_shim_limiting((int)a[1], PTR(a[2]));
        return true;
    default:
        return nr == OC_MMAP;
    }
}

bool oc_shim_memory_by_number(long nr, const long a[6], long *r)
{
    int saved = errno;
    if ((nr == SYS_madvise && !before_advice(PTR(a[0]), (size_t)a[1], (int)a[2])) ||
        (nr == SYS_mremap &&
         !before_remapping(PTR(a[0]), (size_t)a[1], (size_t)a[2], (int)a[3], PTR(a[4])))) {
        *r = -1;
        return true;
    }
    if (!before_number(nr, a))
        return false;
    *r = OC_REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (nr == OC_MMAP)
        mapped(PTR(*r), (size_t)a[1], (int)a[3]);
    if (nr == SYS_mremap && *r == -1 && by_hand((size_t)a[1], (size_t)a[2], (int)a[3])) {
        errno = saved;
        *r = (long)remap_by_hand(PTR(a[0]), (size_t)a[1], (size_t)a[2], (int)a[3], PTR(a[4]));
    }
    return true;
}
