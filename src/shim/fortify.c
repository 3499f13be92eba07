/*
 * What programs built with _FORTIFY_SOURCE call instead: the same functions
 * with the size of the destination, known to the compiler.  Too much is a bug
 * that ends the process, as in libc; the rest is the plain call.
 */
#include "shim/real.h"

static void check(size_t wanted, size_t size)
{
    if (wanted > size)
        __chk_fail();
}

OC_EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t size)
{
    check(n, size);
    return read(fd, buf, n);
}

OC_EXPORT ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t size)
{
    check(n, size);
    return pread(fd, buf, n, off);
}

OC_EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t size)
{
    check(n, size);
    return pread64(fd, buf, n, off);
}

static void check_items(size_t size, size_t item, size_t n)
{
    size_t bytes;
    if (__builtin_mul_overflow(item, n, &bytes) || bytes > size)
        __chk_fail();
}

OC_EXPORT size_t __fread_chk(void *buf, size_t size, size_t item, size_t n, FILE *f)
{
    check_items(size, item, n);
    return fread(buf, item, n, f);
}

OC_EXPORT size_t __fread_unlocked_chk(void *buf, size_t size, size_t item, size_t n, FILE *f)
{
    check_items(size, item, n);
    return fread_unlocked(buf, item, n, f);
}
