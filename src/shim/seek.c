/* lseek: in user space where the offset lives there. */
#include "shim/real.h"

OC_EXPORT off64_t lseek64(int fd, off64_t off, int whence)
{
    int64_t result;
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(d != NULL, 0) && oc_serve_lseek(fd, d, off, whence, &result))
        return result;
    return OC_REAL(lseek64)(fd, off, whence);
}

OC_EXPORT off_t lseek(int fd, off_t off, int whence)
{
    int64_t result;
    struct oc_desc *d = oc_fd_get(fd);
    /* A result that off_t cannot hold (32 bit) is the kernel's EOVERFLOW to give. */
    if (sizeof(off_t) < sizeof(int64_t))
        oc_fd_release(fd);
    else if (__builtin_expect(d != NULL, 0) && oc_serve_lseek(fd, d, off, whence, &result))
        return (off_t)result;
    return OC_REAL(lseek)(fd, off, whence);
}

OC_EXPORT off_t __lseek(int fd, off_t off, int whence) __attribute__((alias("lseek")));
