/*
 * What a load leaves in the page cache.
 *
 * usage: cache way FILE          how it can be avoided here: "flag", "hand" or "none"
 *        cache evict FILE        nothing of it is cached afterwards; KiB that are all the same
 *        cache warm FILE KIB     read the first KIB plainly; KiB cached then
 *        cache load FILE         says lent or plain, KiB of it cached while it is loaded, and
 *                                whether it was right
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kit.h"

static size_t size_of(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        bail("fstat");
    return (size_t)st.st_size;
}

static size_t cached_kib(int fd)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = size_of(fd), pages = (n + page - 1) / page;
    unsigned char *in = malloc(pages);
    void *map = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    size_t cached = 0;

    if (map == MAP_FAILED || mincore(map, n, in) < 0)
        bail("mincore");
    for (size_t i = 0; i < pages; i++)
        cached += in[i] & 1;
    munmap(map, n);
    free(in);
    return cached * page / KIB;
}

static const char *way(int fd)
{
    char byte;
    struct iovec part = {&byte, 1};
    uint64_t range[2] = {0, 1}, counts[5];

    if (syscall(SYS_preadv2, fd, &part, 1, 0, 0, 0x80 /* RWF_DONTCACHE */) == 1)
        return "flag";
    return syscall(451 /* cachestat */, fd, range, counts, 0) == 0 ? "hand" : "none";
}

static void evict(int fd)
{
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Without the library's help, as others read it, and without reading ahead. */
static void warm(int fd, size_t n)
{
    static char buffer[64 * KIB];

    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    for (size_t at = 0; at < n; at += sizeof(buffer))
        if (raw_pread(fd, buffer, sizeof(buffer), at) < 0)
            bail("pread");
}

static void load(int fd, const char *path)
{
    struct load load = load_fd(fd);
    size_t cached = cached_kib(fd);

    printf("%s %zu %s\n", load.lent ? "lent" : "plain", cached,
           is_kernels(&load, path) ? "right" : "wrong");
    unload(&load);
}

int main(int argc, char **argv)
{
    int fd = argc >= 3 ? open(argv[2], O_RDONLY) : -1;

    if (fd < 0)
        return 2;
    if (strcmp(argv[1], "way") == 0) {
        puts(way(fd));
    } else if (strcmp(argv[1], "load") == 0) {
        load(fd, argv[2]);
    } else {
        evict(fd);
        if (argc == 4)
            warm(fd, strtoul(argv[3], NULL, 10) * KIB);
        printf("%zu\n", cached_kib(fd));
    }
    return 0;
}
