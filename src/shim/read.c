/*
 * read and its kin.  Value, errno, bytes and offset are the kernel's.
 * Cancellation points as libc's: the real call is one, and a call that is
 * served in user space looks for a pending cancellation first, once the process
 * has cancelled a thread.
 */
#include "shim/real.h"

#include <stdatomic.h>

#include "base/caller.h"
#include "base/guard.h"
#include "base/options.h"
#include "base/sys.h"
#include "hit.h"

/*
 * A call served in user space never comes to libc's cancellation point.  Whether a thread
 * is to be cancelled costs more to ask than a small read, so it is asked only in processes
 * that have cancelled one, and in those nothing is a hit (hit.h).
 */
static atomic_bool cancels;

OC_EXPORT int pthread_cancel(pthread_t thread)
{
    atomic_store_explicit(&cancels, true, memory_order_relaxed);
    oc_guard_careful();
    return OC_REAL_LATE(pthread_cancel)(thread);
}

/* Before glibc 2.34 there only for programs with threads; they alone are cancelled. */
#pragma weak pthread_testcancel

static inline void cancellation_point(void)
{
    if (atomic_load_explicit(&cancels, memory_order_relaxed))
        pthread_testcancel();
}

bool oc_shim_may_be_cancelled(void)
{
    return atomic_load_explicit(&cancels, memory_order_relaxed);
}

ssize_t oc_shim_pread(int fd, struct oc_desc *d, void *buf, size_t n, off64_t off)
{
    ssize_t result;
    if (!oc_thread_at_home())
        return OC_REAL(pread64)(fd, buf, n, off);
    cancellation_point();
    if (oc_serve_pread(fd, d, buf, n, off, &result) == OC_SERVED)
        return result;
    result = OC_REAL(pread64)(fd, buf, n, off);
    if (result >= 0)
        oc_serve_missed(fd, d, buf, (uint64_t)off, result);
    return result;
}

static ssize_t read_kernels(int fd, struct oc_desc *d, void *buf, size_t n)
{
    ssize_t result = OC_REAL(read)(fd, buf, n);
    if (result >= 0)
        oc_serve_missed(fd, d, buf, OC_OFFSET_KERNEL, result);
    return result;
}

ssize_t oc_shim_read(int fd, struct oc_desc *d, void *buf, size_t n)
{
    ssize_t result;
    uint64_t word;
    if (!oc_thread_at_home())
        return OC_REAL(read)(fd, buf, n);
    cancellation_point();
    for (;;) {
        enum oc_served how = oc_serve_read(fd, d, buf, n, &result, &word);
        if (how == OC_SERVED)
            return result;
        if (how == OC_KERNEL)
            return read_kernels(fd, d, buf, n);
        if (!oc_word_ours(word))
            continue;
        result = OC_REAL(pread64)(fd, buf, n, (off64_t)oc_word_offset(word));
        if (result < 0)
            return result;
        if (oc_serve_moved(d, word, (size_t)result)) {
            oc_serve_missed(fd, d, buf, oc_word_offset(word), result);
            return result;
        }
    }
}

/* Not as usual, or not matched any more. */
static __attribute__((noinline, cold)) ssize_t pread_slowly(const oc_fd_entry *entry, void *buf,
                                                            size_t n, off64_t off)
{
    int fd = (int)(entry - oc_fds.entry);
    struct oc_desc *d = oc_fd_get(fd);
    return d ? oc_shim_pread(fd, d, buf, n, off) : OC_REAL(pread64)(fd, buf, n, off);
}

static __attribute__((noinline, cold)) ssize_t read_slowly(const oc_fd_entry *entry, void *buf,
                                                           size_t n)
{
    int fd = (int)(entry - oc_fds.entry);
    struct oc_desc *d = oc_fd_get(fd);
    return d ? oc_shim_read(fd, d, buf, n) : OC_REAL(read)(fd, buf, n);
}

/* The section is not mapped, and nothing else is in the way: it is the kernel's, without
 * another look. */
static __attribute__((noinline)) ssize_t pread_absent(const oc_fd_entry *entry, void *buf, size_t n,
                                                      off64_t off, struct oc_desc *d)
{
    int fd = (int)(entry - oc_fds.entry);
    if (n >= oc_options.lend_min || !oc_thread_at_home())
        return pread_slowly(entry, buf, n, off);
    ssize_t result = OC_REAL(pread64)(fd, buf, n, off);
    if (result >= 0)
        oc_serve_missed(fd, d, buf, (uint64_t)off, result);
    return result;
}

static __attribute__((noinline)) ssize_t read_absent(const oc_fd_entry *entry, void *buf, size_t n,
                                                     uint64_t word, struct oc_desc *d)
{
    int fd = (int)(entry - oc_fds.entry);
    uint64_t off = oc_word_offset(word);
    if (n >= oc_options.lend_min || off > OC_OFFSET_LIMIT || !oc_thread_at_home())
        return read_slowly(entry, buf, n);
    ssize_t result = OC_REAL(pread64)(fd, buf, n, (off64_t)off);
    if (result >= 0 && !oc_serve_moved(d, word, (size_t)result))
        return read_slowly(entry, buf, n);
    if (result >= 0)
        oc_serve_missed(fd, d, buf, off, result);
    return result;
}

/* Apart from the wrappers, which shall cost strangers nothing.  All calls are last ones;
 * see hit.h. */
static __attribute__((noinline)) ssize_t pread_matched(const oc_fd_entry *entry, void *buf,
                                                       size_t n, off64_t off, struct oc_desc *d)
{
    struct oc_section *s = oc_hit(entry, d, buf, n, (uint64_t)off);
    if (!oc_hit_is(s)) {
        OC_NOTE_CALLER();
        return s ? pread_absent(entry, buf, n, off, d) : pread_slowly(entry, buf, n, off);
    }
    if (oc_pool_is_unusual(s))
        return (ssize_t)oc_pool_left(s, n);
    return (ssize_t)n;
}

static __attribute__((noinline)) ssize_t read_matched(const oc_fd_entry *entry, void *buf, size_t n,
                                                      struct oc_desc *d)
{
    struct oc_section *s = NULL;
    uint64_t word = atomic_load_explicit(&d->word, memory_order_acquire);
    if (oc_word_ours(word))
        s = oc_hit(entry, d, buf, n, oc_word_offset(word));
    if (!oc_hit_is(s) || __builtin_expect(!oc_serve_moved(d, word, n), 0)) {
        OC_NOTE_CALLER();
        return s == OC_HIT_ABSENT ? read_absent(entry, buf, n, word, d)
                                  : read_slowly(entry, buf, n);
    }
    if (oc_pool_is_unusual(s))
        return (ssize_t)oc_pool_left(s, n);
    return (ssize_t)n;
}

OC_EXPORT ssize_t read(int fd, void *buf, size_t n)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(!d, 1))
        return OC_REAL(read)(fd, buf, n);
    return read_matched(oc_fd_entry_of(fd), buf, n, d);
}

OC_EXPORT ssize_t pread64(int fd, void *buf, size_t n, off64_t off)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(!d, 1))
        return OC_REAL(pread64)(fd, buf, n, off);
    return pread_matched(oc_fd_entry_of(fd), buf, n, off, d);
}

OC_EXPORT ssize_t pread(int fd, void *buf, size_t n, off_t off)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(!d, 1))
        return OC_REAL(pread)(fd, buf, n, off);
    return pread_matched(oc_fd_entry_of(fd), buf, n, off, d);
}

OC_EXPORT ssize_t __read(int fd, void *buf, size_t n) __attribute__((alias("read")));
OC_EXPORT ssize_t __pread64(int fd, void *buf, size_t n, off64_t off)
    __attribute__((alias("pread64")));

/* ---- vectors ---- */

/* A vector worth serving by elements: short, readable, with something big in it. */
#define VECTOR_MAX 16
/* Less than what the kernel cuts a transfer to. */
#define TRANSFER_MAX ((size_t)1 << 30)

static bool take_vector(const struct iovec *from, int count, struct iovec to[VECTOR_MAX])
{
    bool big = false;
    size_t total = 0;
    if (count < 1 || count > VECTOR_MAX || !oc_guard_ready() ||
        !oc_guard_copy(to, from, (size_t)count * sizeof *from))
        return false;
    for (int i = 0; i < count; i++) {
        if (__builtin_add_overflow(total, to[i].iov_len, &total) || total > TRANSFER_MAX)
            return false;
        big |= to[i].iov_len >= oc_options.lend_min;
    }
    return big;
}

/* Element by element; a short one ends it, an error only when it is the first. */
static ssize_t pread_vector(int fd, struct oc_desc *d, const struct iovec *v, int count,
                            off64_t off)
{
    ssize_t total = 0;
    int saved = errno;
    for (int i = 0; i < count; i++) {
        if (v[i].iov_len == 0)
            continue;
        ssize_t n = oc_shim_pread(fd, d, v[i].iov_base, v[i].iov_len, off + total);
        if (n < 0 && total == 0)
            return n;
        if (n > 0)
            total += n;
        if (n < (ssize_t)v[i].iov_len)
            break;
    }
    errno = saved;
    return total;
}

/* The offset is ours: the vector at it, then move on; as oc_shim_read. */
static ssize_t readv_ours(int fd, struct oc_desc *d, const struct iovec *v, int count)
{
    struct iovec taken[VECTOR_MAX];
    bool by_elements = take_vector(v, count, taken);
    for (;;) {
        uint64_t word = atomic_load(&d->word);
        if (!oc_word_ours(word))
            return OC_REAL(readv)(fd, v, count);
        off64_t off = (off64_t)oc_word_offset(word);
        ssize_t n = by_elements ? pread_vector(fd, d, taken, count, off)
                                : OC_REAL(preadv64)(fd, v, count, off);
        if (n < 0 || oc_serve_moved(d, word, (size_t)n))
            return n;
    }
}

OC_EXPORT ssize_t readv(int fd, const struct iovec *v, int count)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (__builtin_expect(!d, 1) || !oc_thread_at_home())
        return OC_REAL(readv)(fd, v, count);
    oc_fd_stream_ends(d);
    OC_NOTE_CALLER();
    return readv_ours(fd, d, v, count);
}

static bool pread_by_elements(struct oc_desc *d, const struct iovec *v, int count, off64_t off,
                              struct iovec taken[VECTOR_MAX])
{
    return d && off >= 0 && oc_thread_at_home() && take_vector(v, count, taken);
}

OC_EXPORT ssize_t preadv64(int fd, const struct iovec *v, int count, off64_t off)
{
    struct iovec taken[VECTOR_MAX];
    struct oc_desc *d = oc_fd_get(fd);
    OC_NOTE_CALLER();
    if (pread_by_elements(d, v, count, off, taken))
        return pread_vector(fd, d, taken, count, off);
    return OC_REAL(preadv64)(fd, v, count, off);
}

OC_EXPORT ssize_t preadv(int fd, const struct iovec *v, int count, off_t off)
{
    struct iovec taken[VECTOR_MAX];
    struct oc_desc *d = oc_fd_get(fd);
    OC_NOTE_CALLER();
    if (pread_by_elements(d, v, count, off, taken))
        return pread_vector(fd, d, taken, count, off);
    return OC_REAL(preadv)(fd, v, count, off);
}

/* Flags ask for something of the kernel's; offset -1 means read from the offset. */
OC_EXPORT ssize_t preadv64v2(int fd, const struct iovec *v, int count, off64_t off, int flags)
{
    if (off == -1)
        oc_fd_release(fd);
    else if (flags == 0)
        return preadv64(fd, v, count, off);
    return OC_REAL(preadv64v2)(fd, v, count, off, flags);
}

OC_EXPORT ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
    if (off == -1)
        oc_fd_release(fd);
    else if (flags == 0)
        return preadv(fd, v, count, off);
    return OC_REAL(preadv2)(fd, v, count, off, flags);
}
