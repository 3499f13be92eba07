/*
 * A process that is started in the middle of an open has the descriptor as well, though
 * the open has not returned: from then on there is one offset for both.
 *
 * The start is made by a signal handler that interrupted the open, after the kernel made the
 * descriptor.  And what is opened long after a start, while system() waits, is nobody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>
#include <wordexp.h>

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

/* ---- beside system() ---- */

enum { TOLD = 8, GO = 9 }; /* a shell knows numbers of one digit */

static void *in_shell(void *status)
{
    *(int *)status = system("echo >&8; read x <&9");
    return NULL;
}

/* Only where sections are made on every file system is the offset sure to be in user space. */
static void opened_beside(int flags, bool private, const char *what)
{
    unsigned char buf[PARENTS];
    int fd = open(twin.path[LIBC], flags);

    expect(fd >= 0, "open: %s", strerror(errno));
    same(side_read(LIBC, fd, buf, PARENTS), PARENTS, "a read");
    same(side_lseek(LIBC, fd, 0, SEEK_CUR), PARENTS, "the offset");
    if (tap_tiny())
        expect((side_lseek(RAW, fd, 0, SEEK_CUR) == 0) == private, "%s: the offset is %s", what,
               private ? "the kernel's" : "in user space");
    else
        expect(tap_active() || side_lseek(RAW, fd, 0, SEEK_CUR) == PARENTS, "the kernel's offset");
    close(fd);
}

static void by_dup(int fd)
{
    close(dup(fd));
}

static void by_dup2(int fd)
{
    int to = dup(0);

    expect(dup2(fd, to) == to, "dup2");
    close(to);
}

static void by_dupfd(int fd)
{
    close(fcntl(fd, F_DUPFD, GO + 1));
}

static void by_setfd(int fd)
{
    expect(fcntl(fd, F_SETFD, 0) == 0, "F_SETFD");
}

static void by_ioctl(int fd)
{
    expect(ioctl(fd, FIONCLEX) == 0, "FIONCLEX");
}

/* A file with O_CLOEXEC loses that, or has a copy without: a shell that is just being started
 * may have it as well. */
static void made_inheritable(void)
{
    static void (*const ways[])(int) = {by_dup, by_dup2, by_dupfd, by_setfd, by_ioctl};
    unsigned char buf[PARENTS];

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int fd = open(twin.path[LIBC], O_RDONLY | O_CLOEXEC);
        expect(fd >= 0, "open: %s", strerror(errno));
        same(side_read(LIBC, fd, buf, PARENTS), PARENTS, "a read");
        ways[i](fd);
        same(side_lseek(RAW, fd, 0, SEEK_CUR), PARENTS, "the kernel's offset");
        same(side_read(LIBC, fd, buf, PARENTS), PARENTS, "another read");
        same(side_lseek(RAW, fd, 0, SEEK_CUR), 2L * PARENTS, "the kernel's offset after it");
        close(fd);
    }
}

/* A pipe whose numbers are out of the way of those. */
static void pipe_above(int fds[2])
{
    expect(pipe(fds) == 0, "pipe");
    for (int i = 0; i < 2; i++) {
        int low = fds[i];

        fds[i] = fcntl(low, F_DUPFD_CLOEXEC, GO + 1);
        close(low);
    }
}

static void beside_system(bool cancel)
{
    int told[2], lets[2], status = -1;
    pthread_t thread;
    void *result;

    pipe_above(told);
    pipe_above(lets);
    expect(dup2(told[1], TOLD) == TOLD && dup2(lets[0], GO) == GO, "dup2");
    opened_beside(O_RDONLY, true, "before system()");
    expect(pthread_create(&thread, NULL, in_shell, &status) == 0, "a thread");
    expect(read(told[0], &(char){0}, 1) == 1, "the shell has begun");
    opened_beside(O_RDONLY | O_CLOEXEC, true, "O_CLOEXEC beside system()");
    opened_beside(O_RDONLY, false, "beside system()");
    made_inheritable();
    if (cancel)
        expect(pthread_cancel(thread) == 0, "pthread_cancel");
    else
        expect(write(lets[1], "\n", 1) == 1, "letting the shell go on");
    expect(pthread_join(thread, &result) == 0, "pthread_join");
    expect(cancel ? result == PTHREAD_CANCELED : result == NULL && status == 0,
           "system() ended with %#x", (unsigned)status);
    opened_beside(O_RDONLY, true, "after system()");
    for (int i = 0; i < 2; i++) {
        close(told[i]);
        close(lets[i]);
    }
    close(TOLD);
    close(GO);
    report(cancel ? "files opened beside system() that is cancelled, and after"
                  : "files opened beside system(), and after");
}

/* ---- other ways ---- */

/* A pair of which much was read in user space. */
static struct pair read_before(struct buffers *b)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    for (int i = 0; i < 20; i++)
        same_read(&p, b, 64);
    return p;
}

static void expanded(void)
{
    struct buffers b = buffers_make(4 * KB);
    struct pair p = read_before(&b);
    wordexp_t words[SIDES];
    char text[100];

    for (enum side s = LIBC; s < SIDES; s++) {
        snprintf(text, sizeof text, "$(dd bs=33 count=1 <&%d 2>/dev/null | cksum)", p.fd[s]);
        expect(wordexp(text, &words[s], 0) == 0, "wordexp");
        expect(words[s].we_wordc == 2, "%zu words", words[s].we_wordc);
    }
    expect(strcmp(words[LIBC].we_wordv[0], words[RAW].we_wordv[0]) == 0, "other bytes");
    same_kernel_offset(&p, "after wordexp");
    same_read(&p, &b, 50);
    for (enum side s = LIBC; s < SIDES; s++)
        wordfree(&words[s]);
    pair_close(&p);
    buffers_free(&b);
    report("a command that wordexp runs reads on");
}

/* glibc exports it beside vfork. */
extern pid_t __vfork(void);

static void second_vfork(void)
{
    struct buffers b = buffers_make(4 * KB);
    struct pair p = read_before(&b);
    char *const argv[] = {"sh", "-c", "dd bs=33 count=1 <&8 >/dev/null 2>&1", NULL};

    for (enum side s = LIBC; s < SIDES; s++) {
        int status = -1;

        dup2(p.fd[s], TOLD);
        pid_t pid = __vfork();
        if (pid == 0) {
            execv("/bin/sh", argv);
            _exit(9);
        }
        expect(waitpid(pid, &status, 0) == pid && status == 0, "the shell");
        close(TOLD);
    }
    same_kernel_offset(&p, "after __vfork");
    same_read(&p, &b, 50);
    pair_close(&p);
    buffers_free(&b);
    report("a program started by __vfork reads on");
}

/* A descriptor that was a file is a terminal. */
static void is_terminal(int fd, const char *what)
{
    char c;

    same(side_pread(LIBC, fd, &c, 1, 0), -ESPIPE, "%s: pread of %d", what, fd);
    same(side_lseek(LIBC, fd, 0, SEEK_CUR), -ESPIPE, "%s: lseek of %d", what, fd);
}

/* Descriptors 0 to 2 so often that what they stand for is copied. */
static void read_often(void)
{
    char some[64];

    for (int i = 0; i < 60; i++)
        expect(side_pread(LIBC, i % 3, some, sizeof some, 0) == sizeof some, "pread of %d", i % 3);
}

static void terminals(void)
{
    int kept = dup(0), master, slave;
    struct buffers b = buffers_make(4 * KB);
    struct pair p = read_before(&b);

    dup2(p.fd[LIBC], 0);
    same_read(&p, &b, 64);
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    if (pid == 0) {
        is_terminal(0, "forkpty");
        child_done();
    }
    child_wait(pid, "forkpty");
    close(master);
    pid = fork();
    if (pid == 0) {
        expect(openpty(&master, &slave, NULL, NULL, NULL) == 0, "openpty");
        for (int fd = 1; fd < 3; fd++)
            dup2(p.fd[LIBC], fd);
        read_often();
        same(login_tty(slave), 0, "login_tty");
        for (int fd = 0; fd < 3; fd++)
            is_terminal(fd, "login_tty");
        child_done();
    }
    child_wait(pid, "login_tty");
    same_read(&p, &b, 64);
    if (kept >= 0)
        dup2(kept, 0);
    close(kept >= 0 ? kept : 0);
    pair_close(&p);
    buffers_free(&b);
    report("forkpty and login_tty replace standard input");
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
    beside_system(false);
    beside_system(true);
    expanded();
    second_vfork();
    terminals();
    return tap_done();
}
