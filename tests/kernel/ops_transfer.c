/* Calls that use the kernel's own offset, or another descriptor's. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What arrived in the two sinks is compared. */
static void sinks_agree(struct world *w, const int sink[SIDES], const char *what)
{
    enum { ROOM = 1 << 18 };
    char *bytes = malloc(2 * ROOM);
    long got[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        got[s] = side_pread(RAW, sink[s], bytes + s * ROOM, ROOM, 0);
    if (agree(w, got[LIBC], got[RAW], "%s: what arrived", what) && got[LIBC] > 0 &&
        memcmp(bytes, bytes + ROOM, (size_t)got[LIBC]) != 0)
        fail(w, "%s: other bytes arrived", what);
    free(bytes);
}

static bool sinks_open(const struct world *w, int sink[SIDES])
{
    for (enum side s = LIBC; s < SIDES; s++)
        sink[s] = (int)side_open(RAW, w->round->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return sink[LIBC] >= 0 && sink[RAW] >= 0;
}

static void sinks_close(const int sink[SIDES])
{
    for (enum side s = LIBC; s < SIDES; s++)
        side_close(RAW, sink[s]);
}

typedef long transfer_fn(enum side s, int out, int in, int64_t *off, size_t n);

static long copy_range(enum side s, int out, int in, int64_t *off, size_t n)
{
    return side_copy_file_range(s, in, off, out, n);
}

static void transfer(struct world *w, const struct op *op, transfer_fn *how, const char *what)
{
    int64_t first = op_offset(w, op, op->fd), off[SIDES] = {first, first};
    bool with = op->how % 2;
    int sink[SIDES];
    long moved[SIDES];

    if (!sinks_open(w, sink))
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        moved[s] = how(s, sink[s], w->fd[op->fd][s], with ? &off[s] : NULL, op->n);
    agree(w, moved[LIBC], moved[RAW], "%s of %u bytes%s", what, op->n, with ? " at" : "");
    agree(w, off[LIBC], off[RAW], "%s: offset afterwards", what);
    sinks_agree(w, sink, what);
    sinks_close(sink);
}

void op_sendfile(struct world *w, const struct op *op)
{
    transfer(w, op, side_sendfile, "sendfile");
}

void op_copy_range(struct world *w, const struct op *op)
{
    transfer(w, op, copy_range, "copy_file_range");
}

void op_splice(struct world *w, const struct op *op)
{
    static const size_t room = 70000;
    int64_t first = op_offset(w, op, op->fd), off[SIDES] = {first, first};
    int pipes[SIDES][2];
    long moved[SIDES], got[SIDES];

    if (pipe2(pipes[LIBC], O_NONBLOCK | O_CLOEXEC) != 0)
        return;
    if (pipe2(pipes[RAW], O_NONBLOCK | O_CLOEXEC) == 0) {
        char *bytes = calloc(2, room);
        for (enum side s = LIBC; s < SIDES; s++) {
            moved[s] = side_splice(s, w->fd[op->fd][s], op->how % 2 ? &off[s] : NULL, pipes[s][1],
                                   op->n, 0);
            got[s] = side_read(RAW, pipes[s][0], bytes + s * room, room);
            side_close(RAW, pipes[s][0]);
            side_close(RAW, pipes[s][1]);
        }
        agree(w, moved[LIBC], moved[RAW], "splice of %u bytes", op->n);
        agree(w, off[LIBC], off[RAW], "splice: offset afterwards");
        if (agree(w, got[LIBC], got[RAW], "splice: what arrived") &&
            memcmp(bytes, bytes + room, room) != 0)
            fail(w, "splice: other bytes arrived");
        free(bytes);
    }
}

void op_fionread(struct world *w, const struct op *op)
{
    int n[SIDES] = {-1, -1};

    agree(w, side_fionread(LIBC, w->fd[op->fd][LIBC], &n[LIBC]),
          side_fionread(RAW, w->fd[op->fd][RAW], &n[RAW]), "FIONREAD");
    agree(w, n[LIBC], n[RAW], "FIONREAD's count");
}

/* A lock of the description, placed by the offset; asked for through another one. */
void op_lock_here(struct world *w, const struct op *op)
{
    struct flock lock[SIDES], seen[SIDES];
    char path[PATH];
    long got[SIDES];

    if (op->file >= FILES)
        return;
    for (enum side s = LIBC; s < SIDES; s++) {
        lock[s] = (struct flock){
            .l_type = F_RDLCK, .l_whence = SEEK_CUR, .l_start = op->how % 9, .l_len = 7};
        seen[s] = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        got[s] = side_fcntl(s, w->fd[op->fd][s], F_OFD_SETLK, (long)&lock[s]);
        world_path(w, op->file, s, path);
        int other = (int)side_open(RAW, path, O_RDWR | O_CLOEXEC, 0);
        side_fcntl(RAW, other, F_OFD_GETLK, (long)&seen[s]);
        side_close(RAW, other);
        lock[s] = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET};
        side_fcntl(s, w->fd[op->fd][s], F_OFD_SETLK, (long)&lock[s]);
    }
    agree(w, got[LIBC], got[RAW], "F_OFD_SETLK");
    agree(w, seen[LIBC].l_type, seen[RAW].l_type, "the lock, seen by another");
    agree(w, seen[LIBC].l_start, seen[RAW].l_start, "where the lock begins");
}
