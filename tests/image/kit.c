#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- TAP ---- */

static unsigned tests, failures;

bool ok(bool good, const char *format, ...)
{
    va_list args;

    printf("%sok %u - ", good ? "" : "not ", ++tests);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    failures += !good;
    return good;
}

int done_testing(void)
{
    printf("1..%u\n", tests);
    return failures != 0;
}

void bail(const char *what)
{
    printf("Bail out! %s: %m\n", what);
    exit(99);
}

/* ---- past the library ---- */

ssize_t raw_pread(int fd, void *buf, size_t n, uint64_t off)
{
#ifdef __x86_64__
    register long r10 __asm__("r10") = (long)off;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(SYS_pread64), "D"((long)fd), "S"(buf), "d"(n), "r"(r10)
                     : "rcx", "r11", "memory");
    return ret;
#else
    size_t got = 0;

    /* Too small to be lent. */
    while (got < n) {
        ssize_t ret = pread(fd, (char *)buf + got, n - got < 999 ? n - got : 999, off + got);

        if (ret <= 0)
            break;
        got += (size_t)ret;
    }
    return (ssize_t)got;
#endif
}

static bool raw_read(int fd, char *buf, size_t n)
{
    size_t at = 0;

    while (at < n) {
        ssize_t got = raw_pread(fd, buf + at, n - at, at);

        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* ---- files ---- */

void make_file(const char *path, size_t n, unsigned seed)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    static uint64_t block[64 * KIB / 8];

    if (fd < 0)
        bail(path);
    for (size_t at = 0; at < n; at += sizeof(block)) {
        size_t part = n - at < sizeof(block) ? n - at : sizeof(block);

        for (size_t i = 0; i < sizeof(block) / 8; i++)
            block[i] = (at / 8 + i + seed * UINT64_C(1000003)) * UINT64_C(0x9e3779b97f4a7c15);
        if (write(fd, block, part) != (ssize_t)part)
            bail("write");
    }
    close(fd);
}

/* Blocks of their own: the same shift each time, also after the first free. */
static void __attribute__((constructor)) set_up(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

struct load load_fd(int fd)
{
    struct stat st;
    struct load load = {NULL, 0, false};
    size_t at = 0;
    ssize_t got = 1;

    if (fstat(fd, &st) < 0)
        bail("fstat");
    load.n = (size_t)st.st_size;
    load.bytes = malloc(load.n + 1);
    if (!load.bytes)
        bail("malloc");
    while (at < load.n && (got = pread(fd, load.bytes + at, load.n - at, (off_t)at)) > 0)
        at += (size_t)got;
    if (got < 0)
        bail("pread");
    load.n = at;
    load.lent = lent_bytes(load.bytes, load.n) > 0;
    return load;
}

struct load load_file(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct load load;

    if (fd < 0)
        bail(path);
    load = load_fd(fd);
    close(fd);
    return load;
}

void unload(struct load *load)
{
    free(load->bytes);
    load->bytes = NULL;
}

bool is_kernels(const struct load *load, const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    bool same;
    char *bytes;

    if (fd < 0 || fstat(fd, &st) < 0)
        bail(path);
    bytes = malloc(load->n + 1);
    if (!bytes)
        bail("malloc");
    same = (size_t)st.st_size == load->n && raw_read(fd, bytes, load->n) &&
           memcmp(bytes, load->bytes, load->n) == 0;
    free(bytes);
    close(fd);
    return same;
}

/* ---- ourselves ---- */

/* By the home: the maker of an image mapped it before it had a name. */
static void for_each_image_map(void (*each)(uintptr_t start, uintptr_t end, void *arg), void *arg)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    const char *home = getenv("ONECOPY_DIR");
    char line[1000], prot[5];
    unsigned long start, end;

    if (!home) { /* a run without the library */
        if (maps)
            fclose(maps);
        return;
    }
    if (!maps)
        bail("/proc/self/maps");
    while (fgets(line, sizeof(line), maps))
        if (strstr(line, home) && sscanf(line, "%lx-%lx %4s", &start, &end, prot) == 3 &&
            prot[0] == 'r')
            each(start, end, arg);
    fclose(maps);
}

struct overlap {
    uintptr_t start, end;
    size_t bytes;
    unsigned maps;
};

static void add_overlap(uintptr_t start, uintptr_t end, void *arg)
{
    struct overlap *o = arg;

    if (start < o->start)
        start = o->start;
    if (end > o->end)
        end = o->end;
    if (start < end) {
        o->bytes += end - start;
        o->maps++;
    }
}

size_t lent_bytes(const void *p, size_t n)
{
    struct overlap o = {(uintptr_t)p, (uintptr_t)p + n, 0, 0};

    for_each_image_map(add_overlap, &o);
    return o.bytes;
}

unsigned lent_mappings(void)
{
    struct overlap o = {0, UINTPTR_MAX, 0, 0};

    for_each_image_map(add_overlap, &o);
    return o.maps;
}

uint64_t proc_value(const char *file, const char *key)
{
    FILE *f = fopen(file, "r");
    char line[400];
    unsigned long long kib = 0;

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), "%llu", &kib);
    if (f)
        fclose(f);
    return kib << 10;
}

static unsigned count_images(uint64_t *bytes)
{
    const char *home = getenv("ONECOPY_DIR");
    DIR *dir = home ? opendir(home) : NULL;
    struct dirent *entry;
    struct stat st;
    unsigned n = 0;

    *bytes = 0;
    while (dir && (entry = readdir(dir))) {
        if (!strstr(entry->d_name, ".image"))
            continue;
        n++;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            *bytes += (uint64_t)st.st_blocks * 512;
    }
    if (dir)
        closedir(dir);
    return n;
}

unsigned images(void)
{
    uint64_t bytes;

    return count_images(&bytes);
}

uint64_t image_bytes(void)
{
    uint64_t bytes;

    count_images(&bytes);
    return bytes;
}
