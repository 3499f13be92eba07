/* Children and programs that look at the descriptors, and a look at the mappings. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void op_look(struct world *w, const struct op *op)
{
    if (op->how % 8 == 0)
        round_look(w->round);
    for (unsigned i = 0; i < BLOCKS; i++)
        block_agree_all(w, &w->block[i]);
}

/* What a forked child does with what it inherits. */
static void in_child(struct world *w, const struct op *op)
{
    for (unsigned i = 0; i < FDS && op->how & 1; i++)
        agree(w, side_lseek(RAW, w->fd[i][LIBC], 0, SEEK_CUR),
              side_lseek(RAW, w->fd[i][RAW], 0, SEEK_CUR),
              "the kernel's offset of slot %u in a child", i);
    op_read(w, op);
    op_pread(w, op);
    if (op->how & 2)
        op_open(w, op);
    if (op->how & 4)
        op_seek_read(w, op);
    if (op->how & 8)
        op_release(w, op);
    op_tell(w, op);
}

static void wait_for(struct world *w, pid_t child, int signal, const char *what)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (signal != 0 && WIFSIGNALED(status) && WTERMSIG(status) == signal)
        return;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(w, "%s ended with status %#x", what, (unsigned)status);
}

/* exit() in a child sets the offset back under every stream that the parent goes on
 * reading: what the parent then gets depends on how much its buffers happen to hold. */
static bool streams_open(const struct world *w)
{
    for (unsigned i = 0; i < STREAMS; i++)
        if (w->stream[i][LIBC] != NULL)
            return true;
    return false;
}

/* A child that uses everything, and ends in one of several ways. */
void op_child(struct world *w, const struct op *op)
{
    pid_t child;

    if (SANITIZED && w->round->mode == THREADS)
        return;
    child = fork();
    if (child == 0) {
        w->actor += 100;
        in_child(w, op);
        if (w->failed)
            _exit(3);
        atomic_store(&w->round->killed, op->how % 16 == 0 || atomic_load(&w->round->killed));
        if (op->how % 16 == 0)
            raise(SIGKILL);
        if (op->how % 3 == 0 && w->round->mode != THREADS && !streams_open(w))
            exit(0);
        _exit(0);
    }
    wait_for(w, child, op->how % 16 == 0 ? SIGKILL : 0, "a child");
}

int peek(int libc, int kernel, unsigned n)
{
    char small[SIDES][2000];
    long off[SIDES] = {side_lseek(RAW, libc, 0, SEEK_CUR), side_lseek(RAW, kernel, 0, SEEK_CUR)};

    memset(small, 0, sizeof small);
    if (off[LIBC] != off[RAW])
        return 11;
    n %= 2000;
    if (side_read(LIBC, libc, small[LIBC], n) != side_read(RAW, kernel, small[RAW], n))
        return 12;
    if (memcmp(small[LIBC], small[RAW], sizeof small[0]) != 0)
        return 13;
    return side_lseek(LIBC, libc, 0, SEEK_CUR) == side_lseek(RAW, kernel, 0, SEEK_CUR) ? 0 : 14;
}

/* Numbers that the next program finds its two descriptors under. */
enum { NEXT_LIBC = 180, NEXT_RAW = 181 };

static pid_t spawn(const int *fd, char *const argv[])
{
    posix_spawn_file_actions_t actions;
    pid_t child = -1;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd[LIBC], NEXT_LIBC);
    posix_spawn_file_actions_adddup2(&actions, fd[RAW], NEXT_RAW);
    if (posix_spawn(&child, argv[0], &actions, NULL, argv, environ) != 0)
        child = -1;
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static pid_t by_vfork(const int *fd, char *const argv[])
{
    pid_t child = vfork();

    if (child == 0) {
        dup2(fd[LIBC], NEXT_LIBC);
        dup2(fd[RAW], NEXT_RAW);
        close(fd[LIBC]);
        execv(argv[0], argv);
        _exit(9);
    }
    return child;
}

static pid_t by_fork(const int *fd, char *const argv[], char **environment)
{
    pid_t child = fork();

    if (child == 0) {
        dup2(fd[LIBC], NEXT_LIBC);
        dup2(fd[RAW], NEXT_RAW);
        execve(argv[0], argv, environment);
        _exit(9);
    }
    return child;
}

/* Another program goes on reading; then this one does. */
void op_program(struct world *w, const struct op *op)
{
    char n[12], libc[12], raw[12], *nothing[] = {NULL};
    char *const argv[] = {"/proc/self/exe", "--peek", libc, raw, n, NULL};
    const int *fd = w->fd[op->fd];
    long flags = side_fcntl(RAW, fd[RAW], F_GETFL, 0);
    pid_t child;

    if (fd[LIBC] < 0 || flags & (O_DIRECT | O_WRONLY | O_PATH))
        return;
    snprintf(n, sizeof n, "%u", op->n);
    snprintf(libc, sizeof libc, "%d", NEXT_LIBC);
    snprintf(raw, sizeof raw, "%d", NEXT_RAW);
    if (op->how % 4 == 0)
        child = spawn(fd, argv);
    else if (op->how % 4 == 1)
        child = by_vfork(fd, argv);
    else
        child = by_fork(fd, argv, op->how % 4 == 2 ? nothing : environ);
    wait_for(w, child, 0, "a program that reads on");
    op_seek_read(w, op);
}
