/*
 * Files that appear at once: made without a name, or under one that nobody asks for, and
 * then given theirs.
 */
#include "api/api.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

#ifndef O_LARGEFILE
#define O_LARGEFILE 0
#endif

struct birth {
    int dir;          /* where the file is born */
    const char *name; /* what it will be called there */
    int fd;           /* the file */
    bool named;       /* it has the name below */
    char temp[64];    /* a name in the same directory */
    char parent[PATH_MAX];
};

static int split(const char *path, struct birth *b)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    b->name = path + n;
    if (!*b->name)
        return *path ? -EISDIR : -ENOENT;
    if (n >= sizeof b->parent)
        return -ENAMETOOLONG;
    memcpy(b->parent, path, n);
    strcpy(b->parent + n, n ? "" : ".");
    return 0;
}

static int open_named(struct birth *b, mode_t mode)
{
    static _Atomic unsigned nth;
    int fd;
    do {
        snprintf(b->temp, sizeof b->temp, ".onecopy-%d-%u-%llx", oc_sys_pid(),
                 atomic_fetch_add(&nth, 1), (unsigned long long)oc_sys_monotonic());
        fd = oc_sys_openat(b->dir, b->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_LARGEFILE,
                           (int)mode);
    } while (fd == -EEXIST);
    b->named = fd >= 0;
    return fd;
}

/* Nameless if the file system can and /proc can give it a name, so that nothing stays if
 * we are killed. */
static int open_nameless(struct birth *b, mode_t mode)
{
    int flags = O_RDWR | O_TMPFILE | O_CLOEXEC | O_LARGEFILE;
    int fd = oc_sys_open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return -EOPNOTSUPP;
    oc_sys_close(fd);
    fd = oc_sys_openat(b->dir, ".", flags, (int)mode);
    return fd == -EISDIR || fd == -ENOENT || fd == -EINVAL ? -EOPNOTSUPP : fd;
}

static int begin(struct birth *b, const char *path, mode_t mode, unsigned flags)
{
    /* Only fsync needs leave to read the directory. */
    int how = flags & ONECOPY_SYNC ? O_RDONLY : O_PATH;
    int err = split(path, b);
    b->fd = -1;
    b->named = false;
    b->dir = err ? -1 : oc_sys_open(b->parent, how | O_DIRECTORY | O_CLOEXEC, 0);
    if (b->dir < 0)
        return err ? err : b->dir;
    b->fd = open_nameless(b, mode);
    if (b->fd == -EOPNOTSUPP)
        b->fd = open_named(b, mode);
    b->fd = oc_api_above_stdio(b->fd);
    return b->fd < 0 ? b->fd : 0;
}

/* Give the nameless file one. */
static int link_to(struct birth *b, const char *name)
{
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", b->fd);
    return oc_api_result(linkat(AT_FDCWD, self, b->dir, name, AT_SYMLINK_FOLLOW));
}

static int name_for_rename(struct birth *b)
{
    static _Atomic unsigned nth;
    int err;
    do {
        snprintf(b->temp, sizeof b->temp, ".onecopy-%d-r%u-%llx", oc_sys_pid(),
                 atomic_fetch_add(&nth, 1), (unsigned long long)oc_sys_monotonic());
        err = link_to(b, b->temp);
    } while (err == -EEXIST);
    b->named = !err;
    return err;
}

/* EINVAL: the file system, or a kernel before 3.15, can't rename without replacing. */
static int rename_new(struct birth *b)
{
    int err = (int)oc_syscall(SYS_renameat2, b->dir, (long)b->temp, b->dir, (long)b->name,
                              RENAME_NOREPLACE, 0);
    if (err == -EINVAL || err == -ENOSYS)
        return oc_api_result(linkat(b->dir, b->temp, b->dir, b->name, 0));
    b->named = err < 0;
    return err;
}

/* EEXIST when the name is taken, unless it is to be replaced. */
static int appear(struct birth *b, bool replace)
{
    int err = 0;
    if (!replace)
        return b->named ? rename_new(b) : link_to(b, b->name);
    if (!b->named)
        err = name_for_rename(b);
    if (!err)
        err = oc_api_result(renameat(b->dir, b->temp, b->dir, b->name));
    if (!err)
        b->named = false;
    return err;
}

/* Everything that was opened but, if KEEP, the file. */
static void end(struct birth *b, bool keep)
{
    int saved = errno;
    if (b->named)
        unlinkat(b->dir, b->temp, 0);
    if (b->fd >= 0 && !keep)
        oc_sys_close(b->fd);
    if (b->dir >= 0)
        oc_sys_close(b->dir);
    errno = saved;
}

static int publish_as(struct birth *b, unsigned flags)
{
    int err = flags & ONECOPY_SYNC ? (int)OC_SYS_1(SYS_fsync, b->fd) : 0;
    if (!err)
        err = appear(b, flags & ONECOPY_REPLACE);
    if (!err && flags & ONECOPY_SYNC)
        err = (int)OC_SYS_1(SYS_fsync, b->dir);
    return err;
}

static int size_it(int fd, uint64_t size, unsigned flags)
{
    int err = flags & ONECOPY_SPARSE ? -EOPNOTSUPP : oc_api_reserve(fd, size);
    return err == -EOPNOTSUPP ? oc_api_stretch(fd, size) : err;
}

static int create(const char *path, uint64_t size, mode_t mode, unsigned flags,
                  struct onecopy_file **file)
{
    struct birth b;
    int err = begin(&b, path, mode, flags);
    if (!err)
        err = size_it(b.fd, size, flags);
    if (!err)
        err = publish_as(&b, flags);
    end(&b, !err);
    return err ? err : oc_api_adopt(b.fd, true, file);
}

/* The file that is there already; its maker may have died before it was on disk. */
static int open_existing(const char *path, uint64_t size, unsigned flags,
                         struct onecopy_file **file)
{
    int err;
    *file = onecopy_open(path, ONECOPY_WRITE);
    if (!*file)
        return -errno;
    err = onecopy_size(*file) < (int64_t)size ? oc_api_result(onecopy_grow(*file, size)) : 0;
    if (!err && flags & ONECOPY_SYNC)
        err = (int)OC_SYS_1(SYS_fsync, (*file)->fd);
    if (err) {
        onecopy_close(*file);
        *file = NULL;
    }
    return err;
}

static int open_or_create(const char *path, uint64_t size, mode_t mode, unsigned flags,
                          struct onecopy_file **file)
{
    const unsigned known = ONECOPY_EXCLUSIVE | ONECOPY_SPARSE | ONECOPY_SYNC;
    int err;
    if (flags & ~known)
        return -EINVAL;
    if (size > INT64_MAX)
        return -EFBIG;
    do {
        err = flags & ONECOPY_EXCLUSIVE ? -ENOENT : open_existing(path, size, flags, file);
        if (err == -ENOENT)
            err = create(path, size, mode, flags, file);
    } while (err == -EEXIST && !(flags & ONECOPY_EXCLUSIVE));
    return err;
}

OC_API struct onecopy_file *onecopy_create(const char *path, uint64_t size, mode_t mode,
                                           unsigned flags)
{
    int saved = errno;
    struct onecopy_file *file = NULL;
    oc_api_done(open_or_create(path, size, mode, flags, &file), saved);
    return file;
}

static int publish(const char *path, const void *data, size_t n, mode_t mode, unsigned flags)
{
    struct birth b;
    int err;
    if (flags & ~(unsigned)(ONECOPY_REPLACE | ONECOPY_SYNC))
        return -EINVAL;
    err = begin(&b, path, mode, flags);
    /* Reserving first also finds out about RLIMIT_FSIZE, whose signal would kill the host. */
    if (!err && n)
        err = size_it(b.fd, n, 0);
    if (!err)
        err = oc_sys_pwrite_all(b.fd, data, n, 0);
    if (!err)
        err = publish_as(&b, flags);
    end(&b, false);
    return err;
}

OC_API int onecopy_publish(const char *path, const void *data, size_t n, mode_t mode,
                           unsigned flags)
{
    int saved = errno;
    return oc_api_done(publish(path, data, n, mode, flags), saved);
}
