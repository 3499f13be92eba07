/*
 * One sequence, run by a process and its forked children in turns.
 *
 * Every process knows the whole sequence and the number of ops done so far,
 * which lies in shared memory.  The next op belongs to the actor it names, or
 * to the first when that one is not alive, and who is alive changes only by
 * ops: so everybody agrees on whose turn it is, and the result is the same
 * every time.
 */
#include "diff.h"
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

static uint32_t done_of(uint64_t turn)
{
    return (uint32_t)turn;
}

static unsigned whose(const struct round *r, uint64_t turn)
{
    uint32_t number = done_of(turn);
    unsigned actor = number < r->count ? r->ops[number].actor % ACTORS : 0;

    return turn >> 32 & (1u << actor) ? actor : 0;
}

/* The half of the word that counts, for the kernel's wait. */
static uint32_t *counter(struct round *r)
{
    return (uint32_t *)&r->turn + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* The op under way is done; actors were born or died by it. */
static void pass_turn(struct world *w, uint32_t died)
{
    struct round *r = w->round;
    uint64_t turn = atomic_load(&r->turn);
    uint64_t alive = (turn >> 32 | w->born) & ~(uint64_t)died;

    w->born = 0;
    turn = alive << 32 | (w->now + 1);
    atomic_store(&r->turn, turn);
    if (w->now + 1 >= r->count || whose(r, turn) != w->actor)
        oc_syscall(SYS_futex, (long)counter(r), FUTEX_WAKE, ACTORS, 0, 0, 0);
}

/* A process that has died cannot say so. */
static bool dead(int pid)
{
    char path[40], text[200];
    long fd, got;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    fd = side_open(RAW, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return true;
    got = side_read(RAW, (int)fd, text, sizeof text - 1);
    side_close(RAW, (int)fd);
    text[got > 0 ? got : 0] = 0;
    const char *state = strrchr(text, ')');
    return state != NULL && (state[2] == 'Z' || state[2] == 'X');
}

enum turn { MINE, ANOTHERS, STOP };

/* Wait until op NUMBER is due; whose is it? */
static enum turn wait_turn(struct world *w, uint32_t number)
{
    struct round *r = w->round;
    struct timespec second = {1, 0};

    while (!atomic_load(&r->failed)) {
        uint64_t turn = atomic_load(&r->turn);
        uint32_t done = done_of(turn);
        if (done > number)
            return ANOTHERS;
        unsigned next = whose(r, turn);
        if (done == number)
            if (next == w->actor)
                return MINE;
        if (oc_syscall(SYS_futex, (long)counter(r), FUTEX_WAIT, done, (long)&second, 0, 0) ==
                -ETIMEDOUT &&
            atomic_load(&r->turn) == turn && dead(atomic_load(&r->pid[next]))) {
            w->now = done;
            fail(w, "actor %u has died", next);
        }
    }
    return STOP;
}

void op_fork(struct world *w, const struct op *op)
{
    struct round *r = w->round;
    unsigned actor = 1 + op->fd % (ACTORS - 1);

    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    if (atomic_load(&r->turn) >> 32 & (1u << actor))
        return;
    pid_t child = fork();
    if (child == 0) {
        w->actor = actor;
        atomic_store(&r->pid[actor], getpid());
        actor_continue(w, w->now + 1);
        exit(0);
    }
    if (child < 0)
        fail(w, "fork: %d", errno);
    else {
        atomic_store(&r->pid[actor], child);
        w->born = 1u << actor;
    }
}

/* Ends this process, unless it is the first. */
void op_exit(struct world *w, const struct op *op)
{
    if (w->actor == 0)
        return;
    for (unsigned i = 0; i < BLOCKS; i++)
        block_agree_all(w, &w->block[i]);
    if (w->failed)
        return;
    pass_turn(w, 1u << w->actor);
    if (op->how % 4 == 0)
        raise(SIGKILL);
    if (op->how % 2)
        exit(0);
    _exit(0);
}

/* This program again, with or without the library; memory is lost, descriptors stay. */
void op_exec(struct world *w, const struct op *op)
{
    struct round *r = w->round;
    char memory[12], actor[12], *empty[] = {NULL};
    char *const argv[] = {"diff", "--resume", memory, actor, NULL};

    memcpy(r->saved[w->actor].fd, w->fd, sizeof w->fd);
    snprintf(memory, sizeof memory, "%d", r->memory);
    snprintf(actor, sizeof actor, "%u", w->actor);
    for (unsigned i = 0; i < FDS; i++) /* what has FD_CLOEXEC is closed over there */
        if (w->fd[i][RAW] >= 0 && side_fcntl(RAW, w->fd[i][RAW], F_GETFD, 0) & FD_CLOEXEC)
            r->saved[w->actor].fd[i][LIBC] = r->saved[w->actor].fd[i][RAW] = -1;
    environ = op->how % 4 == 0 ? empty : round_environment(r);
    if (op->how % 4 == 0)
        execve("/proc/self/exe", argv, empty);
    else if (op->how % 4 == 1)
        execl("/proc/self/exe", "diff", "--resume", memory, actor, NULL);
    else
        execv("/proc/self/exe", argv);
    fail(w, "exec: %d", errno);
}

/* In the exec'd program: the op that was the exec is done. */
int round_resume(int memory, unsigned actor)
{
    off_t size = lseek(memory, 0, SEEK_END);
    struct round *r = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    struct world w;

    if (r == MAP_FAILED)
        return 97;
    memset(&w, 0, sizeof w);
    w.round = r;
    w.actor = actor;
    w.bare = environ[0] == NULL;
    w.now = done_of(atomic_load(&r->turn));
    memcpy(w.fd, r->saved[actor].fd, sizeof w.fd);
    for (enum side s = LIBC; s < SIDES; s++) {
        char path[PATH];
        world_path(&w, FILES, s, path);
        w.common[s] = (int)side_open(s, path, O_RDONLY, 0);
    }
    pass_turn(&w, 0);
    actor_continue(&w, w.now + 1);
    return atomic_load(&r->failed) ? 1 : 0;
}

/* Have all others come to the end? */
static bool alone(struct round *r)
{
    uint32_t missing = (uint32_t)(atomic_load(&r->turn) >> 32) & ~atomic_load(&r->ended);

    for (unsigned i = 1; i < ACTORS; i++)
        if (missing & 1u << i && !dead(atomic_load(&r->pid[i])))
            return false;
    return true;
}

/* Each looks at its world a last time; the first one waits for the others. */
static void finish(struct world *w)
{
    struct round *r = w->round;

    while (w->actor == 0 && !alone(r) && !atomic_load(&r->failed))
        usleep(300);
    world_end(w);
    atomic_fetch_or(&r->ended, 1u << w->actor);
    while (w->actor == 0 && waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* One op; or, a while after an exec without the library, an exec that brings it back. */
static void act(struct world *w, const struct op *op)
{
    enum { BARE_OPS = 30 };
    const struct op back = {.how = 1};

    if (w->bare > 0 && w->bare++ > BARE_OPS)
        op_exec(w, &back);
    op_kinds[op->kind].run(w, op);
    atomic_fetch_add(&w->round->calls[op->kind], 1);
}

void actor_continue(struct world *w, uint32_t from)
{
    struct round *r = w->round;

    for (uint32_t i = from; i < r->count; i++) {
        enum turn turn = wait_turn(w, i);
        if (turn == STOP)
            return;
        if (turn == ANOTHERS)
            continue;
        w->now = i;
        act(w, &r->ops[i]);
        if (w->failed)
            return;
        pass_turn(w, 0);
    }
    w->now = r->count;
    finish(w);
}

void actors_run(struct round *r)
{
    static struct world w;

    world_start(&w, r, 0);
    atomic_store(&r->turn, (uint64_t)1 << 32);
    atomic_store(&r->pid[0], getpid());
    if (r->mode == SHARED)
        helper_start(r);
    if (r->mode == SIGNALS)
        signals_start(&w);
    actor_continue(&w, 0);
    if (r->mode == SIGNALS)
        signals_stop(&w);
    if (r->mode == SHARED)
        helper_stop(r);
}
