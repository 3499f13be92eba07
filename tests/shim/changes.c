/* Files that change while they are open: the next read sees it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

static struct buffers b;

struct changing {
    struct twin twin;
    struct pair reader, writer;
};

/* Open, and so hot that sections are mapped. */
static struct changing start(const char *name, size_t size)
{
    struct changing c = {.twin = twin_make(name, size)};

    c.reader = pair_open(&c.twin, O_RDONLY);
    for (enum side s = LIBC; s < SIDES; s++)
        c.writer.fd[s] = (int)side_open(RAW, c.twin.path[s], O_RDWR, 0);
    for (int k = 0; k < 60; k++)
        for (size_t off = 0; off < size && off < 40000; off += 4096)
            same_pread(&c.reader, &b, 64, (int64_t)off + k);
    return c;
}

static void stop(struct changing *c)
{
    pair_close(&c->reader);
    for (enum side s = LIBC; s < SIDES; s++)
        side_close(RAW, c->writer.fd[s]);
}

static void look(const struct changing *c)
{
    for (int64_t off = 0; off < 45000; off += 2043) {
        same_pread(&c->reader, &b, 1, off);
        same_pread(&c->reader, &b, 64, off);
        same_pread(&c->reader, &b, 5000, off);
        same_lseek(&c->reader, off, SEEK_SET);
        same_read(&c->reader, &b, 300);
    }
    same_pread(&c->reader, &b, 400000, 0);
    same_lseek(&c->reader, 0, SEEK_END);
    same_read(&c->reader, &b, 10);
}

static void written(void)
{
    struct changing c = start("written", 600000);

    for (int k = 0; k < 30; k++) {
        char text[100];
        memset(text, 'a' + k % 26, sizeof text);
        for (enum side s = LIBC; s < SIDES; s++) {
            side_pwrite(RAW, c.writer.fd[s], text, (size_t)k * 3, k * 1500);
            side_pwrite(s, c.writer.fd[s], text, 10, k * 777);
        }
        look(&c);
    }
    report("written through another descriptor");
    stop(&c);
}

static void stored(void)
{
    struct changing c = start("stored", 600000);
    char *map[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        map[s] = mmap(NULL, 600000, PROT_READ | PROT_WRITE, MAP_SHARED, c.writer.fd[s], 0);
    for (int k = 0; k < 30; k++) {
        for (enum side s = LIBC; s < SIDES; s++)
            memset(map[s] + k * 1400, k, 50 + (size_t)k * 7);
        look(&c);
    }
    report("stored through a shared mapping");
    for (enum side s = LIBC; s < SIDES; s++)
        munmap(map[s], 600000);
    stop(&c);
}

static void by_another_process(void)
{
    struct changing c = start("another", 600000);

    for (int k = 0; k < 10; k++) {
        pid_t child = fork();
        if (child == 0) {
            for (enum side s = LIBC; s < SIDES; s++) {
                side_pwrite(RAW, c.writer.fd[s], "another process", 15, k * 3001);
                side_ftruncate(RAW, c.writer.fd[s], 600000 - k * 60001);
            }
            child_done();
        }
        child_wait(child, "writer");
        look(&c);
    }
    report("written and truncated by another process");
    stop(&c);
}

static void truncated(void)
{
    static const int64_t sizes[] = {500000, 40000, 39999, 36864, 36865,  8192, 8200, 4096, 4095,
                                    1,      0,     30000, 10,    600000, 4097, 0,    44000};
    struct changing c = start("truncated", 600000);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (enum side s = LIBC; s < SIDES; s++)
            same(side_ftruncate(i % 2 ? RAW : s, c.writer.fd[s], sizes[i]), 0, "ftruncate");
        look(&c);
        for (enum side s = LIBC; s < SIDES; s++)
            side_pwrite(RAW, c.writer.fd[s], "tail", 4, sizes[i] / 2);
        look(&c);
    }
    report("truncated and extended, to every kind of size");
    stop(&c);
}

static void punched(void)
{
    struct changing c = start("punched", 600000);

    for (int k = 0; k < 10; k++) {
        for (enum side s = LIBC; s < SIDES; s++)
            side_fallocate(s, c.writer.fd[s], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, k * 5000,
                           4096 + k * 100);
        look(&c);
    }
    report("holes punched");
    stop(&c);
}

static void grown(void)
{
    struct changing c = start("grown", 10000);

    for (int k = 0; k < 200; k++) {
        same_lseek(&c.reader, -(int64_t)(k % 50), SEEK_END);
        for (enum side s = LIBC; s < SIDES; s++) {
            side_lseek(RAW, c.writer.fd[s], 0, SEEK_END);
            side_write(RAW, c.writer.fd[s], "\0\0\0log line\n\0\0", (size_t)k % 14);
        }
        same_read(&c.reader, &b, 100);
        same_read(&c.reader, &b, 10);
    }
    report("a growing log, followed from its end");
    stop(&c);
}

static void replaced(void)
{
    struct changing c = start("replaced", 600000);

    for (int k = 0; k < 10; k++) {
        struct twin next = twin_make("next", 40000 + (size_t)k * 100);
        for (enum side s = LIBC; s < SIDES; s++) {
            long fd = side_open(RAW, next.path[s], O_WRONLY, 0);
            side_pwrite(RAW, (int)fd, "the next one", 12, k * 10);
            side_close(RAW, (int)fd);
            same(side_rename(s, next.path[s], c.twin.path[s]), 0, "rename");
        }
        look(&c);
        if (k % 2) {
            pair_close(&c.reader);
            c.reader = pair_open(&c.twin, O_RDONLY);
            look(&c);
        }
    }
    report("renamed over: the descriptor stays with the old file, a new open takes the new");
    for (enum side s = LIBC; s < SIDES; s++)
        unlink(c.twin.path[s]);
    look(&c);
    report("unlinked");
    stop(&c);
}

/* What a lend was made from is changed: it is a snapshot; a new read sees the change. */
static void read_again(void)
{
    struct changing c = start("again", 900000);
    struct buffers big = buffers_make(900000);

    for (int k = 0; k < 12; k++) {
        same_pread(&c.reader, &big, 700000, k * 1000);
        for (enum side s = LIBC; s < SIDES; s++)
            side_pwrite(RAW, c.writer.fd[s], "changed", 7, 300000 + k * 1111);
        buffers_same(&big, 0, big.len, "a buffer that was read before the change");
        same_pread(&c.reader, &big, 700000, k * 1000);
    }
    report("big reads of a file that changes between them");
    buffers_free(&big);
    stop(&c);
}

/* Truncated and extended all the time by another process: each byte is the file's or zero. */
static void truncated_meanwhile(void)
{
    struct changing c = start("meanwhile", 200000);
    int go[2];

    expect(pipe(go) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        fcntl(go[0], F_SETFL, O_NONBLOCK);
        for (char end; read(go[0], &end, 1) != 0;) {
            side_ftruncate(RAW, c.writer.fd[LIBC], 5000);
            side_ftruncate(RAW, c.writer.fd[LIBC], 200000);
        }
        child_done();
    }
    close(go[0]);
    char *buf = b.at[LIBC];
    /*
     * Once the first extension is seen, bytes beyond 5000 are zeros for ever.  The
     * new size alone proves nothing: the kernel sets it before it takes the old
     * pages away, and a mapping shows them until then.
     */
    do
        buf[0] = 1;
    while (side_pread(RAW, c.reader.fd[LIBC], buf, 1, 190001) != 1 || buf[0] != 0);
    for (int k = 0; k < 20000; k++) {
        int64_t off = (int64_t)k * 7919 % 190000;
        size_t n = k % 50 == 0 ? 100000 : 64;
        long got = side_pread(LIBC, c.reader.fd[LIBC], buf, n, off);
        if (!expect(got >= 0 && got <= (long)n, "pread gave %ld", got))
            break;
        for (long i = 0; i < got; i++) {
            uint64_t at = (uint64_t)(off + i);
            if (!expect((unsigned char)buf[i] == (at < 5000 ? twin_byte(at) : 0),
                        "byte %llu is %02x", (unsigned long long)at, buf[i] & 0xff)) {
                k = 20000;
                break;
            }
        }
    }
    close(go[1]);
    child_wait(child, "truncating process");
    report("read while another process truncates and extends");
    stop(&c);
}

/* Where the files are memory (the tiny pass), a hole that is looked at through a mapping
 * would take room. */
static void holes_stay(void)
{
    char path[TWIN_PATH], word[8];
    struct stat before, after;

    snprintf(path, sizeof path, "%s/holes.matched", twin_dir());
    int fd = (int)side_open(RAW, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    expect(side_pwrite(RAW, fd, "end", 3, 1 << 20) == 3, "pwrite");
    side_close(RAW, fd);
    fd = open(path, O_RDONLY);
    fstat(fd, &before);
    for (int k = 0; k < 2000; k++)
        expect(pread(fd, word, sizeof word, 4096 * (k % 9) + k) == 8 &&
                   memcmp(word, "\0\0\0", 4) == 0,
               "pread of a hole");
    fstat(fd, &after);
    same(after.st_blocks, before.st_blocks, "blocks of a file with holes");
    close(fd);
    report("the holes of a file take no room when they are read");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    b = buffers_make(512 * KB);
    written();
    stored();
    by_another_process();
    truncated();
    punched();
    grown();
    replaced();
    read_again();
    truncated_meanwhile();
    holes_stay();
    return tap_done();
}
