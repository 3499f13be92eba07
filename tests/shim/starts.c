/*
 * A process that is started in the middle of an open has the descriptor as well, though
 * the open has not returned: from then on there is one offset for both.
 *
 * The start is made by a signal handler that interrupted the open, after the kernel made the
 * descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

extern char **environ;

enum { PARENTS = 100, CHILDS = 50, HITS = 25, ROUNDS = 400000 };

static struct twin twin;
static char *self;
static int expected; /* the number that the next open returns */
static int go[2];    /* tells the child that the parent has read */
static volatile sig_atomic_t armed;
static volatile pid_t child;
static pid_t (*start)(void);

/* The child's part: what its parent read has moved this offset, too. */
static int child_reads(int fd, int told)
{
    unsigned char buf[CHILDS];

    if (side_read(RAW, told, buf, 1) != 1)
        return 11;
    if (side_lseek(RAW, fd, 0, SEEK_CUR) != PARENTS)
        return 12;
    if (side_read(RAW, fd, buf, CHILDS) != CHILDS)
        return 13;
    for (int i = 0; i < CHILDS; i++)
        if (buf[i] != twin_byte((uint64_t)(PARENTS + i)))
            return 14;
    return 0;
}

static char *const *child_argv(void)
{
    static char fd[12], told[12];
    static char *argv[] = {NULL, "--child", fd, told, NULL};

    snprintf(fd, sizeof fd, "%d", expected);
    snprintf(told, sizeof told, "%d", go[0]);
    argv[0] = self;
    return argv;
}

static pid_t by_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(child_reads(expected, go[0]));
    return pid;
}

static pid_t by_fork_number(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        syscall(SYS_exit_group, child_reads(expected, go[0]));
    return pid;
}

static pid_t by_vfork(void)
{
    char *const *argv = child_argv();
    pid_t pid = vfork();

    if (pid == 0) {
        execv(self, argv);
        _exit(9);
    }
    return pid;
}

static pid_t by_spawn(void)
{
    pid_t pid;

    return posix_spawn(&pid, self, NULL, NULL, child_argv(), environ) == 0 ? pid : -1;
}

/* Not before the kernel has made the descriptor. */
static void on_alarm(int sig)
{
    int saved = errno;

    (void)sig;
    if (armed && side_fcntl(RAW, expected, F_GETFD, 0) >= 0) {
        armed = 0;
        child = start();
    }
    errno = saved;
}

/* Both have one offset: 0 when all is as it should be. */
static void check(int fd)
{
    unsigned char buf[PARENTS];
    int status = -1;

    same(side_read(LIBC, fd, buf, PARENTS), PARENTS, "the parent's read");
    expect(write(go[1], "", 1) == 1, "telling the child");
    expect(waitpid(child, &status, 0) == child, "waitpid: %s", strerror(errno));
    expect(status == 0, "the child ended with %#x", (unsigned)status);
    same(side_read(LIBC, fd, buf, PARENTS), PARENTS, "the parent's second read");
    for (int i = 0; i < PARENTS; i++)
        if (!expect(buf[i] == twin_byte((uint64_t)(PARENTS + CHILDS + i)),
                    "byte %d of the second read", i))
            break;
}

static bool one_open(void)
{
    int fd;

    child = 0;
    armed = 1;
    fd = open(twin.path[LIBC], O_RDONLY);
    armed = 0;
    expect(fd == expected, "descriptor %d instead of %d", fd, expected);
    if (child)
        check(fd);
    close(fd);
    return child != 0;
}

static void interrupted(pid_t (*how)(void), const char *name)
{
    struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 101}, {0, 101}}, never = {{0, 0}, {0, 0}};
    int hits = 0;

    start = how;
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; hits < HITS && round < ROUNDS; round++)
        hits += one_open();
    setitimer(ITIMER_REAL, &never, NULL);
    expect(hits > 0, "no signal came in time");
    report(name);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--child") == 0)
        return child_reads(atoi(argv[2]), atoi(argv[3]));
    tap_start(argc, argv);
    self = argv[0];
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("file", 1 * MB);
    expect(pipe(go) == 0, "pipe");
    expected = open("/dev/null", O_RDONLY);
    close(expected);
    interrupted(by_fork, "an open that a fork overlaps");
    interrupted(by_fork_number, "an open that a fork by number overlaps");
    interrupted(by_vfork, "an open that vfork and exec overlap");
    interrupted(by_spawn, "an open that posix_spawn overlaps");
    return tap_done();
}
