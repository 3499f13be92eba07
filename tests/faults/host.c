/*
 * The program that is served while system calls of onecopy fail.  It goes through
 * what a program does with a file, and prints every result; the driver compares with
 * what it prints without the library.
 *
 * usage: host FILE        FILE is at least 1 MiB of bytes that differ
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, BIG = 700000 };

static const char *path;

/* FNV-1a. */
static uint32_t sum(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint32_t h = 2166136261u;

    while (n--)
        h = (h ^ *p++) * 16777619u;
    return h;
}

static void tell(const char *what, long long result, const void *bytes, size_t n)
{
    printf("%s: %lld %s %08x\n", what, result, result < 0 ? strerror(errno) : "-",
           n ? sum(bytes, n) : 0);
}

static int descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");

    while (d && readdir(d))
        n++;
    closedir(d);
    return n;
}

static int must_open(void)
{
    int fd = open(path, O_RDONLY);

    tell("open", fd >= 0, NULL, 0);
    return fd;
}

/* ---- loads ---- */

static void load_and_free(void)
{
    int fd = must_open();
    char *p = malloc(BIG + 100);
    ssize_t n = read(fd, p, BIG);

    tell("load", n, p, BIG);
    tell("its end", read(fd, p, 10), p, 10);
    p = realloc(p, 2 * BIG);
    tell("realloc", 0, p + 10, BIG - 10);
    memset(p + 1000, 7, 5000);
    tell("stored", 0, p, BIG);
    free(p);
    p = calloc(1, BIG);
    tell("calloc", 0, p, BIG);
    free(p);
    close(fd);
}

static void load_in_steps(void)
{
    int fd = must_open();
    char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (int i = 0; i < 5; i++)
        tell("step", read(fd, p + 48 + i * 131072, 131072), p, MIB);
    tell("pread", pread(fd, p + 333, 300000, 100000), p, MIB);
    close(fd);
    tell("mprotect", mprotect(p, MIB, PROT_READ | PROT_EXEC), p, MIB);
    tell("mprotect back", mprotect(p, MIB, PROT_READ | PROT_WRITE), p, MIB);
    tell("madvise", madvise(p + 65536, 65536, MADV_DONTNEED), p, MIB);
    p = mremap(p, MIB, 2 * MIB, MREMAP_MAYMOVE);
    tell("mremap", p != MAP_FAILED, p, 2 * MIB);
    tell("munmap", munmap(p, 2 * MIB), NULL, 0);
}

/* The same buffer for other bytes, as a stream's. */
static void load_again(void)
{
    int fd = must_open();
    char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (int i = 0; i < 4; i++)
        tell("again", pread(fd, p + 16, 400000, i * 131072), p, MIB);
    munmap(p, MIB);
    close(fd);
}

static void load_by_stdio(void)
{
    FILE *f = fopen(path, "r");
    char *p = malloc(MIB);

    tell("fread a little", (long long)fread(p, 1, 100, f), p, 100);
    tell("fread", (long long)fread(p, 1, 600000, f), p, 600000);
    tell("ftell", ftell(f), NULL, 0);
    tell("fgetc", fgetc(f), NULL, 0);
    fclose(f);
    free(p);
}

static void load_vector(void)
{
    int fd = must_open();
    char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec v[] = {{p + 5, 100}, {p + 5000, 500000}, {p + 600000, 300}};

    tell("readv", readv(fd, v, 3), p, MIB);
    tell("preadv", preadv(fd, v, 3, 777), p, MIB);
    tell("where", lseek(fd, 0, SEEK_CUR), NULL, 0);
    munmap(p, MIB);
    close(fd);
}

/* ---- small reads ---- */

static void small_reads(void)
{
    static char buf[70000];
    int fd = must_open();
    uint32_t at = 1, all = 0;
    char *volatile nowhere = NULL;

    for (int k = 0; k < 3000; k++) {
        at = at * 1664525u + 1013904223u;
        ssize_t n = pread(fd, buf, 64, (k / 500 * 90000 + at % 60000) % MIB);
        all = all * 31 + sum(buf, n > 0 ? (size_t)n : 0);
    }
    tell("small", all, NULL, 0);
    tell("medium", pread(fd, buf, sizeof buf, 1234), buf, sizeof buf);
    for (int k = 0; k < 50; k++) {
        lseek(fd, k * 100, SEEK_SET);
        all = all * 31 + (uint32_t)read(fd, buf, 200) + sum(buf, 200);
    }
    tell("in turn", all, NULL, 0);
    tell("from the end", lseek(fd, -100, SEEK_END), NULL, 0);
    tell("over it", read(fd, buf, 300), buf, 300);
    tell("nowhere", read(fd, nowhere, 10) + pread(fd, nowhere, 100, 0), NULL, 0);
    close(fd);
}

static void *reader(void *arg)
{
    int fd = *(int *)arg;
    uint32_t *all = malloc(sizeof *all);
    char buf[64];

    *all = 0;
    for (int k = 0; k < 500; k++)
        if (pread(fd, buf, sizeof buf, k * 61) == sizeof buf)
            *all = *all * 31 + sum(buf, sizeof buf);
    return all;
}

static void threads(void)
{
    int fd = must_open();
    pthread_t id[2];
    void *all;

    for (int i = 0; i < 2; i++)
        pthread_create(&id[i], NULL, reader, &fd);
    for (int i = 0; i < 2; i++) {
        pthread_join(id[i], &all);
        tell("thread", *(uint32_t *)all, NULL, 0);
        free(all);
    }
    close(fd);
}

/* ---- sharing the offset ---- */

static void offsets(void)
{
    char buf[4096];
    int fd = must_open(), other, end[2];

    tell("before dup", read(fd, buf, 1000), buf, 1000);
    other = dup(fd);
    tell("dup", read(other, buf, 500), buf, 500);
    tell("after dup", read(fd, buf, 500), buf, 500);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char *p = malloc(BIG);
        tell("child", read(fd, buf, 100), buf, 100);
        tell("child loads", pread(fd, p, BIG, 0), p, BIG);
        free(p);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    tell("after fork", read(fd, buf, 100), buf, 100);
    tell("pipe", pipe(end), NULL, 0);
    tell("sendfile", sendfile(end[1], fd, NULL, 2000), NULL, 0);
    tell("sent", read(end[0], buf, 2000), buf, 2000);
    tell("after sendfile", lseek(fd, 0, SEEK_CUR), NULL, 0);
    close(end[0]);
    close(end[1]);
    close(other);
    close(fd);
}

static void exec_child(const char *self)
{
    char number[16];
    char buf[300];
    int fd = must_open();

    tell("before exec", read(fd, buf, sizeof buf), buf, sizeof buf);
    snprintf(number, sizeof number, "%d", fd);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(self, self, path, number, NULL);
        _exit(99);
    }
    waitpid(child, NULL, 0);
    tell("after exec", lseek(fd, 0, SEEK_CUR), NULL, 0);
    close(fd);
}

static void executed(int fd)
{
    char buf[200];

    tell("inherited", read(fd, buf, sizeof buf), buf, sizeof buf);
}

/* ---- a file that shrinks ---- */

static void truncated(void)
{
    struct stat st;
    char buf[64];
    int fd = must_open(), all = 0, writer = open(path, O_WRONLY);

    fstat(fd, &st);
    for (int k = 0; k < 200; k++)
        all += (int)pread(fd, buf, sizeof buf, 800000 + k);
    tell("before", all, NULL, 0);
    tell("truncate", ftruncate(writer, 790000), NULL, 0);
    tell("gone", pread(fd, buf, sizeof buf, 800000), NULL, 0);
    tell("extend", ftruncate(writer, st.st_size), NULL, 0);
    tell("zeros", pread(fd, buf, sizeof buf, 800000), buf, sizeof buf);
    close(writer);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    path = argv[1];
    if (argc > 2) {
        executed(atoi(argv[2]));
        return 0;
    }
    int before = descriptors();
    load_and_free();
    load_in_steps();
    load_again();
    load_by_stdio();
    load_vector();
    small_reads();
    threads();
    offsets();
    exec_child(argv[0]);
    truncated();
    tell("descriptors left", descriptors() - before, NULL, 0);
    return 0;
}
