/*
 * How long an image lives: as long as somebody shows it, and not a moment longer.
 *
 * usage: life COMMAND FILE
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

static const char *file;

static uint64_t file_size(void)
{
    struct stat st;

    if (stat(file, &st) < 0)
        bail(file);
    return (uint64_t)st.st_size;
}

/* ---- within one process ---- */

static int by_free(void)
{
    struct load load = load_file(file), again;

    ok(load.lent && images() == 1, "a load is lent, from one image");
    free(load.bytes);
    ok(images() == 0 && lent_mappings() == 0, "free gives it back");
    load = load_file(file);
    again = load_file(file);
    free(load.bytes);
    ok(images() == 1 && is_kernels(&again, file), "free of one of two keeps it");
    free(again.bytes);
    ok(images() == 0, "free of the other gives it back");
    return done_testing();
}

static int by_realloc(void)
{
    struct load load = load_file(file);
    size_t lent = lent_bytes(load.bytes, load.n);

    load.bytes[5000] ^= 1;
    load.bytes = realloc(load.bytes, load.n * 2);
    ok(lent_bytes(load.bytes, load.n) + 64 * KIB >= lent, "a grown block is still lent");
    load.bytes[5000] ^= 1;
    ok(is_kernels(&load, file), "and as it was");
    load.bytes = realloc(load.bytes, load.n / 2);
    ok(lent_bytes(load.bytes, load.n) <= load.n / 2, "a shrunk one is lent as far as it goes");
    load.bytes = realloc(load.bytes, 100);
    ok(lent_bytes(load.bytes, 100) == 0 && images() == 0, "a tiny one is not");
    free(load.bytes);
    load = load_file(file);
    free(realloc(load.bytes, 0));
    ok(images() == 0, "realloc to nothing gives it back");
    return done_testing();
}

static char *mapped_load(size_t n)
{
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open(file, O_RDONLY);

    if (p == MAP_FAILED || pread(fd, p, n, 0) != (ssize_t)n)
        bail("pread");
    close(fd);
    return p;
}

static int by_munmap(void)
{
    size_t n = file_size(), half = n / 2 & ~(size_t)65535;
    char *p = mapped_load(n);

    ok(images() == 1, "a mapping is lent");
    munmap(p, half);
    ok(images() == 1 && lent_bytes(p + half, n - half) > 0, "half of it still is");
    munmap(p + half, n - half);
    ok(images() == 0, "munmap of the rest gives it back");
    p = mapped_load(n);
    mmap(p, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(images() == 0 && p[n / 2] == 0, "so does a mapping over it");
    munmap(p, n);
    p = mapped_load(n);
    madvise(p, n, MADV_DONTNEED);
    ok(p[0] == 0 && p[n / 2] == 0, "MADV_DONTNEED gives zeros");
    ok(images() == 0, "and gives it back");
    munmap(p, n);
    return done_testing();
}

/* Blocks within the heap: the dynamic threshold keeps 16 MB blocks there after one of
 * 31 MB was freed. */
static int in_heap(void)
{
    uint64_t before, after;
    struct load load;
    char *big;

    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    big = malloc(31 << 20);
    memset(big, 1, 31 << 20);
    free(big);
    malloc_trim(0);
    before = proc_value("/proc/self/smaps_rollup", "Pss:");
    load = load_file(file);
    ok(load.lent, "a block in the heap is lent");
    ok((char *)sbrk(0) > load.bytes, "it is in the heap");
    free(load.bytes);
    ok(images() == 0, "free gives it back");
    malloc_trim(0);
    after = proc_value("/proc/self/smaps_rollup", "Pss:");
    ok(after < before + 2 * MIB, "after malloc_trim %llu KiB are left of %llu",
       (unsigned long long)(after >> 10), (unsigned long long)(before >> 10));
    big = calloc(1, 20 << 20);
    size_t zeros = 0;
    while (zeros < 20 << 20 && big[zeros] == 0)
        zeros++;
    ok(zeros == 20 << 20, "calloc in its place gives zeros");
    free(big);
    return done_testing();
}

/* Load, parse, free: what is in use afterwards, in KiB, for the script to compare. */
static int parse_and_free(void)
{
    unsigned long sum = 0;

    for (int i = 0; i < 3; i++) {
        struct load load = load_file(file);

        for (size_t at = 0; at < load.n; at++)
            sum += (unsigned char)load.bytes[at];
        free(load.bytes);
    }
    printf("%llu %lu\n", (unsigned long long)proc_value("/proc/self/smaps_rollup", "Pss:") >> 10,
           sum & 1);
    return 0;
}

/* ---- the end of a process ---- */

static int end_by_exit(void)
{
    load_file(file);
    exit(0);
}

static int end_by_quick_exit(void)
{
    load_file(file);
    _exit(0);
}

static int end_by_exec(void)
{
    load_file(file);
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int end_by_failed_exec(void)
{
    struct load load = load_file(file);

    execl("/no/such/program", "none", (char *)NULL);
    ok(load.lent && is_kernels(&load, file), "after a failed exec the load is still there");
    free(load.bytes);
    ok(images() == 0, "and given back by free");
    return done_testing();
}

static int end_by_signal(void)
{
    load_file(file);
    kill(getpid(), SIGKILL);
    return 1;
}

/* The child outlives its parent, and has the parent's load. */
static int fork_and_leave(void)
{
    struct load load = load_file(file);
    int status;

    fflush(stdout);
    if (fork() == 0) {
        load.bytes[10000] ^= 1; /* its own */
        _exit(images() == 1 ? 0 : 1);
    }
    wait(&status);
    ok(status == 0 && images() == 1, "a forked child is a user of its own");
    ok(is_kernels(&load, file), "its stores are its own");
    free(load.bytes);
    ok(images() == 0, "the parent's free gives it back");
    return done_testing();
}

/* ---- a server that forks its workers ---- */

enum { WORKERS = 4 };

static struct {
    _Atomic unsigned ready, bad;
    _Atomic bool go;
} * office;

/* A worker with the load: it is lent, and its stores are its own. */
static void work(struct load load, bool own)
{
    bool good = load.lent && lent_bytes(load.bytes, load.n) > 0 && is_kernels(&load, file);

    memset(load.bytes + 5000, getpid() & 0xff, 5000);
    atomic_fetch_add(&office->bad, !good);
    atomic_fetch_add(&office->ready, 1);
    while (!atomic_load(&office->go))
        usleep(1000);
    for (size_t i = 5000; i < 10000; i++)
        good &= (unsigned char)load.bytes[i] == (getpid() & 0xff);
    if (own)
        unload(&load);
    _exit(!good);
}

static void employ(const struct load *load, const char *when)
{
    unsigned good = 0;
    int status;

    atomic_store(&office->ready, 0);
    atomic_store(&office->go, false);
    fflush(stdout);
    for (int i = 0; i < WORKERS; i++)
        if (fork() == 0)
            work(load ? *load : load_file(file), !load);
    while (atomic_load(&office->ready) < WORKERS)
        usleep(1000);
    ok(atomic_load(&office->bad) == 0, "loaded %s the fork: all workers are lent it", when);
    ok(images() == 1, "loaded %s the fork: from one image", when);
    atomic_store(&office->go, true);
    while (wait(&status) > 0)
        good += status == 0;
    ok(good == WORKERS, "loaded %s the fork: each one's stores are its own", when);
}

static int prefork(void)
{
    struct load load;

    office = mmap(NULL, sizeof(*office), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    load = load_file(file);
    employ(&load, "before");
    ok(is_kernels(&load, file), "the parent's is as it was");
    unload(&load);
    ok(images() == 0, "and given back");
    employ(NULL, "after");
    ok(images() == 0, "the last worker gives it back");
    return done_testing();
}

/* ---- large pages ---- */

#define LARGE ((uintptr_t)2 * MIB)

/* Does the mapping at P show each large page of the image in one of memory's? */
static bool same_in_large(const char *p)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1000];
    unsigned long start, end, off;
    bool same = false;

    while (maps && fgets(line, sizeof(line), maps))
        if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &off) == 3 && (uintptr_t)p >= start &&
            (uintptr_t)p < end)
            same = (start - off) % LARGE == 0;
    if (maps)
        fclose(maps);
    return same;
}

static bool load_at(char *to)
{
    int fd = open(file, O_RDONLY);
    struct load load = {to, file_size(), false};
    bool good = pread(fd, to, load.n, 0) == (ssize_t)load.n && is_kernels(&load, file);

    close(fd);
    return good && lent_bytes(to, load.n) > 0;
}

/* Whether there are large pages is the host's affair. */
static int large(void)
{
    size_t room = 4 * (file_size() + 2 * LARGE);
    char *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *first = memory + 12345 * 4 + 16, *second = first + file_size() / LARGE * LARGE + LARGE;
    char *third = second + file_size() / LARGE * LARGE + LARGE + 8192;

    ok(load_at(first) && same_in_large(first + MIB), "an image lies as its first buffer does");
    ok(load_at(second) && same_in_large(second + MIB), "and suits others that lie so");
    ok(load_at(third) && !same_in_large(third + MIB), "one that does not is lent it as well");
    ok(images() == 1, "there is one image");
    printf("# %llu KiB of it are mapped by large pages\n",
           (unsigned long long)proc_value("/proc/self/smaps_rollup", "ShmemPmdMapped:") >> 10);
    munmap(memory, room);
    ok(images() == 0, "munmap gives it back");
    return done_testing();
}

/* The image is made of large pages, or some of it where the host is busy, on any tmpfs; with
 * MADV_HUGEPAGE on the buffer, from the second page on as numpy does it, and without. */
static int advised(void)
{
    size_t room = 2 * (file_size() / LARGE + 2) * LARGE;
    char *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *plain = memory + 16, *large = plain + room / 2;

    ok(load_at(plain), "lent without advice");
    ok(proc_value("/proc/self/smaps_rollup", "ShmemPmdMapped:") > 0, "by large pages");
    munmap(memory, room / 2);
    ok(images() == 0, "munmap gives it back");
    madvise(large - 16 + 4096, room / 2 - 4096, MADV_HUGEPAGE);
    ok(load_at(large), "lent, with advice");
    ok(proc_value("/proc/self/smaps_rollup", "ShmemPmdMapped:") > 0, "by large pages");
    munmap(memory + room / 2, room / 2);
    ok(images() == 0, "munmap gives it back");
    return done_testing();
}

/* Rewritten once, a file is not lent again; a little of it may be. */
static int rewrite(void)
{
    struct load load = load_file(file);
    size_t i;

    for (i = 0; i < load.n; i += 100000)
        load.bytes[i] ^= 1;
    free(load.bytes);
    load = load_file(file);
    ok(load.lent && is_kernels(&load, file), "changed here and there, it is lent again");
    for (i = 0; i < load.n; i++)
        load.bytes[i] ^= 1;
    free(load.bytes);
    ok(images() == 0, "free gives it back");
    load = load_file(file);
    ok(!load.lent && images() == 0, "rewritten, it is not lent again");
    ok(is_kernels(&load, file), "but read");
    return done_testing();
}

static struct load load_and_rewrite(void)
{
    struct load load = load_file(file);

    for (size_t i = 0; i < load.n; i += 512)
        load.bytes[i] ^= 1;
    return load;
}

static int rewrite_until_exit(void)
{
    exit(!load_and_rewrite().lent);
}

static int rewrite_until_munmap(void)
{
    struct load load = load_and_rewrite();
    char *block = load.bytes - 16; /* glibc's, of its own */

    munmap(block, load.n);
    _exit(!load.lent);
}

/* By whatever command this process seems to be run.  Status 0 when it is lent. */
static int once(void)
{
    exit(!load_file(file).lent);
}

/* The same with 16 MB blocks after one of 31 MB, which glibc keeps in its heap then. */
static int parse_after_big(void)
{
    char *big;

    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    big = malloc(31 << 20);
    memset(big, 1, 31 << 20);
    free(big);
    return parse_and_free();
}

static const struct {
    const char *name;
    int (*run)(void);
} commands[] = {
    {"free", by_free},
    {"realloc", by_realloc},
    {"munmap", by_munmap},
    {"heap", in_heap},
    {"parse", parse_and_free},
    {"parse-after", parse_after_big},
    {"exit", end_by_exit},
    {"_exit", end_by_quick_exit},
    {"exec", end_by_exec},
    {"noexec", end_by_failed_exec},
    {"kill", end_by_signal},
    {"fork", fork_and_leave},
    {"prefork", prefork},
    {"large", large},
    {"advised", advised},
    {"rewrite", rewrite},
    {"rewrite-exit", rewrite_until_exit},
    {"rewrite-munmap", rewrite_until_munmap},
    {"once", once},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            file = argv[2];
            return getenv("LIFE_ONCE") ? once() : commands[i].run();
        }
    return 2;
}
