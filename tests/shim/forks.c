/*
 * Offsets across fork, vfork, exec and spawn: what the child reads on from, and
 * what the parent finds afterwards, is what the kernel's single offset says.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "../newer.h"
#include "twin.h"

extern char **environ;

static struct twin twin;
static struct buffers b, hot;
static char *self;

/* A descriptor with an offset that has been moved in user space. */
static struct pair warmed(int flags, int64_t to)
{
    struct pair p = pair_open(&twin, O_RDONLY | flags);

    for (int k = 0; k < 50; k++) {
        same_read(&p, &b, 64);
        same_pread(&p, &b, 64, 300 + k);
    }
    same_lseek(&p, to, SEEK_SET);
    same_read(&p, &b, 77);
    return p;
}

/* ---- fork ---- */

static void one_after_another(void)
{
    struct pair p = warmed(0, 1000);

    for (int k = 0; k < 30; k++) {
        pid_t child = fork();
        if (child == 0) {
            same_kernel_offset(&p, "in the child");
            same_read(&p, &b, (size_t)k * 40);
            if (k % 3 == 0)
                same_lseek(&p, 100, SEEK_CUR);
            if (k % 10 == 0)
                same_read(&p, &b, 300000);
            child_done();
        }
        child_wait(child, "reader");
        same_kernel_offset(&p, "in the parent");
        same_read(&p, &b, 33);
        same_lseek(&p, k * 500, SEEK_SET);
    }
    report("parent and child move one offset");
    pair_close(&p);
}

extern pid_t _Fork(void) __attribute__((weak)); /* since glibc 2.34 */

/* fork without its handlers: the child is served as any other. */
static void bare_fork(void)
{
    struct buffers own = buffers_make(512 * KB);
    struct pair p = warmed(0, 2000);
    pid_t child = _Fork();

    if (child == 0) {
        struct pair q = pair_open(&twin, O_RDONLY);

        same_kernel_offset(&p, "in the child");
        same_read(&p, &b, 100);
        same_pread(&q, &own, 390 * KB, 16);
        expect(image_mapped(), "nothing is lent to the child");
        child_done();
    }
    child_wait(child, "the child of _Fork");
    same_kernel_offset(&p, "in the parent");
    same_read(&p, &b, 100);
    report("_Fork");
    buffers_free(&own);
    pair_close(&p);
}

/* Parent and child take turns, each told by a pipe. */
static void in_turns(void)
{
    struct pair p = warmed(0, 5000);
    int to_child[2], to_parent[2];
    char c = 0;

    expect(pipe(to_child) == 0 && pipe(to_parent) == 0, "pipe");
    pid_t child = fork();
    for (int k = 0; k < 200; k++) {
        if ((k % 2 == 1) != (child == 0)) {
            expect(read(child == 0 ? to_child[0] : to_parent[0], &c, 1) == 1, "a turn");
            continue;
        }
        same_read(&p, &b, (size_t)(k * 31 % 700));
        if (k % 7 == 0)
            same_lseek(&p, k * 100, SEEK_SET);
        same_pread(&p, &b, 200, k * 50);
        expect(write(child == 0 ? to_parent[1] : to_child[1], &c, 1) == 1, "a turn given");
    }
    if (child == 0)
        child_done();
    child_wait(child, "the other");
    report("parent and child read in turns");
    pair_close(&p);
}

/* Opened after the fork, a description is the child's own. */
static void own(void)
{
    struct pair p = warmed(0, 0);
    pid_t child = fork();

    if (child == 0) {
        struct pair q = warmed(0, 3000);
        for (int k = 0; k < 100; k++)
            same_read(&q, &b, 100);
        pair_close(&q);
        pair_close(&p);
        p = warmed(0, 20);
        same_read(&p, &b, 100);
        child_done();
    }
    child_wait(child, "child");
    for (int k = 0; k < 50; k++)
        same_read(&p, &b, 100);
    report("descriptions opened on either side of a fork");
    pair_close(&p);
}

static void generations(int depth, const struct pair *p)
{
    same_read(p, &b, 101);
    if (depth > 0) {
        pid_t child = fork();
        if (child == 0) {
            generations(depth - 1, p);
            child_done();
        }
        child_wait(child, "descendant");
    }
    same_kernel_offset(p, "of a family");
    same_read(p, &b, 101);
}

static void killed(void)
{
    struct pair p = warmed(0, 700);

    for (int k = 0; k < 10; k++) {
        pid_t child = fork();
        if (child == 0) {
            for (int i = 0; i < 10 + k; i++)
                same_read(&p, &b, 100);
            raise(SIGKILL);
        }
        waitpid(child, NULL, 0);
        same_kernel_offset(&p, "after a reader was killed");
        same_read(&p, &b, 100);
    }
    report("a reader killed half-way");
    pair_close(&p);
}

/* The offset is the kernel's for ever, but what is hot is copied all the same. */
static void copied_still(void)
{
    struct pair p = warmed(0, 700);

    pid_t child = fork();
    if (child == 0)
        child_done();
    child_wait(child, "child");
    for (int k = 0; k < 3000; k++)
        same_pread(&p, &hot, 64, (int64_t)(120 * KB) + k * 13 % 2000);
    expect(!tap_active() || maps_have(twin.path[LIBC]), "no section of the file is mapped");
    same_kernel_offset(&p, "after a fork");
    report("pread is copied still when the offset was handed back");
    pair_close(&p);
}

static void daemonised(void)
{
    struct pair p = warmed(0, 900);
    int done[2];
    char c = 1;

    expect(pipe(done) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        if (daemon(1, 1) != 0)
            _exit(1);
        same_read(&p, &b, 300);
        pair_close(&p);
        struct pair q = warmed(0, 30);
        same_read(&q, &b, 300);
        c = 0;
        for (int fd = 0; fd < 256; fd++)
            if (fd != done[1])
                close(fd);
        q = warmed(0, 60);
        same_read(&q, &b, 300);
        expect(write(done[1], &c, 1) == 1, "write");
        child_done();
    }
    waitpid(child, NULL, 0);
    close(done[1]);
    expect(read(done[0], &c, 1) == 1 && c == 0, "the daemon's answer");
    same_read(&p, &b, 300);
    report("daemon() that closes every descriptor");
    close(done[0]);
    pair_close(&p);
}

/* ---- exec, seen through the shell and through ourselves ---- */

static void run_in_child(char *const argv[], int in, int out)
{
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(98);
    execvp(argv[0], argv);
    _exit(99);
}

typedef pid_t start_fn(char *const argv[], int in, int out);

static pid_t by_fork(char *const argv[], int in, int out)
{
    pid_t child = fork();

    if (child == 0)
        run_in_child(argv, in, out);
    return child;
}

static pid_t by_vfork(char *const argv[], int in, int out)
{
    pid_t child = vfork();

    if (child == 0)
        run_in_child(argv, in, out);
    return child;
}

/* As CPython's subprocess does: everything above 2 closed in the vfork child. */
static pid_t by_vfork_closing(char *const argv[], int in, int out)
{
    pid_t child = vfork();

    if (child == 0) {
        if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
            _exit(98);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execvp(argv[0], argv);
        _exit(99);
    }
    return child;
}

static pid_t by_spawn(char *const argv[], int in, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t child = -1;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) != 0)
        child = -1;
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

struct output {
    char text[4096];
    long n;
    int status;
};

/* What a program prints when its standard input is FD. */
static struct output output_of(start_fn *start, char *const argv[], int fd)
{
    struct output out = {.n = 0};
    int ends[2];
    long got;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return out;
    pid_t child = start(argv, fd, ends[1]);
    close(ends[1]);
    while ((got = side_read(RAW, ends[0], out.text + out.n, sizeof out.text - (size_t)out.n)) > 0)
        out.n += got;
    close(ends[0]);
    waitpid(child, &out.status, 0);
    return out;
}

static void same_output(start_fn *start, char *const argv[], const struct pair *p, const char *what)
{
    static struct output out[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        out[s] = output_of(start, argv, p->fd[s]);
    same(out[LIBC].n, out[RAW].n, "%s: bytes printed", what);
    same(out[LIBC].status, out[RAW].status, "%s: exit status", what);
    expect(memcmp(out[LIBC].text, out[RAW].text, sizeof out[0].text) == 0, "%s: other bytes", what);
    expect(out[RAW].n > 0, "%s: printed nothing", what);
}

static void programs(start_fn *start, const char *name)
{
    char *const head[] = {"head", "-c", "10", NULL};
    char *const group[] = {"sh", "-c", "{ head -c 10; head -c 20; dd bs=7 count=3 2>/dev/null; }",
                           NULL};
    char *const tail[] = {"sh", "-c", "head -c 100 >/dev/null; cat | head -c 3000; echo end", NULL};
    char *const again[] = {self, "--read-on", NULL};
    char *const chain[] = {self, "--exec", self, "--read-on", NULL};
    char *const *const all[] = {head, group, again, chain, tail};

    for (int cloexec = 0; cloexec < 2; cloexec++)
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            struct pair p = warmed(cloexec ? O_CLOEXEC : 0, (int64_t)(twin.size - 9000 + i * 500));
            same_output(start, all[i], &p, all[i][0]);
            same_kernel_offset(&p, "after a program");
            same_read(&p, &b, 50);
            same_output(start, all[i], &p, all[i][0]);
            same_read(&p, &b, 50);
            pair_close(&p);
        }
    report(name);
}

/* The image that this process uses keeps its name when others that used it are gone. */
static void failed_exec_and_images(void)
{
    struct buffers own = buffers_make(512 * KB);
    struct pair p = pair_open(&twin, O_RDONLY);
    int go[2];
    char c;

    expect(pipe(go) == 0, "pipe");
    same_pread(&p, &own, 400000, 16);
    int images = images_in_home();
    expect(!tap_active() || images > 0, "nothing is lent");
    pid_t child = fork();
    if (child == 0) {
        side_close(RAW, go[1]);
        side_read(RAW, go[0], &c, 1);
        exit(0);
    }
    same(execl("/nonexistent/program", "x", NULL), -1, "exec of nothing");
    side_close(RAW, go[0]);
    side_close(RAW, go[1]);
    child_wait(child, "the other user");
    same(images_in_home(), images, "images when it is gone");
    buffers_same(&own, 0, own.len, "what is lent");
    buffers_free(&own);
    pair_close(&p);
    report("exec that fails keeps the images");
}

static void failed_exec(void)
{
    for (int cloexec = 0; cloexec < 2; cloexec++) {
        struct pair p = warmed(cloexec ? O_CLOEXEC : 0, 4000);
        same(execl("/nonexistent/program", "x", NULL), -1, "exec of nothing");
        expect(errno == ENOENT, "errno %d", errno);
        for (int k = 0; k < 50; k++)
            same_read(&p, &b, 60);
        char *const argv[] = {"/nonexistent/program", NULL};
        waitpid(by_vfork(argv, p.fd[LIBC], 1), NULL, 0);
        same_read(&p, &b, 60);
        same_pread(&p, &b, 60, 1000);
        expect(by_spawn(argv, p.fd[LIBC], 1) == -1, "spawn of nothing");
        same_read(&p, &b, 60);
        pair_close(&p);
    }
    report("exec, vfork + exec and posix_spawn that fail");
}

/* A vfork child closes and replaces; the parent's descriptors are untouched. */
static void vfork_closes(void)
{
    struct pair p = warmed(0, 100);

    for (int k = 0; k < 20; k++) {
        pid_t child = vfork();
        if (child == 0) {
            if (k % 3 == 0)
                close(p.fd[LIBC]);
            else if (k % 3 == 1)
                dup2(2, p.fd[LIBC]);
            else
                close_range(3, ~0u, 0);
            fcntl(0, F_DUPFD, 3);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        for (int i = 0; i < 10; i++)
            same_read(&p, &b, 64);
        same_pread(&p, &b, 64, 5);
    }
    report("a vfork child closes and replaces the descriptor");
    pair_close(&p);
}

static void shells(void)
{
    struct pair p = warmed(0, (int64_t)twin.size - 3000);
    char command[100], line[SIDES][200];

    for (int k = 0; k < 10; k++) {
        memset(line, 0, sizeof line);
        for (enum side s = LIBC; s < SIDES; s++) {
            snprintf(command, sizeof command, "head -c 60 <&%d | od -An -tx1", p.fd[s]);
            FILE *from = popen(command, "r");
            expect(fread(line[s], 1, sizeof line[s], from) > 60, "popen gave nothing");
            expect(pclose(from) == 0, "pclose");
            snprintf(command, sizeof command, "head -c 13 <&%d >/dev/null", p.fd[s]);
            expect(system(command) == 0, "system");
        }
        expect(memcmp(line[LIBC], line[RAW], sizeof line[0]) == 0, "popen: other bytes");
        same_kernel_offset(&p, "after a shell");
        same_read(&p, &b, 50);
    }
    report("popen and system with the descriptor");
    pair_close(&p);
}

/* ---- without the library in the next program ---- */

static pid_t by_empty_environment(char *const argv[], int in, int out)
{
    pid_t child = fork();

    if (child == 0) {
        char *empty[] = {NULL};
        dup2(in, 0);
        dup2(out, 1);
        execve(argv[0], argv, empty);
        _exit(99);
    }
    return child;
}

static pid_t by_fexecve(char *const argv[], int in, int out)
{
    pid_t child = fork();

    if (child == 0) {
        int program = open(argv[0], O_RDONLY | O_CLOEXEC);
        dup2(in, 0);
        dup2(out, 1);
        fexecve(program, argv, environ);
        _exit(99);
    }
    return child;
}

static void programs_without(void)
{
    char *const again[] = {self, "--read-on", NULL};

    for (int k = 0; k < 4; k++) {
        struct pair p = warmed(k % 2 ? O_CLOEXEC : 0, 8000 + k);
        same_output(by_empty_environment, again, &p, "with an empty environment");
        same_read(&p, &b, 50);
        same_output(by_fexecve, again, &p, "by fexecve");
        same_read(&p, &b, 50);
        pair_close(&p);
    }
    report("exec with an empty environment, and fexecve");
}

/* The library goes with the environment, and comes back with it, while one program after
 * the other reads on: --chain HOW-MANY-MORE VARIABLE... */
static int chain(int argc, char **argv)
{
    int left = atoi(argv[2]);
    char *empty[] = {NULL}, buf[300], n[12];

    (void)argc;
    for (int i = 0; i < 30; i++) {
        if (read(0, buf, 10) != 10 || write(1, buf, 10) != 10 || pread(0, buf, 64, 100 + i) != 64)
            return 1;
    }
    printf("%d: %ld\n", left, (long)lseek(0, 5, SEEK_CUR));
    fflush(stdout);
    if (left == 0)
        return 0;
    snprintf(n, sizeof n, "%d", left - 1);
    argv[2] = n;
    execve(argv[0], argv, left % 2 ? empty : argv + 3);
    return 2;
}

static void chained(void)
{
    char *argv[200] = {self, "--chain", "7"};

    for (int i = 0; environ[i] && i < 190; i++)
        argv[3 + i] = environ[i];
    for (int k = 0; k < 3; k++) {
        struct pair p = warmed(k % 2 ? O_CLOEXEC : 0, 4000 * k);
        same_output(by_fork, argv, &p, "a chain of programs");
        same_kernel_offset(&p, "after the chain");
        same_read(&p, &b, 50);
        pair_close(&p);
    }
    report("exec again and again, without the library and with it");
}

/* The exec'd program: goes on reading where the offset is. */
static int read_on(void)
{
    char buf[1000];
    long at = lseek(0, 0, SEEK_CUR);
    ssize_t got = read(0, buf, 700);

    printf("%ld %zd %ld\n", at, got, (long)lseek(0, 0, SEEK_CUR));
    for (ssize_t i = 0; i < got; i++)
        printf("%02x", buf[i] & 0xff);
    got = pread(0, buf, 100, 5000);
    for (ssize_t i = 0; i < got; i++)
        printf("%02x", buf[i] & 0xff);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--exec") == 0) {
        execv(argv[2], argv + 2);
        return 99;
    }
    if (argc > 1 && strcmp(argv[1], "--read-on") == 0)
        return read_on();
    if (argc > 2 && strcmp(argv[1], "--chain") == 0)
        return chain(argc, argv);
    tap_start(argc, argv);
    self = argv[0];
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("forks", 400 * KB);
    b = buffers_make(512 * KB);
    hot = buffers_make(4 * KB);
    one_after_another();
    in_turns();
    if (_Fork)
        bare_fork();
    own();
    struct pair p = warmed(0, 0);
    generations(6, &p);
    pair_close(&p);
    report("seven generations on one description");
    killed();
    copied_still();
    daemonised();
    programs(by_fork, "programs started by fork and exec read on");
    programs(by_vfork, "programs started by vfork and exec read on");
    programs(by_vfork_closing, "programs started as CPython does read on");
    programs(by_spawn, "programs started by posix_spawn read on");
    programs_without();
    chained();
    failed_exec();
    failed_exec_and_images();
    vfork_closes();
    shells();
    return tap_done();
}
