/* lseek: in user space where the offset lives there. */
#include "shim/real.h"

#include "hit.h"

/* The usual seek first, then any other.  A last call of the wrappers, as in read.c. */
static __attribute__((noinline)) off64_t seek_matched(int fd, off64_t off, int whence,
                                                      struct oc_desc *d)
{
    int64_t result;
    if (__builtin_expect(whence == SEEK_SET, 1) && oc_hit_seek(d, off)) {
        oc_hit_prefetch(d, (uint64_t)off);
        return off;
    }
    if (oc_serve_lseek(fd, d, off, whence, &result))
        return result;
    return OC_REAL(lseek64)(fd, off, whence);
}

OC_EXPORT off64_t lseek64(int fd, off64_t off, int whence)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(d != NULL, 0))
        return seek_matched(fd, off, whence, d);
    return OC_REAL(lseek64)(fd, off, whence);
}

#if __SIZEOF_LONG__ == 8
OC_EXPORT off_t lseek(int fd, off_t off, int whence) __attribute__((alias("lseek64")));
#else
OC_EXPORT off_t lseek(int fd, off_t off, int whence)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(d == NULL, 1))
        return OC_REAL(lseek)(fd, off, whence);
    off64_t result = seek_matched(fd, off, whence, d);
    if ((off_t)result == result)
        return (off_t)result;
    errno = EOVERFLOW; /* a 32-bit off_t; as in libc, the offset has moved all the same */
    return -1;
}
#endif

#if __SIZEOF_LONG__ == 8
OC_EXPORT off_t __lseek(int fd, off_t off, int whence) __attribute__((alias("lseek64")));
#else
OC_EXPORT off_t __lseek(int fd, off_t off, int whence) __attribute__((alias("lseek")));
#endif

/* Of programs that were linked with glibc before 2.28. */
OC_EXPORT off64_t llseek(int fd, off64_t off, int whence) __attribute__((alias("lseek64")));
