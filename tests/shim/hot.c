/*
 * Hot reads for hot.sh, which counts the system calls made.
 * usage: hot (pread|seek|read|kernel) COUNT FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPAN 200000

static int bad(const char *what)
{
    perror(what);
    return 1;
}

/* The file's bytes are its offset, in decimal, over and over: see make_file. */
static int make_file(const char *path)
{
    FILE *f = fopen(path, "w");

    if (f == NULL)
        return -1;
    for (int i = 0; i < SPAN / 10; i++)
        fprintf(f, "%09d\n", i);
    return fclose(f);
}

static char *text;

static int load(const char *path)
{
    FILE *f = fopen(path, "r");

    text = malloc(SPAN);
    if (f == NULL || text == NULL || fread(text, 1, SPAN, f) != SPAN)
        return -1;
    return fclose(f);
}

/* One read of N bytes at OFF, in the way that was asked for. */
static ssize_t one(const char *how, int fd, char *buf, size_t n, off_t off)
{
    if (strcmp(how, "pread") == 0)
        return pread(fd, buf, n, off);
    if (strcmp(how, "seek") == 0)
        return lseek(fd, off, SEEK_SET) == off ? read(fd, buf, n) : -1;
    return -1;
}

static int hot(const char *how, long count, int fd)
{
    char buf[4096];
    unsigned seed = 1;

    for (long i = 0; i < count; i++) {
        size_t n = 1 + (size_t)rand_r(&seed) % 64;
        off_t off = rand_r(&seed) % (SPAN - 64);
        if (one(how, fd, buf, n, off) != (ssize_t)n || memcmp(buf, text + off, n) != 0) {
            fprintf(stderr, "%s %ld: wrong bytes at %ld\n", how, i, (long)off);
            return 1;
        }
    }
    return 0;
}

/* Front to back in small reads, again and again. */
static int sequential(long count, int fd)
{
    char buf[64];
    off_t off = 0;

    for (long i = 0; i < count; i++) {
        ssize_t n = read(fd, buf, 50);
        if (n != 50 || memcmp(buf, text + off, 50) != 0)
            return 1;
        off += n;
        if (off == SPAN)
            off = lseek(fd, 0, SEEK_SET);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    if (access(argv[3], R_OK) != 0 && make_file(argv[3]) != 0)
        return bad(argv[3]);
    if (load(argv[3]) != 0)
        return bad(argv[3]);
    int fd = open(argv[3], O_RDONLY);
    if (fd < 0)
        return bad(argv[3]);
    if (strcmp(argv[1], "read") == 0)
        return sequential(atol(argv[2]), fd);
    return hot(argv[1], atol(argv[2]), fd);
}
