/*
 * FILEs.  glibc's stdio reads and seeks by internal calls that nobody can
 * intercept, so the offset of a description under a FILE is always the
 * kernel's; but a big fread passes through here, and can be lent.
 */
#include "shim/real.h"

#include "base/caller.h"
#include "base/options.h"
#include "base/starting.h"
#include "base/sys.h"
#include "base/thread.h"
#include "shim/whole.h"

/* glibc looks at the first seven characters, whatever the others are. */
static int mode_cloexec(const char *mode)
{
    for (int i = 1; mode[0] && i < 7 && mode[i]; i++)
        if (mode[i] == 'e')
            return O_CLOEXEC;
    return 0;
}

/* open(2)'s flags for fopen's mode, as far as we need to know them. */
static int mode_flags(const char *mode)
{
    if (strchr(mode, '+'))
        return O_RDWR;
    return (mode[0] == 'r' ? O_RDONLY : O_WRONLY) | mode_cloexec(mode);
}

/*
 * libstdc++ opens its files by fopen, but then keeps the FILE to itself, and reads and
 * seeks by the descriptor, through public calls: those of basic_filebuf are no streams of stdio's.
 */
static bool is_filebuf(const void *caller, const char *path)
{
    Dl_info info;
    if (!caller || !oc_rules_may_match_end(&oc_options.rules, path) || !dladdr(caller, &info) ||
        !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    return strncmp(slash ? slash + 1 : info.dli_fname, "libstdc++.so.", 13) == 0;
}

static FILE *opened(FILE *f, const char *path, const char *mode, uint64_t since, const void *caller)
{
    if (OC_ACTIVE() && f) {
        int saved = errno;
        int fd = fileno(f);
        if (fd >= 0)
            oc_fd_opened(fd, path, mode_flags(mode), !is_filebuf(caller, path), since);
        errno = saved;
    }
    return f;
}

OC_EXPORT FILE *fopen(const char *path, const char *mode)
{
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(fopen)(path, mode), path, mode, since, __builtin_return_address(0));
}

OC_EXPORT FILE *fopen64(const char *path, const char *mode)
{
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(fopen64)(path, mode), path, mode, since, __builtin_return_address(0));
}

OC_EXPORT FILE *_IO_fopen(const char *path, const char *mode)
{
    return fopen(path, mode);
}

/*
 * std::__basic_file<char>::file(), by which a program can ask a filebuf for its FILE after all,
 * and read that: stdio's from now on.  Nothing is asked of libstdc++: the FILE is what the
 * object begins with, in its ABI.
 */
OC_EXPORT FILE *oc_filebuf_file(FILE *const *basic_file) __asm__("_ZNSt12__basic_fileIcE4fileEv");
FILE *oc_filebuf_file(FILE *const *basic_file)
{
    FILE *f = *basic_file;
    if (OC_ACTIVE() && f) {
        int saved = errno, fd = fileno(f);
        if (fd >= 0)
            oc_fd_release(fd);
        errno = saved;
    }
    return f;
}

/* The stream's descriptor is closed inside, and a new one opened. */
static void before_freopen(FILE *f, const char *path)
{
    if (!OC_ACTIVE())
        return;
    oc_whole_end(f);
    int saved = errno, fd = fileno(f);
    if (fd >= 0) {
        oc_fd_release(fd);
        if (path)
            oc_fd_closing(fd);
    }
    errno = saved;
}

OC_EXPORT FILE *freopen(const char *path, const char *mode, FILE *f)
{
    uint64_t since = oc_starting_moment();
    before_freopen(f, path);
    FILE *result = OC_REAL(freopen)(path, mode, f);
    return path ? opened(result, path, mode, since, NULL) : result;
}

OC_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *f)
{
    uint64_t since = oc_starting_moment();
    before_freopen(f, path);
    FILE *result = OC_REAL(freopen64)(path, mode, f);
    return path ? opened(result, path, mode, since, NULL) : result;
}

OC_EXPORT FILE *fdopen(int fd, const char *mode)
{
    oc_fd_release(fd);
    return OC_REAL(fdopen)(fd, mode);
}

OC_EXPORT FILE *_IO_fdopen(int fd, const char *mode)
    __attribute__((alias("fdopen"), malloc, nothrow, leaf));

OC_EXPORT int fclose(FILE *f)
{
    if (OC_ACTIVE()) {
        oc_whole_end(f);
        int saved = errno, fd = fileno(f);
        errno = saved;
        struct oc_desc *d = fd >= 0 ? oc_fd_get(fd) : NULL;
        if (d && oc_serve_is_owner()) {
            oc_serve_closing(fd, d);
            oc_fd_closing(fd);
        }
    }
    return OC_REAL(fclose)(f);
}

OC_EXPORT int _IO_fclose(FILE *f) __attribute__((alias("fclose"), nonnull(1)));

/* ---- big fread ---- */

/* Characters pushed back that differ from the file's live in a second buffer, and this
 * flag of the FILE says so; part of glibc's ABI. */
#define IO_IN_BACKUP 0x100

static struct oc_desc *lendable(FILE *f, size_t bytes)
{
    if (!OC_ACTIVE() || bytes < oc_options.lend_min || !f || !oc_thread_at_home())
        return NULL;
    int fd = f->_fileno;
    struct oc_desc *d = fd >= 0 ? oc_fd_get(fd) : NULL;
    if (!d || !oc_serve_lendable(d, bytes) || atomic_load(&d->shared) ||
        oc_word_ours(atomic_load(&d->word)))
        return NULL;
    return d;
}

/* Is this a plain stream for reading, with nothing that only stdio knows how to treat? */
static bool plain(FILE *f)
{
    return fwide(f, 0) <= 0 && !__fwritable(f) && !(f->_flags & IO_IN_BACKUP) &&
           !(f->_flags2 & OC_IO_MMAP) && !feof_unlocked(f) && !ferror_unlocked(f) &&
           f->_IO_save_base == NULL;
}

/* The size of the stream's buffer, or what it will be: see _IO_file_doallocate. */
static size_t block_size(FILE *f, const struct stat *st)
{
    if (f->_IO_buf_base)
        return (size_t)(f->_IO_buf_end - f->_IO_buf_base);
    return st->st_blksize > 0 && st->st_blksize < BUFSIZ ? (size_t)st->st_blksize : BUFSIZ;
}

/*
 * stdio reads as many whole blocks as it can straight into the caller's buffer, and
 * the rest through its own (_IO_file_xsgetn).  The former are lent, and the stream is left as
 * stdio leaves it then: its buffer empty, the kernel's offset and its note of it
 * behind what was read.  Programs that use the descriptor beside the stream see no
 * difference.  Returns the bytes read.
 */
static size_t lend_blocks(char *buf, size_t bytes, FILE *f, struct oc_desc *d)
{
    struct stat st;
    int fd = f->_fileno;
    if (oc_sys_fstat(fd, &st) != 0)
        return 0;
    size_t block = block_size(f, &st);
    ssize_t got = oc_serve_lend_at_kernels(fd, d, buf, block < 128 ? bytes : bytes - bytes % block);
    if (got <= 0)
        return 0;
    f->_IO_read_base = f->_IO_read_ptr = f->_IO_read_end = f->_IO_buf_base;
    f->_IO_write_base = f->_IO_write_ptr = f->_IO_write_end = f->_IO_buf_base;
    if (f->_offset != -1)
        f->_offset += got;
    return (size_t)got;
}

/* What the buffer holds comes first, by stdio itself; it also reads the rest, and so notes
 * end of file and errors as ever. */
static size_t fread_lent(char *buf, size_t bytes, FILE *f, struct oc_desc *d)
{
    size_t buffered = (size_t)(f->_IO_read_end - f->_IO_read_ptr), done = 0;
    if (buffered && buffered < bytes)
        done = oc_real.fread_unlocked(buf, 1, buffered, f);
    if (done == buffered)
        done += lend_blocks(buf + done, bytes - done, f, d);
    if (done == bytes)
        return done;
    size_t rest = oc_real.fread_unlocked(buf + done, 1, bytes - done, f);
    if (rest >= oc_options.lend_min)
        oc_serve_missed(f->_fileno, d, buf + done, OC_OFFSET_KERNEL, (ssize_t)rest);
    return done + rest;
}

/* The stream is locked, or nobody else's. */
static size_t fread_matched(void *buf, size_t size, size_t bytes, FILE *f)
{
    struct oc_desc *d = lendable(f, bytes);
    if (!d || !plain(f))
        return oc_real.fread_unlocked(buf, size, bytes / size, f);
    return fread_lent(buf, bytes, f, d) / size;
}

static bool is_lendable(size_t size, size_t n, FILE *f, size_t *bytes)
{
    return !__builtin_mul_overflow(size, n, bytes) && lendable(f, *bytes);
}

/* What stdio has read for the program may be kept as it is. */
static size_t kept(void *buf, size_t size, size_t items, FILE *f)
{
    struct oc_desc *d = OC_ACTIVE() && f->_fileno >= 0 ? oc_fd_get(f->_fileno) : NULL;
    if (__builtin_expect(d != NULL, 0))
        oc_serve_kept(f->_fileno, d, buf, items * size, OC_OFFSET_KERNEL,
                      (size_t)(f->_IO_read_end - f->_IO_read_ptr));
    return items;
}

static bool any_whole(size_t size, size_t n, size_t *bytes)
{
    return __builtin_expect(atomic_load_explicit(&oc_wholes, memory_order_relaxed) != 0, 0) &&
           !__builtin_mul_overflow(size, n, bytes);
}

OC_EXPORT size_t fread_unlocked(void *buf, size_t size, size_t n, FILE *f)
{
    size_t bytes;
    if (any_whole(size, n, &bytes) && oc_whole_read(buf, bytes, f))
        return n;
    if (!is_lendable(size, n, f, &bytes))
        return kept(buf, size, OC_REAL(fread_unlocked)(buf, size, n, f), f);
    OC_NOTE_CALLER();
    return fread_matched(buf, size, bytes, f);
}

OC_EXPORT size_t fread(void *buf, size_t size, size_t n, FILE *f)
{
    size_t bytes;
    if (any_whole(size, n, &bytes) && oc_whole_read(buf, bytes, f))
        return n;
    if (!is_lendable(size, n, f, &bytes))
        return kept(buf, size, OC_REAL(fread)(buf, size, n, f), f);
    OC_NOTE_CALLER();
    flockfile(f);
    size_t items = fread_matched(buf, size, bytes, f);
    funlockfile(f);
    return items;
}

/* Their old second names. */
OC_EXPORT size_t _IO_fread(void *buf, size_t size, size_t n, FILE *f)
{
    return fread(buf, size, n, f);
}

OC_EXPORT size_t _IO_sgetn(FILE *f, void *buf, size_t n)
{
    return fread_unlocked(buf, 1, n, f);
}
