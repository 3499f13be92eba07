/*
 * A loader that reads in small steps, into one big block or into one that grows.
 * Says the bytes lent, the mappings they took, the milliseconds, and "right".
 *
 * usage: steps hold FILE STEP: and then waits to be killed
 *        steps big|grow|rewrite FILE STEP [FIRST]: FIRST bytes are read before the steps;
 *        rewrite changes every byte in the end
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct load load_steps(const char *file, bool grow, size_t step, size_t first)
{
    struct stat st;
    struct load load = {NULL, 0, false};
    int fd = open(file, O_RDONLY);
    size_t room, n = first ? first : step;
    ssize_t got;

    if (fd < 0 || fstat(fd, &st) < 0)
        bail(file);
    room = grow ? 4 * MIB : (size_t)st.st_size + step + 1;
    load.bytes = malloc(room);
    while ((got = read(fd, load.bytes + load.n, n)) > 0) {
        load.n += (size_t)got;
        n = step;
        if (load.n + step <= room)
            continue;
        room *= 2;
        load.bytes = realloc(load.bytes, room);
        if (!load.bytes)
            bail("realloc");
    }
    close(fd);
    return load;
}

static bool right(const struct load *load, const char *file)
{
    static char block[64 * KIB];
    int fd = open(file, O_RDONLY);

    for (size_t at = 0; at < load->n; at += sizeof(block)) {
        size_t part = load->n - at < sizeof(block) ? load->n - at : sizeof(block);

        if (raw_pread(fd, block, part, at) != (ssize_t)part ||
            memcmp(block, load->bytes + at, part) != 0)
            return false;
    }
    close(fd);
    return true;
}

int main(int argc, char **argv)
{
    struct load load;
    uint64_t begin;

    if (argc < 4)
        return 2;
    begin = now();
    load = load_steps(argv[2], strcmp(argv[1], "grow") == 0, (size_t)atol(argv[3]),
                      argc > 4 ? (size_t)atol(argv[4]) : 0);
    begin = now() - begin;
    printf("%zu %u %llu %s\n", lent_bytes(load.bytes, load.n), lent_mappings(),
           (unsigned long long)begin / 1000, right(&load, argv[2]) ? "right" : "wrong");
    fflush(stdout);
    for (size_t i = 0; i < load.n && strcmp(argv[1], "rewrite") == 0; i++)
        load.bytes[i] ^= 1;
    if (strcmp(argv[1], "hold") == 0)
        pause();
    return 0;
}
