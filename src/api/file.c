/*
 * Open files: their life, size and bytes.
 */
#include "api/part.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

#ifndef O_LARGEFILE
#define O_LARGEFILE 0
#endif

/* ---- open and close ---- */

int oc_api_above_stdio(int fd)
{
    int moved = fd;
    if (fd >= 0 && fd <= STDERR_FILENO) {
        moved = oc_api_result(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
        oc_sys_close(fd);
    }
    return moved;
}

static int check_kind(int fd)
{
    struct stat64 st;
    if (fstat64(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    return S_ISREG(st.st_mode) ? 0 : -ENODEV;
}

static void enlist(struct onecopy_file *file)
{
    static uint64_t ids;
    oc_api_lock();
    file->id = ++ids;
    file->next = oc_api_files;
    if (file->next)
        file->next->prev = file;
    oc_api_files = file;
    oc_api_unlock();
}

int oc_api_adopt(int fd, bool writable, struct onecopy_file **file)
{
    struct onecopy_file *f = NULL;
    int err = oc_api_begin();
    if (!err)
        err = check_kind(fd);
    if (!err) {
        f = calloc(1, sizeof *f);
        err = f ? 0 : -ENOMEM;
    }
    if (err) {
        oc_sys_close(fd);
        return err;
    }
    f->fd = fd;
    f->writable = writable;
    enlist(f);
    *file = f;
    return 0;
}

/* O_NONBLOCK: a FIFO is refused later, not waited for.  But to wait is right where a lease has to
 * be broken first, which only regular files have. */
static int open_data(const char *path, bool writable)
{
    int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_LARGEFILE;
    int fd = oc_sys_open(path, flags | O_NONBLOCK, 0);
    return oc_api_above_stdio(fd == -EWOULDBLOCK ? oc_sys_open(path, flags, 0) : fd);
}

OC_API struct onecopy_file *onecopy_open(const char *path, unsigned flags)
{
    int saved = errno, err = -EINVAL;
    struct onecopy_file *file = NULL;
    bool writable = flags & ONECOPY_WRITE;
    if (!(flags & ~(unsigned)ONECOPY_WRITE)) {
        int fd = open_data(path, writable);
        err = fd < 0 ? fd : oc_api_adopt(fd, writable, &file);
    }
    oc_api_done(err, saved);
    return file;
}

OC_API void onecopy_close(struct onecopy_file *file)
{
    if (!file)
        return;
    oc_api_lock();
    if (file->next)
        file->next->prev = file->prev;
    *(file->prev ? &file->prev->next : &oc_api_files) = file->next;
    oc_part_drop_file(file);
    oc_hold_orphan(file);
    oc_api_unlock();
    oc_sys_close(file->fd);
    free(file);
}

OC_API int onecopy_fileno(const struct onecopy_file *file)
{
    return file->fd;
}

/* ---- size ---- */

int oc_api_learn_size(struct onecopy_file *file)
{
    /* The offset of our descriptor is used for nothing else. */
    int64_t size = oc_sys_lseek(file->fd, 0, SEEK_END);
    if (size < 0)
        return (int)size;
    atomic_store(&file->size, (uint64_t)size);
    return 0;
}

OC_API int64_t onecopy_size(struct onecopy_file *file)
{
    int saved = errno;
    int64_t size = oc_sys_lseek(file->fd, 0, SEEK_END);
    return oc_api_done(size < 0 ? (int)size : 0, saved) ? -1 : size;
}

/* Growing beyond RLIMIT_FSIZE would raise SIGXFSZ. */
static int check_limit(uint64_t size)
{
    struct rlimit64 limit;
    if (size > INT64_MAX)
        return -EFBIG;
    if (getrlimit64(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM64_INFINITY &&
        size > limit.rlim_cur)
        return -EFBIG;
    return 0;
}

int oc_api_reserve(int fd, uint64_t size)
{
    int64_t now = oc_sys_lseek(fd, 0, SEEK_END);
    int err = check_limit(size);
    if (err || now < 0)
        return err ? err : (int)now;
    if ((uint64_t)now >= size)
        return 0;
    /* Not libc's: no cancellation point, which would leave a lock behind. */
    return oc_sys_fallocate(fd, 0, (uint64_t)now, size - (uint64_t)now);
}

int oc_api_stretch(int fd, uint64_t size)
{
    int64_t now = oc_sys_lseek(fd, 0, SEEK_END);
    int err = check_limit(size);
    if (err || now < 0)
        return err ? err : (int)now;
    return (uint64_t)now < size ? oc_sys_ftruncate(fd, size) : 0;
}

/* Who grows a file by more than one step takes this lock. */
static int lock_growth(struct onecopy_file *file, struct onecopy_hold **hold)
{
    int err;
    do
        err = oc_hold_take(file, OC_HOLD_LIMIT, 1, ONECOPY_WRITE, hold);
    while (err == -EINTR);
    return err;
}

/* Under the lock: ftruncate might cut off what somebody else has just added. */
static int stretch_locked(struct onecopy_file *file, uint64_t size)
{
    struct onecopy_hold *hold;
    int err = lock_growth(file, &hold);
    if (err)
        return err;
    err = oc_api_stretch(file->fd, size);
    oc_hold_give(hold);
    return err;
}

static int grow(struct onecopy_file *file, uint64_t size)
{
    /* fallocate never shortens, so it needs no lock. */
    int err = file->writable ? oc_api_reserve(file->fd, size) : -EBADF;
    return err == -EOPNOTSUPP ? stretch_locked(file, size) : err;
}

OC_API int onecopy_grow(struct onecopy_file *file, uint64_t size)
{
    int saved = errno;
    return oc_api_done(grow(file, size), saved);
}

static int extend(struct onecopy_file *file, uint64_t n, int64_t *start)
{
    struct onecopy_hold *hold;
    int err = !n ? -EINVAL : !file->writable ? -EBADF : lock_growth(file, &hold);
    if (err)
        return err;
    *start = oc_sys_lseek(file->fd, 0, SEEK_END);
    if (*start < 0)
        err = (int)*start;
    else if (n > INT64_MAX - (uint64_t)*start)
        err = -EFBIG;
    else
        err = oc_api_reserve(file->fd, (uint64_t)*start + n);
    if (err == -EOPNOTSUPP)
        err = oc_api_stretch(file->fd, (uint64_t)*start + n);
    oc_hold_give(hold);
    return err;
}

OC_API int64_t onecopy_extend(struct onecopy_file *file, uint64_t n)
{
    int saved = errno;
    int64_t start = -1;
    return oc_api_done(extend(file, n, &start), saved) ? -1 : start;
}

/* ---- bytes ---- */

OC_API ssize_t onecopy_read(struct onecopy_file *file, void *buf, size_t n, uint64_t offset)
{
    int saved = errno;
    ssize_t got = offset > INT64_MAX ? -EINVAL : oc_sys_pread_all(file->fd, buf, n, offset);
    return oc_api_done(got < 0 ? (int)got : 0, saved) ? -1 : got;
}

/* A mapping of the range, if there is one: through it the kernel writes just that range.  Else
 * the whole file is written. */
static int flush(struct onecopy_file *file, uint64_t offset, uint64_t length)
{
    struct oc_part *part = NULL;
    int err;
    oc_api_lock();
    part = length && length <= SIZE_MAX ? oc_part_peek(file, offset, (size_t)length) : NULL;
    oc_api_unlock();
    if (!part)
        return (int)OC_SYS_1(SYS_fdatasync, file->fd);
    uint64_t from = oc_page_down(offset), to = oc_page_up(offset + length);
    err = (int)OC_SYS_3(SYS_msync, part->at + (from - part->start), to - from, MS_SYNC);
    oc_api_lock();
    oc_part_put(part);
    oc_api_unlock();
    return err;
}

OC_API int onecopy_flush(struct onecopy_file *file, uint64_t offset, uint64_t length)
{
    int saved = errno;
    return oc_api_done(flush(file, offset, length), saved);
}
