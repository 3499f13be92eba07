/*
 * Streams: a file read once, in pieces that nobody keeps.  Says the peak of its own
 * memory (Pss of everything it maps) and of the images, in KiB, and the sum of what it
 * read.
 *
 * usage: stream reuse|malloc|copy|two|big|apart FILE      apart: all pieces are kept
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

static uint64_t peak, sum;

/* An image's pages that somebody maps are in Pss; of the others the home knows. */
static void look(void)
{
    uint64_t pss = proc_value("/proc/self/smaps_rollup", "Pss:"), image = image_bytes();

    if (pss + image > peak)
        peak = pss + image;
}

static void use(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i += 512)
        sum += (unsigned char)p[i];
}

static void stream(int fd, const char *mode, size_t step)
{
    char *buffers[2] = {malloc(step), malloc(step)}, *p = buffers[0];
    int out = strcmp(mode, "copy") == 0 ? open("/dev/null", O_WRONLY) : -1;
    bool apart = strcmp(mode, "apart") == 0, two = strcmp(mode, "two") == 0;
    bool fresh = strcmp(mode, "malloc") == 0 || apart;
    ssize_t got;

    for (unsigned i = 0;; i++) {
        if (two)
            p = buffers[i & 1];
        if (fresh)
            p = malloc(step);
        got = read(fd, p, step);
        if (got <= 0)
            break;
        use(p, (size_t)got);
        if (out >= 0 && write(out, p, (size_t)got) != got)
            bail("write");
        if (i < 8 || i % 64 == 0)
            look();
        if (fresh && !apart)
            free(p);
    }
    look();
}

int main(int argc, char **argv)
{
    int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;

    if (fd < 0)
        return 2;
    stream(fd, argv[1], strcmp(argv[1], "big") == 0 ? 16 * MIB : MIB);
    printf("%llu %llu\n", (unsigned long long)peak >> 10, (unsigned long long)sum);
    return 0;
}
