/*
 * Signal handlers that come while an image is filled.
 *
 * usage: handlers fork|jump|check FILE
 *
 * What is mapped for a filler alone is not there in a child, and whoever jumps away takes
 * nothing down; so no handler runs meanwhile (image/large.h).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

#define BLOCK (128 * KIB)

enum { ROUNDS = 4, BLOCKS = 400, JUMPS = 5 };

static const char *file;
static volatile sig_atomic_t loading, calls;

static void every_millisecond(void (*handler)(int))
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 1000}, {0, 1000}};

    sigaction(SIGALRM, &act, NULL);
    if (setitimer(ITIMER_REAL, &often, NULL) != 0)
        bail("setitimer");
}

static void no_more(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &never, NULL);
}

/* Is any image mapped so that it could be written to? */
static bool writable_image(void)
{
    char line[600];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");

    if (!maps)
        bail("/proc/self/maps");
    while (fgets(line, sizeof(line), maps))
        found |= strstr(line, " rw-s ") && strstr(line, getenv("ONECOPY_DIR"));
    fclose(maps);
    return found;
}

/* ---- a handler that forks ---- */

static pid_t child = -1;
static char *blocks[BLOCKS];

static void fork_once(int sig)
{
    (void)sig;
    calls++;
    if (!loading || child >= 0)
        return;
    child = fork();
    for (int i = 0; child == 0 && i < BLOCKS; i++) {
        blocks[i] = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (blocks[i] == MAP_FAILED)
            _exit(3);
        memset(blocks[i], 0x55, BLOCK);
    }
}

/* In the child: 0, or what is wrong. */
static int harmed(const struct load *load)
{
    for (int i = 0; i < BLOCKS; i++) {
        unsigned char there[BLOCK / 4096];

        if (mincore(blocks[i], BLOCK, there) != 0)
            return 1; /* unmapped */
        for (size_t k = 0; k < BLOCK; k++)
            if (blocks[i][k] != 0x55)
                return 2;
    }
    return is_kernels(load, file) ? 0 : 4;
}

static int forks(void)
{
    unsigned met = 0;

    for (int i = 0; i < ROUNDS; i++) {
        int status = 0;
        struct load load;

        child = -1;
        every_millisecond(fork_once);
        loading = 1;
        load = load_file(file);
        loading = 0;
        no_more();
        if (child == 0)
            _exit(harmed(&load));
        met += child > 0;
        ok(is_kernels(&load, file), "the parent has read the file");
        if (child > 0)
            waitpid(child, &status, 0);
        ok(status == 0, "so has the child, and what it mapped is whole (%#x)", status);
        /* The last one's stays for others. */
        if (i < ROUNDS - 1)
            unload(&load);
    }
    ok(met > 0, "a handler came in %u of %d loads", met, ROUNDS);
    return done_testing();
}

/* ---- a handler that jumps away ---- */

static sigjmp_buf away;

static void jump(int sig)
{
    (void)sig;
    if (loading) {
        loading = 0;
        siglongjmp(away, 1);
    }
}

static int jumps(void)
{
    volatile unsigned jumped = 0;
    size_t n;
    char *bytes;
    int fd = open(file, O_RDONLY);
    struct load load = load_fd(fd);

    n = load.n;
    unload(&load);
    bytes = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        bail("mmap");
    for (int i = 0; i < JUMPS; i++) {
        if (sigsetjmp(away, 1) == 0) {
            every_millisecond(jump);
            loading = 1;
            if (pread(fd, bytes, n, 0) != (ssize_t)n)
                bail("pread");
        } else {
            jumped++;
        }
        loading = 0;
        no_more();
    }
    ok(jumped > 0, "%u of %d reads were left by a jump", jumped, JUMPS);
    ok(!writable_image(), "nothing is left that could be written to");
    load = load_fd(fd);
    ok(is_kernels(&load, file), "a load is right");
    return done_testing();
}

static int check(void)
{
    struct load load = load_file(file);

    ok(load.lent, "it is lent");
    ok(is_kernels(&load, file), "and right");
    return done_testing();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } commands[] = {{"fork", forks}, {"jump", jumps}, {"check", check}};

    for (size_t i = 0; argc == 3 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            file = argv[2];
            return commands[i].run();
        }
    return 2;
}
