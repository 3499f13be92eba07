/* lseek: in user space where the offset lives there. */
#include "shim/real.h"

#include "hit.h"

/* The usual seek first, then any other. */
static __attribute__((noinline)) bool seek_matched(int fd, struct oc_desc *d, off64_t off,
                                                   int whence, int64_t *result)
{
    *result = off;
    if (__builtin_expect(whence == SEEK_SET, 1) && oc_hit_seek(d, off))
        return true;
    return oc_serve_lseek(fd, d, off, whence, result);
}

OC_EXPORT off64_t lseek64(int fd, off64_t off, int whence)
{
    int64_t result;
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(d != NULL, 0) && seek_matched(fd, d, off, whence, &result))
        return result;
    return OC_REAL(lseek64)(fd, off, whence);
}

OC_EXPORT off_t lseek(int fd, off_t off, int whence)
{
    int64_t result;
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(d == NULL, 1) || !seek_matched(fd, d, off, whence, &result))
        return OC_REAL(lseek)(fd, off, whence);
    if ((off_t)result == result)
        return (off_t)result;
    errno = EOVERFLOW; /* a 32-bit off_t; as in libc, the offset has moved all the same */
    return -1;
}

OC_EXPORT off_t __lseek(int fd, off_t off, int whence) __attribute__((alias("lseek")));
