/*
 * open and its kin.  Errors, values and side effects are libc's; afterwards a
 * descriptor on a matched file is entered into the table, and whatever the
 * number stood for before is forgotten.  Async-signal-safe as open is.
 */
#include "shim/real.h"

#include "base/options.h"
#include "base/quick.h"
#include "base/starting.h"
#include "base/vma.h"

/* The third argument is there only when a file may be created. */
static mode_t mode_in(int flags, va_list args)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

/*
 * A program that opens devices may let them pin its pages (RDMA, GPUs, vfio),
 * which nothing tells afterwards.  The everyday ones do not.
 */
static void note_device(const char *path)
{
    static const char *const harmless[] = {"null",   "zero",   "full", "random", "urandom",
                                           "tty",    "pts/",   "shm/", "fd/",    "stdin",
                                           "stdout", "stderr", "log",  "mqueue", "console"};
    if (strncmp(path, "/dev/", 5) != 0)
        return;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strncmp(path + 5, harmless[i], strlen(harmless[i])) == 0)
            return;
    oc_vma_pins_possible();
}

static __attribute__((noinline)) int opened_of_interest(int fd, const char *path, int flags,
                                                        uint64_t since)
{
    int saved = errno;
    oc_fd_opened(fd, path, flags, false, since);
    oc_serve_opened(fd);
    note_device(path);
    errno = saved;
    return fd;
}

/* The rules' (base/rules.h). */
static OC_QUICK uint64_t ends[4];

void oc_shim_open_start(void)
{
    memcpy(ends, oc_options.rules.ends, sizeof ends);
}

/* SINCE: the moment before the call.  Most files are strangers: of no device's name, and of
 * none that a rule could match. */
static inline int opened(int fd, const char *path, int flags, uint64_t since)
{
    if (!OC_ACTIVE() || fd < 0)
        return fd;
    unsigned char last = oc_last(path);
    if (oc_fd_get(fd) || (ends[last / 64] >> last % 64 & 1) ||
        (path[0] == '/' && path[1] == 'd' && strncmp(path, "/dev/", 5) == 0))
        return opened_of_interest(fd, path, flags, since);
    return fd;
}

OC_EXPORT int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_in(flags, args);
    va_end(args);
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(open)(path, flags, mode), path, flags, since);
}

OC_EXPORT int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_in(flags, args);
    va_end(args);
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(open64)(path, flags, mode), path, flags, since);
}

OC_EXPORT int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_in(flags, args);
    va_end(args);
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(openat)(dir, path, flags, mode), path, flags, since);
}

OC_EXPORT int openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_in(flags, args);
    va_end(args);
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(openat64)(dir, path, flags, mode), path, flags, since);
}

/* creat opens for writing only: never ours, but the number is a new one. */
OC_EXPORT int creat(const char *path, mode_t mode)
{
    return oc_shim_new_fd(OC_REAL(creat)(path, mode));
}

OC_EXPORT int creat64(const char *path, mode_t mode)
{
    return oc_shim_new_fd(OC_REAL(creat64)(path, mode));
}

/* Programs built with _FORTIFY_SOURCE call these; they abort on a missing mode. */
OC_EXPORT int __open_2(const char *path, int flags)
{
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(__open_2)(path, flags), path, flags, since);
}

OC_EXPORT int __open64_2(const char *path, int flags)
{
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(__open64_2)(path, flags), path, flags, since);
}

OC_EXPORT int __openat_2(int dir, const char *path, int flags)
{
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(__openat_2)(dir, path, flags), path, flags, since);
}

OC_EXPORT int __openat64_2(int dir, const char *path, int flags)
{
    uint64_t since = oc_starting_moment();
    return opened(OC_REAL(__openat64_2)(dir, path, flags), path, flags, since);
}

/* glibc's exported second names. */
OC_EXPORT int __open(const char *path, int flags, ...) __attribute__((alias("open"), nonnull(1)));
OC_EXPORT int __open64(const char *path, int flags, ...)
    __attribute__((alias("open64"), nonnull(1)));
