/*
 * What does it cost to map a section, and what does a read from it save?
 *
 * Does what the pool does, on a file in the page cache, for each section size:
 * map over a reservation, MADV_DONTFORK, touch one byte of each fault-around
 * window (64 KiB), membarrier, map the reservation over it again; and small reads by
 * pread against memcpy, at random over 24 MB.  Prints the parameters that the simulator
 * takes as --cost.  Median of several rounds, so that a busy machine shows little.
 *
 * usage: mapcost [--threads N] FILE      (FILE is created, 64 MB, and removed)
 */
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FILE_SIZE = 64 << 20, WINDOW = 64 << 10, HOT = 24 << 20, ROUNDS = 9, READS = 20000 };

static volatile unsigned char sink;
static atomic_bool stop;

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare);
    return v[n / 2];
}

static uint32_t rnd(void)
{
    static uint64_t s = 88172645463325252ULL;

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (uint32_t)(s >> 16);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *block = malloc(1 << 20);

    if (fd < 0 || !block)
        die(path);
    unlink(path);
    for (size_t at = 0; at < FILE_SIZE; at += 1 << 20) {
        memset(block, (int)(at >> 20), 1 << 20);
        if (pwrite(fd, block, 1 << 20, (off_t)at) != 1 << 20)
            die("write");
    }
    free(block);
    return fd;
}

/* One section mapped, TOUCH of its windows read, and unmapped. */
static void cycle(int fd, char *at, size_t section, size_t touch, size_t index)
{
    off_t off = (off_t)(index * section);

    if (mmap(at, section, PROT_READ, MAP_SHARED | MAP_FIXED, fd, off) == MAP_FAILED)
        die("mmap");
    madvise(at, section, MADV_DONTFORK);
    for (size_t w = 0; w < touch; w++)
        sink = *(volatile unsigned char *)(at + w * WINDOW);
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    if (mmap(at, section, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) == MAP_FAILED)
        die("mmap");
}

static double cycle_ns(int fd, char *pool, size_t section, size_t touch)
{
    size_t slots = HOT / section, sections = FILE_SIZE / section;
    size_t repeat = 512;
    double t[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double t0 = now_ns();

        for (size_t i = 0; i < repeat; i++)
            cycle(fd, pool + i % slots * section, section, touch, i % sections);
        t[r] = (now_ns() - t0) / (double)repeat;
    }
    return median(t, ROUNDS);
}

static double read_ns(int fd, const char *map, size_t size)
{
    static char buf[64 << 10];
    double t[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double t0 = now_ns();

        for (int i = 0; i < READS; i++) {
            size_t off = rnd() % (HOT - size);

            if (map)
                memcpy(buf, map + off, size);
            else if (pread(fd, buf, size, (off_t)off) != (ssize_t)size)
                die("pread");
            sink = buf[size / 2];
        }
        t[r] = (now_ns() - t0) / READS;
    }
    return median(t, ROUNDS);
}

static void *spin(void *unused)
{
    (void)unused;
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        continue;
    return NULL;
}

static void table_of_sections(int fd, char *pool, double *none, double *one, double *all)
{
    static const size_t sections[] = {64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20};

    puts("section   untouched  one window  all windows   (ns to map, read and unmap)");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        *none = cycle_ns(fd, pool, sections[i], 0);
        *one = cycle_ns(fd, pool, sections[i], 1);
        *all = cycle_ns(fd, pool, sections[i], sections[i] / WINDOW);
        printf("%6zuK %11.0f %11.0f %12.0f\n", sections[i] >> 10, *none, *one, *all);
    }
}

static void report(int fd)
{
    static const size_t reads[] = {64, 512, 4096, 16384};
    char *pool =
        mmap(NULL, FILE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *whole = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    double none, one, all, kernel[4], copy[4];

    if (pool == MAP_FAILED || whole == MAP_FAILED)
        die("mmap");
    table_of_sections(fd, pool, &none, &one, &all);
    puts("read       pread      memcpy   (ns)");
    for (size_t i = 0; i < 4; i++) {
        kernel[i] = read_ns(fd, NULL, reads[i]);
        copy[i] = read_ns(fd, whole, reads[i]);
        printf("%6zu %9.0f %11.0f\n", reads[i], kernel[i], copy[i]);
    }
    printf("simulate --cost %.0f,%.4f,%.0f,%.4f,%.0f,%.0f,%.0f\n", kernel[0],
           (kernel[3] - kernel[0]) / 16320, copy[0], (copy[3] - copy[0]) / 16320, none,
           one > none ? one - none : 0, all > one ? (all - one) / 15 : 0);
}

int main(int argc, char **argv)
{
    int threads = 0, fd;
    pthread_t thread[64];

    if (argc == 4 && !strcmp(argv[1], "--threads")) {
        threads = atoi(argv[2]);
        argv += 2;
        argc -= 2;
    }
    if (argc != 2 || threads < 0 || threads > 64) {
        fputs("usage: mapcost [--threads N] FILE\n", stderr);
        return 2;
    }
    fd = make_file(argv[1]);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, spin, NULL);
    report(fd);
    atomic_store(&stop, true);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
