/*
 * What does a hit cost?  Random reads of a file that is in the page cache: by pread
 * under the preloaded library, by memcpy from a mapping, by the system call.  The three
 * take turns, and the median of their rounds is printed, in ns of CPU time a read.
 *
 *   hit LIBRARY [BYTES...]    LIBRARY: libonecopy-preload.so; BYTES of each read (64)
 *   hit LIBRARY --count       a thousand hits, for callgrind: --toggle-collect=reads
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { READS = 200000, ROUNDS = 15, SIZE = 24 << 20 };

static int fd;
static char *map, buf[1 << 20];
static size_t set_size, bytes = 64;

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 20) % (set_size - bytes);
}

static void by_us(uint64_t off)
{
    if (pread(fd, buf, bytes, (off_t)off) != (ssize_t)bytes)
        abort();
}

static void by_memcpy(uint64_t off)
{
    memcpy(buf, map + off, bytes);
}

/* The system call as libc would make it. */
static void by_kernel(uint64_t off)
{
    struct {
        void *base;
        size_t len;
    } iov = {buf, bytes};
    if (syscall(SYS_preadv, fd, &iov, 1, off, 0) != (long)bytes)
        abort();
}

static void (*const ways[3])(uint64_t) = {by_us, by_memcpy, by_kernel};

static double round_of(int way)
{
    static uint64_t state = 1;
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < READS; i++) {
        ways[way](next(&state));
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

static void bench(size_t size)
{
    double ns[3][ROUNDS];
    set_size = size;
    for (int way = 0; way < 3; way++)
        round_of(way);
    for (int r = 0; r < ROUNDS; r++)
        for (int way = 0; way < 3; way++)
            ns[way][r] = round_of(way);
    for (int way = 0; way < 3; way++)
        qsort(ns[way], ROUNDS, sizeof(double), compare);
    printf("%5zu bytes of %2zu MiB: onecopy %7.1f  memcpy %7.1f  kernel %7.1f\n", bytes, size >> 20,
           ns[0][ROUNDS / 2], ns[1][ROUNDS / 2], ns[2][ROUNDS / 2]);
}

static __attribute__((noinline)) void reads(int n)
{
    for (int i = 0; i < n; i++)
        by_us(8192);
}

static void make_file(void)
{
    char name[] = "/var/tmp/XXXXXX.onecopy-bench", block[4096];
    fd = mkstemps(name, 14);
    if (fd < 0)
        abort();
    memset(block, 1, sizeof block);
    for (size_t at = 0; at < SIZE; at += sizeof block)
        if (write(fd, block, sizeof block) != sizeof block)
            abort();
    close(fd);
    fd = open(name, O_RDONLY);
    unlink(name);
    map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || map == MAP_FAILED)
        abort();
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (!getenv("ONECOPY_FILES")) {
        setenv("ONECOPY_FILES", "*.onecopy-bench", 1);
        setenv("LD_PRELOAD", argv[1], 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    make_file();
    if (argc > 2 && !strcmp(argv[2], "--count")) {
        for (int i = 0; i < 100; i++)
            by_us(8192);
        reads(1000);
        return 0;
    }
    for (int i = 2; i < argc || i == 2; i++) {
        if (i < argc)
            bytes = strtoul(argv[i], NULL, 0);
        bench(2 << 20);
        bench(SIZE);
    }
    return 0;
}
