/*
 * Programs that read a file in small steps and keep it in one piece, in the ways
 * that perl, PHP, R, Lua and C++ do it, and such that only seem to.
 *
 * usage: kept HOW FILE: says the bytes lent of what is kept, and "right" or "wrong"
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

#define STEP (8 * KIB)

static const char *path;
static size_t size;
static char *expected; /* inverted, so that it is not found and lent itself */

static bool is_expected(const char *p, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != (char)~expected[at + i])
            return false;
    return true;
}

static char *block(size_t n)
{
    char *p = malloc(n);

    if (!p)
        bail("malloc");
    return p;
}

static void say(const char *kept, size_t n)
{
    printf("%zu %s\n", lent_bytes(kept, n), is_expected(kept, 0, n) ? "right" : "wrong");
}

/* ---- what a reader does with a step ---- */

static char buffer[STEP];

/* Through a buffer, as perl does. */
static void copied(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY);
    size_t at = 0;
    ssize_t got;

    while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
        memcpy(kept + at, buffer, (size_t)got);
        at += (size_t)got;
    }
    close(fd);
    say(kept, at);
    free(kept);
}

/* Straight to where it stays; and with pread. */
static void straight(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY);

    for (size_t at = 0; at < size; at += STEP)
        if (read(fd, kept + at, STEP) <= 0)
            bail("read");
    close(fd);
    say(kept, size);
    free(kept);
}

static void positioned(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY);

    for (size_t at = 0; at < size; at += STEP)
        if (pread(fd, kept + at, STEP, (off_t)at) <= 0)
            bail("pread");
    close(fd);
    say(kept, size);
    free(kept);
}

/* By stdio, in odd sizes. */
static void items(void)
{
    char *kept = block(size + 1000);
    FILE *f = fopen(path, "rb");
    size_t at = 0, got;

    while ((got = fread(kept + at, 1, 1000, f)) > 0)
        at += got;
    fclose(f);
    say(kept, at);
    free(kept);
}

static void items_copied(void)
{
    char *kept = block(size);
    FILE *f = fopen(path, "rb");
    size_t at = 0, got;

    while ((got = fread(buffer, 1, 4096, f)) > 0) {
        memcpy(kept + at, buffer, got);
        at += got;
    }
    fclose(f);
    say(kept, at);
    free(kept);
}

/* A block that doubles, by REALLOC or by a new one and a copy. */
static char *bigger(char *old, size_t n, size_t room, bool by_realloc)
{
    char *new;

    if (by_realloc) {
        new = realloc(old, room);
        if (!new)
            bail("realloc");
        return new;
    }
    new = block(room);
    memcpy(new, old, n);
    free(old);
    return new;
}

static void grow(bool by_realloc)
{
    size_t room = 64 * KIB, at = 0;
    char *kept = block(room);
    int fd = open(path, O_RDONLY);
    ssize_t got;

    while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
        if (at + (size_t)got > room)
            kept = bigger(kept, at, room *= 2, by_realloc);
        memcpy(kept + at, buffer, (size_t)got);
        at += (size_t)got;
    }
    close(fd);
    say(kept, at);
    free(kept);
}

/* One big read, and then a copy, as Lua does. */
static void copied_after(void)
{
    char *first = block(size), *kept;
    int fd = open(path, O_RDONLY);

    if (read(fd, first, size) != (ssize_t)size)
        bail("read");
    kept = block(size);
    memcpy(kept, first, size);
    free(first);
    close(fd);
    say(kept, size);
    free(kept);
}

/* ---- such that only seem to ---- */

/* Every step is changed as it arrives. */
static void changed(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY);

    for (size_t at = 0; at < size; at += STEP) {
        if (read(fd, kept + at, STEP) <= 0)
            bail("read");
        for (size_t i = 0; i < STEP && at + i < size; i++)
            kept[at + i] = (char)~kept[at + i];
    }
    close(fd);
    for (size_t at = 0; at < size; at++)
        expected[at] = (char)~expected[at];
    say(kept, size);
    free(kept);
}

/* A byte in some pages: those stay the program's, as it wrote them. */
static void marked(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY);

    for (size_t at = 0; at < size; at += STEP) {
        if (read(fd, kept + at, STEP) <= 0)
            bail("read");
        if (at % (300 * KIB) < STEP) {
            kept[at + 77]++;
            expected[at + 77]--;
        }
    }
    close(fd);
    for (size_t at = 0; at < size; at += 64 * KIB) {
        kept[at + 5]++;
        expected[at + 5]--;
    }
    say(kept, size);
    free(kept);
}

/* Nothing is kept. */
static void passed(void)
{
    int fd = open(path, O_RDONLY);
    size_t at = 0;
    ssize_t got;
    bool right = true;

    while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
        right = right && is_expected(buffer, at, (size_t)got);
        at += (size_t)got;
    }
    close(fd);
    printf("%u %s\n", lent_mappings(), right && at == size ? "right" : "wrong");
}

/* ---- with company ---- */

static volatile char *counted;
static volatile sig_atomic_t ticks;

static void tick(int sig)
{
    (void)sig;
    counted[ticks % 16 * 4096]++;
    ticks++;
}

/* A signal handler stores to what has been read already. */
static void disturbed(void)
{
    static const struct itimerval often = {{0, 200}, {0, 200}}, never;
    char *kept = block(size);
    int fd = open(path, O_RDONLY);

    counted = kept + 500000;
    for (size_t at = 0; at < size; at += STEP) {
        if (at == 1024 * KIB) {
            signal(SIGALRM, tick);
            setitimer(ITIMER_REAL, &often, NULL);
        }
        if (read(fd, kept + at, STEP) <= 0)
            bail("read");
    }
    setitimer(ITIMER_REAL, &never, NULL);
    close(fd);
    for (int i = 0; i < ticks; i++)
        expected[500000 + i % 16 * 4096]--;
    say(kept, size);
    free(kept);
}

static _Atomic bool stop;
static volatile char *stored;

static void *store(void *arg)
{
    size_t *stores = arg;

    while (!stop)
        stored[*stores % 16 * 4096]++, ++*stores;
    return NULL;
}

/* Another thread does. */
static void accompanied(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY);
    size_t stores = 0;
    pthread_t thread;
    bool started = false;

    stored = kept + 500000;
    for (size_t at = 0; at < size; at += STEP) {
        if (read(fd, kept + at, STEP) <= 0)
            bail("read");
        if (!started && at >= 700 * KIB)
            started = pthread_create(&thread, NULL, store, &stores) == 0;
    }
    stop = true;
    pthread_join(thread, NULL);
    close(fd);
    for (size_t i = 0; i < stores; i++)
        expected[500000 + i % 16 * 4096]--;
    say(kept, size);
    free(kept);
}

/* A child goes on reading where its parent was, and both change what they have. */
static void forked(void)
{
    char *kept = block(size);
    int fd = open(path, O_RDONLY), status = 1;
    size_t at;
    pid_t pid;

    for (at = 0; at < size / 2; at += STEP)
        if (read(fd, kept + at, STEP) <= 0)
            bail("read");
    pid = fork();
    if (pid == 0) {
        memset(kept, 'x', size / 4);
        for (; at < size; at += STEP)
            if (read(fd, kept + at, STEP) <= 0)
                bail("read");
        memset(expected, ~'x', size / 4);
        _exit(!is_expected(kept, 0, size));
    }
    waitpid(pid, &status, 0);
    close(fd);
    if (status != 0)
        printf("wrong in the child ");
    say(kept, at);
    free(kept);
}

static void grow_by_realloc(void)
{
    grow(true);
}

static void grow_by_copying(void)
{
    grow(false);
}

static void read_expected(void)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) < 0)
        bail(path);
    size = (size_t)st.st_size;
    expected = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (expected == MAP_FAILED || raw_pread(fd, expected, size, 0) != (ssize_t)size)
        bail("expected");
    close(fd);
    for (size_t i = 0; i < size; i++)
        expected[i] = (char)~expected[i];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        {"copied", copied},
        {"straight", straight},
        {"positioned", positioned},
        {"items", items},
        {"items-copied", items_copied},
        {"grow-realloc", grow_by_realloc},
        {"grow-copy", grow_by_copying},
        {"copied-after", copied_after},
        {"changed", changed},
        {"marked", marked},
        {"passed", passed},
        {"disturbed", disturbed},
        {"accompanied", accompanied},
        {"forked", forked},
    };

    if (argc != 3)
        return 2;
    path = argv[2];
    read_expected();
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].name, argv[1]) == 0) {
            ways[i].run();
            return 0;
        }
    return 2;
}
