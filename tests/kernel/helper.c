/*
 * A process that is sent descriptors and looks at them with bare system calls:
 * what it finds is what any stranger would.  It keeps some, and moves their
 * offsets later, behind the back of the process under test.
 */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

enum { LOOK, READ, SEEK, KEEP, MOVE_KEPT, QUIT };

#define KEPT 6

static pid_t helper;

/* Written with memcpy alone: the helper makes no call of libc that is intercepted. */
static void answer(struct round *r, const char *what, long libc, long kernel)
{
    if (r->answer[0] == 0)
        snprintf(r->answer, sizeof r->answer, "%s: %ld, the twin's %ld", what, libc, kernel);
}

static void same_answer(struct round *r, const char *what, long libc, long kernel)
{
    if (libc != kernel)
        answer(r, what, libc, kernel);
}

static void act(struct round *r, const int fd[SIDES])
{
    static char bytes[SIDES][20000];
    size_t n = r->ask.n % sizeof bytes[0];

    same_answer(r, "offset in the receiver", side_lseek(RAW, fd[LIBC], 0, SEEK_CUR),
                side_lseek(RAW, fd[RAW], 0, SEEK_CUR));
    if (r->ask.act == READ || r->ask.act == MOVE_KEPT) {
        same_answer(r, "read in the receiver", side_read(RAW, fd[LIBC], bytes[LIBC], n),
                    side_read(RAW, fd[RAW], bytes[RAW], n));
        if (memcmp(bytes[LIBC], bytes[RAW], sizeof bytes[0]) != 0)
            answer(r, "other bytes in the receiver", 0, 0);
    } else if (r->ask.act == SEEK) {
        same_answer(r, "lseek in the receiver", side_lseek(RAW, fd[LIBC], r->ask.off, SEEK_SET),
                    side_lseek(RAW, fd[RAW], r->ask.off, SEEK_SET));
    }
}

static void serve(struct round *r, int sock)
{
    static int kept[KEPT][SIDES];
    char c;

    for (int i = 0; i < KEPT; i++)
        kept[i][LIBC] = kept[i][RAW] = -1;
    while (side_read(RAW, sock, &c, 1) == 1 && r->ask.act != QUIT) {
        int fd[SIDES], *keep = kept[r->ask.which % KEPT];
        r->answer[0] = 0;
        if (r->ask.act == MOVE_KEPT) {
            act(r, keep);
        } else {
            for (enum side s = LIBC; s < SIDES; s++)
                fd[s] = (int)side_recv_fd(RAW, sock);
            act(r, fd);
            for (enum side s = LIBC; s < SIDES; s++) {
                side_close(RAW, r->ask.act == KEEP ? keep[s] : fd[s]);
                if (r->ask.act == KEEP)
                    keep[s] = fd[s];
            }
        }
        side_write(RAW, sock, &c, 1);
    }
    oc_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

void helper_start(struct round *r)
{
    int sock[2];

    r->helper = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock) != 0)
        return;
    helper = fork();
    if (helper == 0) {
        side_close(RAW, sock[0]);
        serve(r, sock[1]);
    }
    side_close(RAW, sock[1]);
    r->helper = (int)side_fcntl(RAW, sock[0], F_DUPFD_CLOEXEC, 800);
    side_close(RAW, sock[0]);
}

void helper_stop(struct round *r)
{
    side_close(RAW, r->helper);
    waitpid(helper, NULL, 0);
}

void op_hand_over(struct world *w, const struct op *op)
{
    struct round *r = w->round;
    char c = 'x';

    if (r->helper < 0)
        return;
    r->ask.act = (uint8_t)(op->how % 5);
    r->ask.which = op->fd2;
    r->ask.n = op->n;
    r->ask.off = op->off;
    if (r->ask.act != MOVE_KEPT && side_fcntl(RAW, w->fd[op->fd][RAW], F_GETFD, 0) < 0)
        return; /* nothing to send */
    side_write(RAW, r->helper, &c, 1);
    for (enum side s = LIBC; s < SIDES && r->ask.act != MOVE_KEPT; s++)
        if (!agree(w, side_send_fd(s, r->helper, w->fd[op->fd][s]), 1, "sendmsg to a process"))
            return;
    if (side_read(RAW, r->helper, &c, 1) != 1)
        fail(w, "the receiver is gone");
    else if (r->answer[0] != 0)
        fail(w, "%s", r->answer);
}
