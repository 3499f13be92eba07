/*
 * Small reads at random from a set that drifts, with far ones between, in several threads
 * until standard input ends; what they read is checked.
 *
 *   load pread THREADS FILE     by pread: for the preloaded library
 *   load view THREADS FILE      by views: for the public one, with pins and requests that
 *                               span sections between
 *
 * Prints how many were read.  FILE is one of kit.py's.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onecopy.h"

enum { MOST = 64, BLOCK = 1 << 20, HOT = 1 << 20, READ = 600 };

static const char *path;
static uint64_t size;
static int fd;
static struct onecopy_file *file;
static atomic_bool stop;
static _Atomic unsigned long reads, wrong;

static uint64_t below(uint64_t *seed, uint64_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % n;
}

static unsigned char byte_at(uint64_t off)
{
    uint64_t word = off % BLOCK / 8;
    uint64_t value = (word * 0x100000001b3 & INT64_MAX) | 0x8080808080808080;
    if (word == 0)
        value = off / BLOCK * BLOCK;
    return (unsigned char)(value >> (off % 8 * 8));
}

static bool right(const unsigned char *data, uint64_t off, size_t n)
{
    for (size_t i = 0; i<n; i += n> READ ? 509 : 1)
        if (data[i] != byte_at(off + i))
            return false;
    return true;
}

static bool by_pread(uint64_t off, size_t n)
{
    unsigned char buf[READ];
    return pread(fd, buf, n, (off_t)off) == (ssize_t)n && right(buf, off, n);
}

static bool by_view(uint64_t off, size_t n)
{
    struct onecopy_view view;
    if (onecopy_get(file, off, n, &view))
        return errno == EAGAIN; /* others' views leave no room now */
    bool ok = right(view.data, off, n);
    return onecopy_release(&view) == 0 && ok;
}

static bool by_pin(uint64_t off, size_t n)
{
    if (onecopy_pin(file, off, n))
        return errno == EAGAIN;
    bool ok = by_view(off, n);
    return onecopy_unpin(file, off, n) == 0 && ok;
}

static void *reader(void *arg)
{
    uint64_t seed = (uintptr_t)arg * 7919, hot = below(&seed, size - HOT);
    for (unsigned long i = 0; !stop; i++) {
        uint64_t off = hot + below(&seed, HOT - READ);
        size_t n = 1 + (size_t)below(&seed, READ);
        bool ok;
        if (i % 3000 == 0)
            hot = below(&seed, size - HOT);
        if (i % 50 == 0)
            off = below(&seed, size - READ);
        if (file && i % 97 == 0)
            ok = by_pin(off, n);
        else if (file && i % 31 == 0)
            ok = by_view(off / 4, 300000);
        else
            ok = file ? by_view(off, n) : by_pread(off, n);
        if (!ok)
            wrong++;
        reads++;
    }
    return NULL;
}

static bool open_it(bool view)
{
    struct stat st;
    if (view)
        file = onecopy_open(path, 0);
    else
        fd = open(path, O_RDONLY);
    if (stat(path, &st) || (view ? !file : fd < 0))
        return false;
    size = (uint64_t)st.st_size;
    return size > 2 * HOT;
}

int main(int argc, char **argv)
{
    pthread_t id[MOST];
    char c;
    if (argc != 4 || atoi(argv[2]) > MOST)
        return 2;
    path = argv[3];
    if (!open_it(!strcmp(argv[1], "view")))
        return 1;
    int threads = atoi(argv[2]);
    for (intptr_t i = 0; i < threads; i++)
        if (pthread_create(&id[i], NULL, reader, (void *)(i + 1)))
            return 1;
    while (read(0, &c, 1) > 0)
        ;
    stop = true;
    for (int i = 0; i < threads; i++)
        pthread_join(id[i], NULL);
    printf("%lu reads, %lu wrong\n", reads, wrong);
    return wrong != 0;
}
