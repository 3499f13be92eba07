/*
 * Byte-range locks between processes.
 *
 * These are the kernel's locks of open file descriptions (F_OFD_SETLK): they go
 * with the last descriptor of the description, so with the process, however
 * it dies, and closing another descriptor of the file does not touch them.  Locks of one
 * description never conflict, so each hold has a description of its own, and
 * threads keep each other out like processes do.  Unlocked ones are kept for the
 * next lock, so that nothing is closed before the file is: a close would drop the host's
 * own record locks.
 *
 * A forked child would share the description and keep its parent's lock alive: it
 * closes its descriptors of all holds.
 */
#include "api/api.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sys.h"

#ifndef O_LARGEFILE
#define O_LARGEFILE 0
#endif
#ifdef SYS_fcntl64
#define SYS_FCNTL SYS_fcntl64
#else
#define SYS_FCNTL SYS_fcntl
#endif

enum hold_state {
    HOLD_IDLE,
    HOLD_BUSY, /* held or waiting */
};

struct onecopy_hold {
    enum hold_state state;
    int fd; /* -1: of a parent, before fork */
    uint64_t offset, length;
    struct onecopy_file *file; /* NULL: closed */
    struct onecopy_hold *next, *prev;
};

/* Not libc's fcntl: no cancellation point, no errno. */
static int set_lock(const struct onecopy_hold *hold, int command, short type)
{
    struct flock64 lock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off64_t)hold->offset,
        .l_len = (off64_t)hold->length,
    };
    return (int)OC_SYS_3(SYS_FCNTL, hold->fd, command, &lock);
}

static void link_hold(struct onecopy_hold *hold)
{
    hold->next = hold->file->holds;
    if (hold->next)
        hold->next->prev = hold;
    hold->file->holds = hold;
}

static void unlink_hold(struct onecopy_hold *hold)
{
    if (hold->next)
        hold->next->prev = hold->prev;
    *(hold->prev ? &hold->prev->next : &hold->file->holds) = hold->next;
}

/* The file once more, as another open file description. */
static int open_again(const struct onecopy_file *file)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    return oc_api_above_stdio(
        oc_sys_open(path, (file->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_LARGEFILE, 0));
}

static struct onecopy_hold *find_idle(const struct onecopy_file *file)
{
    struct onecopy_hold *hold = file->holds;
    while (hold && (hold->state != HOLD_IDLE || hold->fd < 0))
        hold = hold->next;
    return hold;
}

static int new_hold(struct onecopy_file *file, struct onecopy_hold **hold)
{
    struct onecopy_hold *h = calloc(1, sizeof *h);
    if (!h)
        return -ENOMEM;
    h->fd = open_again(file);
    if (h->fd < 0) {
        int err = h->fd;
        free(h);
        return err;
    }
    h->file = file;
    link_hold(h);
    *hold = h;
    return 0;
}

/* Opened under the mutex, so that fork finds every descriptor in its list. */
static int idle_hold(struct onecopy_file *file, struct onecopy_hold **hold)
{
    int err = 0;
    oc_api_lock();
    *hold = find_idle(file);
    if (!*hold)
        err = new_hold(file, hold);
    if (!err)
        (*hold)->state = HOLD_BUSY;
    oc_api_unlock();
    return err;
}

/* The lock is gone or never was: keep the hold for the next one. */
static void put_hold(struct onecopy_hold *hold)
{
    oc_api_lock();
    hold->state = HOLD_IDLE;
    if (!hold->file || hold->fd < 0) {
        if (hold->file)
            unlink_hold(hold);
        if (hold->fd >= 0)
            oc_sys_close(hold->fd);
        free(hold);
    }
    oc_api_unlock();
}

int oc_hold_take(struct onecopy_file *file, uint64_t offset, uint64_t length, unsigned flags,
                 struct onecopy_hold **hold)
{
    int err = idle_hold(file, hold);
    if (err)
        return err;
    (*hold)->offset = offset;
    (*hold)->length = length;
    err = set_lock(*hold, flags & ONECOPY_NOWAIT ? F_OFD_SETLK : F_OFD_SETLKW,
                   flags & ONECOPY_WRITE ? F_WRLCK : F_RDLCK);
    if (err) {
        put_hold(*hold);
        *hold = NULL;
    }
    return err == -EACCES ? -EAGAIN : err;
}

int oc_hold_give(struct onecopy_hold *hold)
{
    int err = hold->fd < 0 ? -EPERM : set_lock(hold, F_OFD_SETLK, F_UNLCK);
    put_hold(hold);
    return err;
}

void oc_hold_orphan(struct onecopy_file *file)
{
    while (file->holds) {
        struct onecopy_hold *hold = file->holds;
        unlink_hold(hold);
        hold->file = NULL;
        hold->next = hold->prev = NULL;
        if (hold->state == HOLD_BUSY)
            continue;
        if (hold->fd >= 0)
            oc_sys_close(hold->fd);
        free(hold);
    }
}

void oc_hold_in_child(struct onecopy_file *file)
{
    for (struct onecopy_hold *hold = file->holds; hold; hold = hold->next) {
        if (hold->fd >= 0)
            oc_sys_close(hold->fd);
        hold->fd = -1;
    }
}

static int check_lock(const struct onecopy_file *file, uint64_t offset, uint64_t length,
                      unsigned flags)
{
    if (flags & ~(unsigned)(ONECOPY_WRITE | ONECOPY_NOWAIT))
        return -EINVAL;
    if (offset >= OC_HOLD_LIMIT || length > OC_HOLD_LIMIT - offset)
        return -EINVAL;
    return flags & ONECOPY_WRITE && !file->writable ? -EBADF : 0;
}

OC_API struct onecopy_hold *onecopy_lock(struct onecopy_file *file, uint64_t offset,
                                         uint64_t length, unsigned flags)
{
    int saved = errno;
    struct onecopy_hold *hold = NULL;
    int err = check_lock(file, offset, length, flags);
    if (!err)
        err = oc_hold_take(file, offset, length ? length : OC_HOLD_LIMIT - offset, flags, &hold);
    oc_api_done(err, saved);
    return hold;
}

OC_API int onecopy_unlock(struct onecopy_hold *hold)
{
    int saved = errno;
    return oc_api_done(hold ? oc_hold_give(hold) : -EINVAL, saved);
}
