/*
 * What does the library cost those who have nothing to do with it?  Calls on a file that no
 * rule matches, and of blocks that were never lent, through the names that programs
 * call and by libc's own functions.  Prints a line for each: name, the two medians in ns,
 * and the median of the differences.
 *
 *   strangers FILE [ROUNDS]        FILE: small, and matched by no rule
 *   strangers start COUNT LIBRARY...
 *
 * The latter starts /bin/true COUNT times with each library preloaded, in turns, and prints the
 * median CPU time in us of each.
 */
#include "bench.h"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MOST_ROUNDS = 501, MOST_LIBRARIES = 8 };

struct calls {
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*pread)(int, void *, size_t, off_t);
    ssize_t (*write)(int, const void *, size_t);
    off_t (*lseek)(int, off_t, int);
    int (*open)(const char *, int, ...);
    int (*close)(int);
    void (*free)(void *);
    void *(*realloc)(void *, size_t);
};

static int fd, sink;
static const char *path;

static void by_read(const struct calls *c)
{
    char byte;
    c->read(fd, &byte, 0);
    used(&byte);
}

static void by_pread(const struct calls *c)
{
    char byte;
    c->pread(fd, &byte, 1, 0);
    used(&byte);
}

static void by_write(const struct calls *c)
{
    if (c->write(sink, "", 1) != 1)
        die("write");
}

static void by_lseek(const struct calls *c)
{
    c->lseek(fd, 0, SEEK_SET);
}

static void by_open_close(const struct calls *c)
{
    int new = c->open(path, O_RDONLY);
    if (new < 0)
        die(path);
    c->close(new);
}

static void by_free(const struct calls *c)
{
    void *p = malloc(48);
    used(p);
    c->free(p);
}

static void by_realloc(const struct calls *c)
{
    static void *p;
    static size_t size = 64;
    size ^= 16;
    p = c->realloc(p, size);
    used(p);
}

static const struct {
    const char *name;
    void (*call)(const struct calls *);
    int times;
} rows[] = {
    {"read", by_read, 4000},
    {"pread", by_pread, 3000},
    {"write", by_write, 4000},
    {"lseek", by_lseek, 4000},
    {"open+close", by_open_close, 400},
    {"malloc+free", by_free, 40000},
    {"realloc", by_realloc, 40000},
};

static double round_of(size_t row, const struct calls *c)
{
    double begin = cpu_ns();
    for (int i = 0; i < rows[row].times; i++)
        rows[row].call(c);
    return (cpu_ns() - begin) / rows[row].times;
}

static void calls(size_t rounds)
{
    static double ours[MOST_ROUNDS], theirs[MOST_ROUNDS], more[MOST_ROUNDS];
    const struct calls us = {read, pread, write, lseek, open, close, free, realloc};
    const struct calls libc = {libcs("read"), libcs("pread"), libcs("write"), libcs("lseek"),
                               libcs("open"), libcs("close"), libcs("free"),  libcs("realloc")};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        for (size_t r = 0; r < rounds; r++) {
            /* Who comes second finds things warm: by turns. */
            if (r % 2)
                theirs[r] = round_of(row, &libc);
            ours[r] = round_of(row, &us);
            if (r % 2 == 0)
                theirs[r] = round_of(row, &libc);
            more[r] = ours[r] - theirs[r];
        }
        printf("%s %.2f %.2f %.2f\n", rows[row].name, median(ours, rounds), median(theirs, rounds),
               median(more, rounds));
    }
}

/* ---- starting ---- */

/* CPU time of the process, from its exec to its end: others do not count. */
static double start(char *const env[])
{
    char *argv[] = {"/bin/true", NULL};
    struct rusage use;
    pid_t pid;
    int status;
    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, env) != 0)
        die(argv[0]);
    while (wait4(pid, &status, 0, &use) < 0)
        ;
    if (status != 0)
        die("/bin/true");
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void starts(size_t count, char **libraries, int n)
{
    static double us[MOST_LIBRARIES][100001];
    for (size_t r = 0; r < count; r++)
        for (int i = 0; i < n; i++) {
            char preload[4096], files[] = "ONECOPY_FILES=*.bench", dir[4096];
            snprintf(preload, sizeof preload, "LD_PRELOAD=%s", libraries[i]);
            snprintf(dir, sizeof dir, "ONECOPY_DIR=%s", getenv("ONECOPY_DIR"));
            char *env[] = {preload, dir, files, NULL};
            us[i][r] = start(env);
        }
    for (int i = 0; i < n; i++)
        printf("%.2f%c", median(us[i], count), i < n - 1 ? ' ' : '\n');
}

int main(int argc, char **argv)
{
    if (argc > 3 && argc - 3 <= MOST_LIBRARIES && !strcmp(argv[1], "start")) {
        size_t count = strtoul(argv[2], NULL, 0);
        if (count < 1 || count > 100000)
            return 2;
        starts(count, argv + 3, argc - 3);
        return 0;
    }
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 101;
    if (argc < 2 || rounds < 1 || rounds > MOST_ROUNDS)
        return 2;
    path = argv[1];
    fd = open(path, O_RDONLY);
    sink = open("/dev/null", O_WRONLY);
    if (fd < 0 || sink < 0)
        die(path);
    calls(rounds);
    return 0;
}
