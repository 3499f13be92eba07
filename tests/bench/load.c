/*
 * Loading a big file.  One process, in rounds: a fresh buffer, the file by one read under
 * the library and by libc's own, until the call returns and until every page was touched.
 *
 *   load FILE BUFFER [ROUNDS]    BUFFER: untouched, zeroed (filled with zeros first) or huge
 *                                (huge pages asked for, as numpy does)
 *       prints, in us of wall time: returned and touched by us, returned and touched by libc,
 *       and reads of 8 bytes at random and sums in order of what each had loaded, in ns
 *   load FILE hold               loads the file, says so, keeps it until its input ends
 *   load FILE once               loads and touches it, and prints the time; for several at once
 */
#include "bench.h"

enum { MOST_ROUNDS = 51, ACCESSES = 1 << 20, HUGE_PAGE = 2 << 20 };

static size_t size;
static int ours, plain;

static char *buffer(const char *kind)
{
    size_t room = size + 2 * HUGE_PAGE;
    char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap");
    if (!strcmp(kind, "huge"))
        madvise(p, room, MADV_HUGEPAGE);
    if (!strcmp(kind, "zeroed"))
        memset(p, 0, room);
    return p;
}

static void touch(const char *p)
{
    for (size_t at = 0; at < size; at += 4096)
        used((const void *)(uintptr_t)p[at]);
}

/* Each address depends on what was read before. */
static double at_random(const char *p)
{
    uint64_t state = 1, sum = 0;
    double begin = cpu_ns();
    for (int i = 0; i < ACCESSES; i++) {
        uint64_t word;
        memcpy(&word, p + (next_random(&state) + sum % 2) % (size - 8), 8);
        sum += word;
    }
    used((const void *)(uintptr_t)sum);
    return (cpu_ns() - begin) / ACCESSES;
}

static double in_order(const char *p)
{
    uint64_t sum = 0;
    double begin = cpu_ns();
    for (size_t at = 0; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, p + at, 8);
        sum += word;
    }
    used((const void *)(uintptr_t)sum);
    return (cpu_ns() - begin) / (double)(size / 4096);
}

struct times {
    double returned, touched, random, order;
};

/* The offset within a page is that of malloc. */
static struct times load(const char *kind, ssize_t (*way)(int, void *, size_t, off_t), int fd)
{
    struct times t;
    char *room = buffer(kind), *p = room + 16;
    double begin = wall_ns();
    if (way(fd, p, size, 0) != (ssize_t)size)
        die("pread");
    t.returned = (wall_ns() - begin) / 1e3;
    touch(p);
    t.touched = (wall_ns() - begin) / 1e3;
    t.random = at_random(p);
    t.order = in_order(p);
    munmap(room, size + 2 * HUGE_PAGE);
    return t;
}

static ssize_t by_us(int fd, void *buf, size_t n, off_t off)
{
    return pread(fd, buf, n, off);
}

static void compare(const char *kind, size_t rounds)
{
    static double x[8][MOST_ROUNDS];
    ssize_t (*kernels)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))libcs("pread64");
    for (size_t r = 0; r < rounds; r++) {
        struct times us, them = {0};
        if (r % 2)
            them = load(kind, kernels, plain);
        us = load(kind, by_us, ours);
        if (r % 2 == 0)
            them = load(kind, kernels, plain);
        double row[8] = {us.returned, us.touched,  them.returned, them.touched,
                         us.random,   them.random, us.order,      them.order};
        for (int i = 0; i < 8; i++)
            x[i][r] = row[i];
    }
    for (int i = 0; i < 8; i++)
        printf("%.2f%c", median(x[i], rounds), i < 7 ? ' ' : '\n');
}

static int hold(void)
{
    char byte, *p = buffer("untouched") + 16;
    if (pread(ours, p, size, 0) != (ssize_t)size)
        die("pread");
    touch(p);
    puts("loaded");
    fflush(stdout);
    return read(0, &byte, 1) < 0;
}

static int once(void)
{
    double begin = wall_ns();
    char *p = buffer("untouched") + 16;
    if (pread(ours, p, size, 0) != (ssize_t)size)
        die("pread");
    touch(p);
    printf("%.2f\n", (wall_ns() - begin) / 1e3);
    return 0;
}

int main(int argc, char **argv)
{
    struct stat st;
    int (*kernels_open)(const char *, int, ...) = (int (*)(const char *, int, ...))libcs("open64");
    if (argc < 3)
        return 2;
    ours = open(argv[1], O_RDONLY);
    plain = kernels_open(argv[1], O_RDONLY);
    if (ours < 0 || plain < 0 || fstat(ours, &st) != 0)
        die(argv[1]);
    size = (size_t)st.st_size;
    if (!strcmp(argv[2], "hold"))
        return hold();
    if (!strcmp(argv[2], "once"))
        return once();
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 0) : 7;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return 2;
    compare(argv[2], rounds);
    return 0;
}
