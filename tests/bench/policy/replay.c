/*
 * Play a trace for real: replay [--map] [--use] [--chain] [--warm] [--length N] [--seed N]
 *                               [--recorded DIR] TRACE FILE
 *
 * Each read is a pread of FILE.0, FILE.1 ..., which are made if they are missing; run it
 * with the library preloaded, and without.  With --map each is a memcpy from a mapping
 * of the whole file instead, which is what to compare with.  Prints how long all took
 * and how long the steady part, by the clock and of the processor (which tells more on a
 * busy machine); a checksum tells whether two runs read the same.
 *
 * With --length each read of the steady part is of so many bytes.
 *
 * With --use all bytes of each read are looked at, as a program does that reads for a
 * reason.  With --chain the place of the next read is computed with what was read (it comes to the
 * same place), as by a program that looks something up before it knows where to go on: then no two
 * reads can be under way at once, in the processor neither.  With --warm only the steady part is
 * played (a server that is started anew while its world goes on), and only until a thousand reads
 * in a row have needed fewer than ten system calls (/proc/self/io counts them): prints after how
 * many reads, and how long, that was.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "random.h"
#include "trace.h"

enum { FILES = 4, BLOCK = 1 << 20 };

static struct {
    int fd;
    uint64_t size;
    const char *map;
} file[FILES];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_ms(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void write_file(int fd, uint64_t size)
{
    static uint64_t block[BLOCK / 8];
    struct sim_random r = {size};

    for (uint64_t at = 0; at < size; at += BLOCK) {
        for (size_t i = 0; i < BLOCK / 8; i++)
            block[i] = sim_next(&r);
        if (pwrite(fd, block, BLOCK, (off_t)at) != BLOCK)
            die("write");
    }
}

static void open_files(const struct sim_trace *t, const char *path, bool map)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct sim_read *r = &t->reads[i];

        if (r->off + r->len > file[r->file].size)
            file[r->file].size = r->off + r->len;
    }
    for (int f = 0; f < FILES && file[f].size; f++) {
        char name[4096];
        struct stat st;

        snprintf(name, sizeof name, "%s.%d", path, f);
        if (stat(name, &st) != 0 || (uint64_t)st.st_size < file[f].size) {
            int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

            if (fd < 0)
                die(name);
            write_file(fd, file[f].size);
            close(fd);
        }
        file[f].fd = open(name, O_RDONLY);
        if (file[f].fd < 0)
            die(name);
        file[f].map = mmap(NULL, file[f].size, PROT_READ, MAP_SHARED, file[f].fd, 0);
        if (file[f].map == MAP_FAILED)
            die("mmap");
        if (!map)
            munmap((void *)file[f].map, file[f].size);
    }
}

/* Before the files are made, which must be large enough. */
static void set_length(struct sim_trace *t, uint32_t n)
{
    for (size_t i = t->steady; n && i < t->n; i++)
        t->reads[i].len = n;
}

struct moment {
    double wall, cpu;
};

static struct moment now(void)
{
    return (struct moment){now_ms(CLOCK_MONOTONIC), now_ms(CLOCK_PROCESS_CPUTIME_ID)};
}

static unsigned char buf[1 << 20];

static void one(const struct sim_read *r, uint64_t on, bool map)
{
    if (map)
        memcpy(buf, file[r->file].map + r->off + on, r->len);
    else if (pread(file[r->file].fd, buf, r->len, (off_t)(r->off + on)) != (ssize_t)r->len)
        die("pread");
}

static uint64_t use(size_t n)
{
    uint64_t sum = 0, word;

    for (size_t i = 0; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, buf + i, sizeof word);
        sum ^= word;
    }
    return sum;
}

static void play(const struct sim_trace *t, bool map, bool used, bool chained)
{
    uint64_t sum = 0, mask = 0;
    struct moment start = now(), middle = start, end;

    for (size_t i = 0; i < t->n; i++) {
        const struct sim_read *r = &t->reads[i];

        if (i == t->steady) {
            middle = now();
            getppid(); /* a mark for strace */
        }
        __asm__("" : "+r"(mask)); /* always 0, which neither the compiler nor the processor knows */
        one(r, chained ? sum & mask : 0, map);
        if (used)
            sum += use(r->len);
        sum = sum * 31 + buf[0] + buf[r->len - 1];
    }
    end = now();
    printf("%s: %zu reads, %.1f ms, steady %.1f ms, cpu %.1f ms, steady %.1f ms, checksum %llx\n",
           t->name, t->n, end.wall - start.wall, end.wall - middle.wall, end.cpu - start.cpu,
           end.cpu - middle.cpu, (unsigned long long)sum);
}

/* Read calls of this process so far. */
static unsigned long calls(void)
{
    char text[256];
    int fd = open("/proc/self/io", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    const char *at;

    if (n < 0)
        die("/proc/self/io");
    close(fd);
    text[n] = 0;
    at = strstr(text, "syscr: ");
    return at ? strtoul(at + 7, NULL, 10) : 0;
}

static void warm(const struct sim_trace *t)
{
    enum { WINDOW = 1000, FEW = 10 };
    struct moment start = now(), end;
    unsigned long before = calls(), first = before;
    size_t i = t->steady;

    while (i < t->n) {
        one(&t->reads[i++], 0, false);
        if ((i - t->steady) % WINDOW)
            continue;
        unsigned long after = calls();
        if (after - before < FEW + 1) /* one is the look at the number */
            break;
        before = after;
    }
    end = now();
    printf("%s: fewer than 1 %% misses after %zu reads, %lu of them by the kernel, in %.1f ms\n",
           t->name, i - t->steady, before - first, end.wall - start.wall);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"map", no_argument, NULL, 'm'},
        {"use", no_argument, NULL, 'u'},
        {"chain", no_argument, NULL, 'c'},
        {"warm", no_argument, NULL, 'w'},
        {"length", required_argument, NULL, 'l'},
        {"seed", required_argument, NULL, 's'},
        {"recorded", required_argument, NULL, 'r'},
        {0},
    };
    bool map = false, used = false, chained = false, warming = false;
    uint64_t seed = 1;
    uint32_t length = 0;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        if (c == 'm')
            map = true;
        else if (c == 'u')
            used = true;
        else if (c == 'c')
            chained = true;
        else if (c == 'w')
            warming = true;
        else if (c == 'l')
            length = (uint32_t)strtoul(optarg, NULL, 0);
        else if (c == 's')
            seed = strtoull(optarg, NULL, 0);
        else if (c == 'r')
            trace_recorded_dir = optarg;
        else
            return 2;
    for (const struct sim_generator *g = sim_generators; g->name && optind + 2 == argc; g++) {
        struct sim_trace t;

        if (strcmp(g->name, argv[optind]) != 0)
            continue;
        if (!sim_generate(&t, g, seed))
            return 1;
        set_length(&t, length);
        open_files(&t, argv[optind + 1], map);
        if (warming)
            warm(&t);
        else
            play(&t, map, used, chained);
        return 0;
    }
    fputs(
        "usage: replay [--map] [--use] [--chain] [--warm] [--length N] [--seed N] [--recorded DIR] "
        "TRACE FILE\n",
        stderr);
    return 2;
}
