/* Opening, closing, duplicating and passing descriptors. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../newer.h"

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __close(int fd);
int __dup2(int fd, int to);

static int open_flags(const struct op *op)
{
    static const int rare[] = {O_RDWR,     O_RDWR | O_APPEND,    O_WRONLY,           O_PATH,
                               O_NONBLOCK, O_RDONLY | O_APPEND,  O_RDWR | O_CREAT,   O_DIRECT,
                               O_NOATIME,  O_RDONLY | O_CLOEXEC, O_CLOEXEC | O_RDWR, O_DIRECTORY};
    int flags =
        op->how & 3 ? op->how & 4 ? O_RDONLY | O_CLOEXEC : O_RDONLY : rare[(op->how >> 2) % 12];

    return op->file >= FILES ? flags & ~(O_CREAT | O_ACCMODE) : flags;
}

static long libc_open(unsigned how, const char *path, int flags)
{
    if (flags & O_CREAT)
        return side_open(LIBC, path, flags, 0644);
    switch (how % 6) {
    case 0:
        return side_result(open64(path, flags));
    case 1:
        return side_result(openat(AT_FDCWD, path, flags));
    case 2:
        return side_result(openat64(AT_FDCWD, path, flags));
    case 3:
        return side_result(how & 8 ? __open_2(path, flags) : __open64_2(path, flags));
    case 4:
        return side_result(__openat_2(AT_FDCWD, path, flags));
    default:
        return side_open(LIBC, path, flags, 0);
    }
}

/* Closed by a bare system call: the library learns of it when libc returns the number. */
static void close_unseen(const int *fd, long opened)
{
    if (opened != fd[LIBC])
        side_close(LIBC, fd[LIBC]); /* another number was free: EBADF, but seen */
}

/* Closed first (unseen even), or afterwards: the number is reused, or another one taken. */
void op_open(struct world *w, const struct op *op)
{
    char path[SIDES][PATH];
    int flags = open_flags(op);

    for (enum side s = LIBC; s < SIDES; s++)
        world_path(w, op->file, s, path[s]);
    bool unseen = op->fd2 == 4 && w->round->mode != THREADS && w->fd[op->fd][LIBC] >= 0;
    int old[SIDES] = {w->fd[op->fd][LIBC], w->fd[op->fd][RAW]};
    if (op->fd2 % 2)
        world_drop(w, op->fd);
    if (unseen)
        agree(w, side_close(RAW, old[LIBC]), side_close(RAW, old[RAW]), "close");
    long m = libc_open(op->how >> 4, path[LIBC], flags);
    if (unseen) {
        close_unseen(old, m);
        w->fd[op->fd][LIBC] = w->fd[op->fd][RAW] = -1;
    }
    long t = side_open(RAW, path[RAW], flags, 0644);
    world_put(w, op->fd, m, t, "open");
}

void op_close(struct world *w, const struct op *op)
{
    int *fd = w->fd[op->fd];

    if (op->how % 4 == 0 && fd[LIBC] >= 0) {
        agree(w, side_result(__close(fd[LIBC])), side_close(RAW, fd[RAW]), "__close");
        fd[LIBC] = fd[RAW] = -1;
    } else {
        world_drop(w, op->fd);
    }
}

void op_dup(struct world *w, const struct op *op)
{
    static const int commands[] = {F_DUPFD, F_DUPFD_CLOEXEC};
    const int *fd = w->fd[op->fd];
    int command = commands[op->how / 2 % 2], least = op->how % 30;

    if (op->how % 2)
        world_put(w, op->fd2, side_dup(LIBC, fd[LIBC]), side_dup(RAW, fd[RAW]), "dup");
    else
        world_put(w, op->fd2, side_fcntl(LIBC, fd[LIBC], command, least),
                  side_fcntl(RAW, fd[RAW], command, least), "F_DUPFD");
}

static long dup_to(enum side s, unsigned how, int fd, int to)
{
    if (how % 4 == 0)
        return side_dup3(s, fd, to, O_CLOEXEC);
    if (how % 4 == 1)
        return side_dup3(s, fd, to, 0);
    if (how % 4 == 2 && s == LIBC)
        return side_result(__dup2(fd, to));
    return side_dup2(s, fd, to);
}

/* Over the live descriptor of another slot, or of the same. */
void op_dup_onto(struct world *w, const struct op *op)
{
    const int *from = w->fd[op->fd], *to = w->fd[op->fd2];
    long got[SIDES];

    for (enum side s = LIBC; s < SIDES; s++) {
        got[s] = dup_to(s, op->how, from[s], to[s]);
        if (got[s] >= 0 && got[s] != to[s])
            fail(w, "dup2 gave %ld, not %d", got[s], to[s]);
    }
    agree(w, got[LIBC] < 0 ? got[LIBC] : 0, got[RAW] < 0 ? got[RAW] : 0, "dup2 onto a live one");
}

/* To a number that is chosen, and may be in use. */
void op_dup_number(struct world *w, const struct op *op)
{
    long got[SIDES];
    int base = 200 + (int)w->index * 50 + 2 * (op->how >> 2) % 16;

    for (enum side s = LIBC; s < SIDES; s++)
        got[s] = dup_to(s, op->how, w->fd[op->fd][s], base + (int)s);
    agree(w, got[LIBC] < 0 ? got[LIBC] : 0, got[RAW] < 0 ? got[RAW] : 0, "dup2 to a number");
    if (got[LIBC] < 0 || got[RAW] < 0)
        return;
    if (w->fd[op->fd2][LIBC] != base)
        world_drop(w, op->fd2);
    for (enum side s = LIBC; s < SIDES; s++)
        w->fd[op->fd2][s] = base + (int)s;
}

/* O_DIRECT is only given to open: set on a description that came back over a socket, it
 * concerns descriptors that nobody knows to be of the same description. */
void op_fcntl(struct world *w, const struct op *op)
{
    const int *fd = w->fd[op->fd];
    static const int flags[] = {0, O_NONBLOCK, O_APPEND, O_NOATIME, 0, 0, 0, 0};
    int command = op->how % 2 ? F_SETFD : F_SETFL;
    long arg = op->how % 2 ? (op->how >> 1) % 2 : flags[(op->how >> 1) % 8];

    agree(w, side_fcntl(LIBC, fd[LIBC], command, arg), side_fcntl(RAW, fd[RAW], command, arg),
          "fcntl(%d, %#lx)", command, (unsigned long)arg);
    agree(w, side_fcntl(LIBC, fd[LIBC], F_GETFL, 0), side_fcntl(RAW, fd[RAW], F_GETFL, 0),
          "F_GETFL");
    agree(w, side_fcntl(LIBC, fd[LIBC], F_GETFD, 0), side_fcntl(RAW, fd[RAW], F_GETFD, 0),
          "F_GETFD");
}

/* One descriptor closed, or marked, through close_range. */
void op_close_range(struct world *w, const struct op *op)
{
    int *fd = w->fd[op->fd], flags = op->how % 3 == 0 ? CLOSE_RANGE_CLOEXEC : 0;

    if (fd[LIBC] < 0)
        return;
    agree(w, side_close_range(LIBC, (unsigned)fd[LIBC], (unsigned)fd[LIBC], flags),
          side_close_range(RAW, (unsigned)fd[RAW], (unsigned)fd[RAW], flags), "close_range");
    if (flags == 0)
        fd[LIBC] = fd[RAW] = -1;
}

/* A number that was a matched file's becomes a pipe's, a socket's or a stranger's, and
 * must be read as that. */
void op_stranger(struct world *w, const struct op *op)
{
    int ends[2], null;
    char c;

    if (side_fcntl(RAW, w->fd[op->fd][RAW], F_GETFD, 0) < 0)
        return; /* never opened, or closed by the slot that had the same number */
    if (op->how % 3 == 0 ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return;
    null = (int)side_open(RAW, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    int from = op->how % 2 ? ends[0] : null;
    long wanted = op->how % 2 ? -ESPIPE : 0;
    int number = w->fd[op->fd][LIBC];
    if (dup2(from, number) == number) {
        agree(w, side_pread(LIBC, number, &c, 1, 5), wanted, "pread of a stranger");
        agree(w, side_lseek(LIBC, number, 0, SEEK_CUR), wanted, "lseek of a stranger");
    }
    side_close(RAW, null);
    side_close(LIBC, ends[0]);
    side_close(LIBC, ends[1]);
    world_drop(w, op->fd);
}

/* Through a socket and back: another descriptor of the same description. */
void op_pass(struct world *w, const struct op *op)
{
    int sock[2];
    long got[SIDES];

    if (w->fd[op->fd][LIBC] < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) != 0)
        return;
    for (enum side s = LIBC; s < SIDES; s++) {
        long sent = side_send_fd(s, sock[0], w->fd[op->fd][s]);
        got[s] = sent == 1 ? side_recv_fd(s, sock[1]) : sent;
    }
    side_close(RAW, sock[0]);
    side_close(RAW, sock[1]);
    agree(w, side_lseek(RAW, (int)got[LIBC], 0, SEEK_CUR),
          side_lseek(RAW, (int)got[RAW], 0, SEEK_CUR),
          "the kernel's offset of a received descriptor");
    world_put(w, op->fd2, got[LIBC], got[RAW], "recvmsg");
}
