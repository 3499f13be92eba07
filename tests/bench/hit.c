/*
 * What does a hit cost?  Random reads of a file that is in the page cache: through the
 * pool and the guard, by memcpy from a plain mapping, by pread.  The three take turns,
 * and the median of their rounds is printed, in ns a read.
 *
 *   hit [BYTES [SECTION]]      BYTES of each read (64), section size (as by default)
 *   hit --callgrind            a few hits to count the instructions of
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/options.h"
#include "base/thread.h"
#include "section/pool.h"

enum { READS = 200000, ROUNDS = 15, ID = 7 };

static int fd;
static char *map;
static uint64_t set_size;
static size_t bytes = 64;
static uint64_t missed;

static bool always(const struct oc_pool_source *source)
{
    (void)source;
    return true;
}

static const struct oc_guard_libc libc = {sigaction};
static struct oc_pool_source source = {.id = ID, .owner = &fd, .valid = always};

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 20) % (set_size - bytes);
}

static __attribute__((noinline)) bool pool_read(char *buf, uint64_t off)
{
    struct oc_hold hold;
    if (!oc_guard_ready() || !oc_pool_enter(&hold, ID, off))
        return false;
    bool ok = hold.room >= bytes && oc_guard_copy(buf, hold.at, bytes);
    oc_pool_leave(&hold);
    return ok;
}

static void by_pool(char *buf, uint64_t off)
{
    if (pool_read(buf, off))
        return;
    missed++;
    if (pread(fd, buf, bytes, (off_t)off) == (ssize_t)bytes)
        oc_pool_missed(&source, off, bytes);
}

static void by_memcpy(char *buf, uint64_t off)
{
    memcpy(buf, map + off, bytes);
}

static void by_pread(char *buf, uint64_t off)
{
    if (pread(fd, buf, bytes, (off_t)off) < 0)
        abort();
}

static void (*const ways[3])(char *, uint64_t) = {by_pool, by_memcpy, by_pread};

static double round_of(int way)
{
    static uint64_t state = 1;
    static char buf[1 << 20];
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < READS; i++) {
        ways[way](buf, next(&state));
        __asm__ volatile("" ::"r"(buf) : "memory");
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / READS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(uint64_t size)
{
    double ns[3][ROUNDS];
    set_size = size;
    round_of(0);
    round_of(1);
    missed = 0;
    for (int r = 0; r < ROUNDS; r++)
        for (int way = 0; way < 3; way++)
            ns[way][r] = round_of(way);
    for (int way = 0; way < 3; way++)
        qsort(ns[way], ROUNDS, sizeof(double), compare);
    printf("%4zu bytes of %2d MiB: pool %6.1f  memcpy %6.1f  pread %6.1f  (missed %.3f %%)\n",
           bytes, (int)(size >> 20), ns[0][ROUNDS / 2], ns[1][ROUNDS / 2], ns[2][ROUNDS / 2],
           100.0 * (double)missed / (READS * ROUNDS));
}

static void a_few(void)
{
    static char buf[1 << 20];
    set_size = 1 << 20;
    for (int i = 0; i < 100; i++)
        by_pool(buf, 4096);
    missed = 0;
    for (int i = 0; i < 1000; i++)
        pool_read(buf, 4096);
}

static void make_file(uint64_t size)
{
    char name[] = "/var/tmp/onecopy-bench-XXXXXX", block[4096];
    fd = mkstemp(name);
    if (fd < 0)
        abort();
    unlink(name);
    memset(block, 1, sizeof block);
    for (uint64_t at = 0; at < size; at += sizeof block)
        if (write(fd, block, sizeof block) != sizeof block)
            abort();
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    source.fd = fd;
}

int main(int argc, char **argv)
{
    bool count = argc > 1 && !strcmp(argv[1], "--callgrind");
    if (argc > 1 && !count)
        bytes = strtoul(argv[1], NULL, 0);
    if (argc > 2)
        oc_options.section = strtoul(argv[2], NULL, 0);
    make_file(24 << 20);
    oc_guard_use(&libc);
    oc_thread_prepare();
    if (count) {
        a_few();
        return 0;
    }
    bench(2 << 20);
    bench(24 << 20);
    return 0;
}
