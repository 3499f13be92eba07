/*
 * Loads under limits and in bad homes: right bytes, whatever is missing.
 *
 * usage: homes FILE LIMIT [VALUE]
 *   LIMIT: none | fsize N | fsize-later N | as MIB | data MIB | nofile | maps LEFT | protect
 * Says "lent" or "plain" on standard output; exit status 0 when the bytes are right, and no
 * descriptor was left open.  protect: what was loaded can be made executable.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"

static void limit(int what, rlim_t value)
{
    struct rlimit rlimit = {value, RLIM_INFINITY};

    getrlimit(what, &rlimit);
    rlimit.rlim_cur = value;
    if (setrlimit(what, &rlimit) < 0)
        bail("setrlimit");
}

/* All descriptors but the file's are taken. */
static void exhaust_descriptors(void)
{
    limit(RLIMIT_NOFILE, 64);
    while (dup(0) >= 0)
        ;
}

/* Mappings that cannot be merged, until few more may be made. */
static void exhaust_mappings(unsigned leave)
{
    unsigned max = 65530, made = 0;
    char *spare[100];
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
    size_t n;
    char *p;

    if (!f || fscanf(f, "%u", &max) != 1)
        bail("max_map_count");
    fclose(f);
    if (max > 200000)
        exit(77);
    for (unsigned i = 0; i < leave && i < 100; i++) {
        spare[i] =
            mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    n = (size_t)max * 2 * 4096;
    p = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    while (made < max && mprotect(p + made * 2 * 4096, 4096, PROT_NONE) == 0)
        made++;
    for (unsigned i = 0; i < leave && i < 100; i++)
        munmap(spare[i], 4096);
}

static bool right(int fd, const char *bytes, size_t n)
{
    static char block[64 * KIB];

    for (size_t at = 0; at < n; at += sizeof(block)) {
        size_t part = n - at < sizeof(block) ? n - at : sizeof(block);

        if (raw_pread(fd, block, part, at) != (ssize_t)part || memcmp(block, bytes + at, part) != 0)
            return false;
    }
    return true;
}

static void set_limit(const char *what, const char *value)
{
    if (strcmp(what, "fsize") == 0)
        limit(RLIMIT_FSIZE, (rlim_t)atol(value));
    else if (strcmp(what, "as") == 0)
        limit(RLIMIT_AS, (rlim_t)atol(value) << 20);
    else if (strcmp(what, "data") == 0)
        limit(RLIMIT_DATA, (rlim_t)atol(value) << 20);
    else if (strcmp(what, "nofile") == 0)
        exhaust_descriptors();
    else if (strcmp(what, "maps") == 0)
        exhaust_mappings((unsigned)atol(value));
}

static size_t read_all(int fd, char *p, size_t n)
{
    size_t at = 0;
    ssize_t got;

    while (at < n && (got = pread(fd, p + at, n - at, (off_t)at)) > 0)
        at += (size_t)got;
    return at;
}

static unsigned descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static bool executable(char *p, size_t n)
{
    char *first = (char *)(((uintptr_t)p + 4095) & ~(uintptr_t)4095);
    size_t len = (n - 4096) & ~(size_t)4095;

    return mprotect(first, len, PROT_READ | PROT_EXEC) == 0 &&
           mprotect(first, len, PROT_READ | PROT_WRITE) == 0;
}

int main(int argc, char **argv)
{
    unsigned open_before;
    struct stat st;
    char *p, *q;
    size_t n, lent;
    int fd;

    if (argc < 3 || (fd = open(argv[1], O_RDONLY)) < 0 || fstat(fd, &st) < 0)
        return 2;
    n = (size_t)st.st_size;
    p = malloc(n);
    q = malloc(n);
    if (!p || !q)
        return 3;
    if (strcmp(argv[2], "fsize-later") != 0)
        set_limit(argv[2], argc > 3 ? argv[3] : "0");
    open_before = descriptors();
    if (read_all(fd, p, n) != n || !right(fd, p, n))
        return 4;
    if (strcmp(argv[2], "fsize-later") == 0)
        set_limit("fsize", argv[3]);
    if (read_all(fd, q, n) != n || !right(fd, q, n))
        return 5;
    if (descriptors() != open_before)
        return 6;
    limit(RLIMIT_NOFILE, 1024);
    limit(RLIMIT_FSIZE, RLIM_INFINITY); /* standard output may be a file */
    lent = strcmp(argv[2], "nofile") != 0 && strcmp(argv[2], "maps") != 0 ? lent_bytes(p, n) : 0;
    if (strcmp(argv[2], "protect") == 0 && (!executable(p, n) || !right(fd, p, n)))
        return 7;
    puts(lent ? "lent" : "plain");
    free(p);
    free(q);
    return fflush(stdout) != 0;
}
