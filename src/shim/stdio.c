/*
 * FILEs.  glibc's stdio reads and seeks by internal calls that nobody can
 * intercept, so the offset of a description under a FILE is always the
 * kernel's; but a big fread passes through here, and can be lent.
 */
#include "shim/real.h"

#include <stdio_ext.h>

#include "base/options.h"
#include "image/lend.h"
#include "base/sys.h"

/* open(2)'s flags for fopen's mode, as far as we need to know them. */
static int mode_flags(const char *mode)
{
    if (strchr(mode, '+'))
        return O_RDWR;
    return mode[0] == 'r' ? O_RDONLY : O_WRONLY;
}

static FILE *opened(FILE *f, const char *path, const char *mode)
{
    if (OC_ACTIVE() && f) {
        int saved = errno;
        int fd = fileno(f);
        if (fd >= 0)
            oc_fd_opened(fd, path, mode_flags(mode), true);
        errno = saved;
    }
    return f;
}

OC_EXPORT FILE *fopen(const char *path, const char *mode)
{
    return opened(OC_REAL(fopen)(path, mode), path, mode);
}

OC_EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return opened(OC_REAL(fopen64)(path, mode), path, mode);
}

/* The stream's descriptor is closed inside, and a new one opened. */
static void before_freopen(FILE *f, const char *path)
{
    if (!OC_ACTIVE())
        return;
    int saved = errno, fd = fileno(f);
    if (fd >= 0) {
        oc_fd_release(fd);
        if (path)
            oc_fd_forget(fd);
    }
    errno = saved;
}

OC_EXPORT FILE *freopen(const char *path, const char *mode, FILE *f)
{
    before_freopen(f, path);
    FILE *result = OC_REAL(freopen)(path, mode, f);
    return path ? opened(result, path, mode) : result;
}

OC_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *f)
{
    before_freopen(f, path);
    FILE *result = OC_REAL(freopen64)(path, mode, f);
    return path ? opened(result, path, mode) : result;
}

OC_EXPORT FILE *fdopen(int fd, const char *mode)
{
    oc_fd_release(fd);
    return OC_REAL(fdopen)(fd, mode);
}

OC_EXPORT int fclose(FILE *f)
{
    if (OC_ACTIVE() && f) {
        int saved = errno, fd = fileno(f);
        errno = saved;
        if (fd >= 0 && oc_fd_get(fd) && oc_serve_is_owner())
            oc_fd_forget(fd);
    }
    return OC_REAL(fclose)(f);
}

/* ---- big fread ---- */

/* Characters pushed back that differ from the file's live in a second buffer, and this
 * flag of the FILE says so; part of glibc's ABI. */
#define IO_IN_BACKUP 0x100

static struct oc_desc *lendable(FILE *f, size_t bytes)
{
    if (!OC_ACTIVE() || bytes < oc_options.lend_min || !f)
        return NULL;
    int fd = f->_fileno;
    struct oc_desc *d = fd >= 0 ? oc_fd_get(fd) : NULL;
    if (!d || atomic_load(&d->shared) || oc_word_ours(atomic_load(&d->word)))
        return NULL;
    return d;
}

/* Is this a plain stream for reading, with nothing that only stdio knows how to treat? */
static bool plain(FILE *f)
{
    return fwide(f, 0) <= 0 && !__fwritable(f) && !(f->_flags & IO_IN_BACKUP) &&
           !feof_unlocked(f) && !ferror_unlocked(f) && f->_IO_save_base == NULL;
}

/*
 * What the buffer holds comes first, by stdio itself; then the kernel's offset is
 * the stream's.  The body is lent, the stream is told by fseeko, and stdio reads
 * the rest: so end of file and errors are noted as ever.  Returns the bytes read.
 */
static size_t fread_lent(char *buf, size_t bytes, FILE *f, struct oc_desc *d)
{
    const char *why;
    size_t buffered = (size_t)(f->_IO_read_end - f->_IO_read_ptr), done = 0;
    int fd = f->_fileno;
    if (buffered && buffered < bytes)
        done = oc_real.fread_unlocked(buf, 1, buffered, f);
    if (done == buffered && bytes - done >= oc_options.lend_min) {
        int64_t at = oc_sys_lseek(fd, 0, SEEK_CUR);
        struct oc_lend_request request = {.file = atomic_load(&d->file),
                                          .fd = fd,
                                          .buf = buf + done,
                                          .len = bytes - done,
                                          .off = (uint64_t)at};
        ssize_t got = at >= 0 && request.file ? oc_lend_read(&request, &why) : -1;
        if (got > 0) {
            int saved = errno;
            fseeko64(f, at + got, SEEK_SET);
            errno = saved;
            done += (size_t)got;
        }
    }
    return done + (done < bytes ? oc_real.fread_unlocked(buf + done, 1, bytes - done, f) : 0);
}

static bool too_big(size_t size, size_t n, size_t *bytes)
{
    return __builtin_mul_overflow(size, n, bytes);
}

OC_EXPORT size_t fread_unlocked(void *buf, size_t size, size_t n, FILE *f)
{
    size_t bytes;
    struct oc_desc *d = too_big(size, n, &bytes) ? NULL : lendable(f, bytes);
    if (!d || !plain(f))
        return OC_REAL(fread_unlocked)(buf, size, n, f);
    return fread_lent(buf, bytes, f, d) / size;
}

OC_EXPORT size_t fread(void *buf, size_t size, size_t n, FILE *f)
{
    size_t bytes;
    struct oc_desc *d = too_big(size, n, &bytes) ? NULL : lendable(f, bytes);
    if (!d)
        return OC_REAL(fread)(buf, size, n, f);
    flockfile(f);
    size_t items = fread_unlocked(buf, size, n, f);
    funlockfile(f);
    return items;
}
