/*
 * A file whose second half cannot be read any more (ioerrors.sh makes one, and says how to
 * break and to heal the disk under it): the errno, count, bytes and offset are the kernel's,
 * whichever way a read is served, and healed parts are read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twin.h"

#define SIZE (4 * MB)
#define CUT  (2 * MB) /* from here on it is broken */

static const char *path;
static int fd[SIDES];
static struct buffers b;

static unsigned char byte_at(size_t off)
{
    return (unsigned char)(off * 7 + off / 4096 + 1);
}

/* Nothing of the file is left in memory. */
static void drop(void)
{
    int file = (int)side_open(RAW, path, O_RDONLY, 0);

    expect(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
    side_close(RAW, file);
}

static void disk(const char *variable)
{
    expect(system(getenv(variable)) == 0, "%s", variable);
    drop();
}

static void open_both(void)
{
    for (enum side s = LIBC; s < SIDES; s++)
        fd[s] = (int)side_open(s, path, O_RDONLY, 0);
    expect(fd[LIBC] >= 0 && fd[RAW] >= 0, "cannot open %s", path);
}

static void close_both(void)
{
    for (enum side s = LIBC; s < SIDES; s++)
        side_close(s, fd[s]);
}

/* The kernel fails for a page in the cache that could not be read, too, but may be asked
 * for it anew: so both sides ask twice, and the second answers count. */
static long answer(enum side s, size_t n, size_t off)
{
    long got = side_pread(s, fd[s], b.at[s], n, (int64_t)off);
    return got == (long)n ? got : side_pread(s, fd[s], b.at[s], n, (int64_t)off);
}

static long same_answer(size_t n, size_t off)
{
    long libc = answer(LIBC, n, off), kernel = answer(RAW, n, off);

    same(libc, kernel, "pread of %zu at %zu", n, off);
    for (long i = 0; i < libc; i++)
        if (!expect((unsigned char)b.at[LIBC][i] == byte_at(off + (size_t)i), "byte %ld", i))
            break;
    return kernel;
}

static void small(void)
{
    open_both();
    for (int round = 0; round < 30; round++) {
        expect(same_answer(64, CUT - 5000) == 64, "the good half");
        expect(same_answer(64, CUT - 64) == 64, "the end of the good half");
        expect(same_answer(64, CUT + 100) == -EIO, "the broken half");
        expect(same_answer(3000, CUT - 1000) == 1000, "across");
        expect(same_answer(64, SIZE) == 0, "the end");
        if (round % 10 == 5)
            drop();
    }
    close_both();
    report("small reads on either side of an I/O error");
}

/* Mapped while all was well; the pages go, and cannot be read again: SIGBUS. */
static void mapped(void)
{
    disk("IOERRORS_HEAL");
    open_both();
    for (int i = 0; i < 300; i++)
        expect(same_answer(64, CUT + (size_t)(i % 3) * 30000) == 64, "a healthy file");
    disk("IOERRORS_BREAK");
    for (int i = 0; i < 30; i++) {
        /* A page that the section has touched stays in memory; the next one does not. */
        long touched = same_answer(64, CUT + (size_t)(i % 3) * 30000);
        expect(touched == -EIO || (tap_active() && touched == 64), "broken while mapped");
        same_answer(64, CUT + (size_t)(i % 3) * 30000 + 4096);
        expect(same_answer(64, CUT - 100) == 64, "the good half");
    }
    disk("IOERRORS_HEAL");
    for (int i = 0; i < 30; i++)
        expect(same_answer(64, CUT + (size_t)(i % 3) * 30000) == 64, "healed");
    close_both();
    disk("IOERRORS_BREAK");
    report("a mapped section breaks and heals");
}

static void offsets(void)
{
    open_both();
    for (enum side s = LIBC; s < SIDES; s++)
        side_lseek(s, fd[s], CUT - 3000, SEEK_SET);
    for (int i = 0; i < 40; i++) {
        same(side_read(LIBC, fd[LIBC], b.at[LIBC], 128), side_read(RAW, fd[RAW], b.at[RAW], 128),
             "read %d", i);
        same(side_lseek(LIBC, fd[LIBC], 0, SEEK_CUR), side_lseek(RAW, fd[RAW], 0, SEEK_CUR),
             "offset after read %d", i);
    }
    close_both();
    report("reading on into an I/O error: the offset stays");
}

static void fresh_buffers(void)
{
    if (b.len)
        buffers_free(&b);
    b = buffers_make(SIZE);
}

/* The kernel gives up for as many pages as it reads at once. */
static void part(long got, long most)
{
    expect(got == -EIO || (got > 0 && got <= most), "across: %ld", got);
}

static void big(void)
{
    open_both();
    fresh_buffers();
    expect(same_answer(MB, 1000) == (long)MB, "the good half");
    expect(image_mapped(), "the good half was not lent");
    fresh_buffers();
    part(same_answer(MB, CUT - 600000), 600000);
    fresh_buffers();
    expect(same_answer(MB, CUT + 5000) == -EIO, "the broken half");
    fresh_buffers();
    part(same_answer(SIZE, 0), (long)CUT);
    close_both();
    fresh_buffers();
    report("big reads on either side of an I/O error");
}

static void snapshot(void)
{
    disk("IOERRORS_HEAL");
    open_both();
    fresh_buffers();
    expect(same_answer(SIZE, 0) == (long)SIZE, "healed");
    expect(image_mapped(), "not lent");
    disk("IOERRORS_BREAK");
    buffers_same(&b, 0, SIZE, "lent memory after the disk broke");
    fresh_buffers();
    part(same_answer(SIZE, 0), (long)CUT);
    disk("IOERRORS_HEAL");
    fresh_buffers();
    expect(same_answer(SIZE, 0) == (long)SIZE, "healed again");
    close_both();
    disk("IOERRORS_BREAK");
    fresh_buffers();
    report("lent memory stays when the disk breaks, and healed parts are lent again");
}

/* The stream's error, and never a signal.  What was read in good days may still be there. */
static void broken(const char *what, FILE *f, bool got)
{
    expect(got ? !ferror(f) : ferror(f) && errno == EIO, "%s: %s, errno %d", what,
           got ? "read" : "not read", errno);
    clearerr(f);
}

static void streams(void)
{
    char some[64], *line = NULL;
    size_t room = 0;

    disk("IOERRORS_HEAL");
    FILE *f = fopen(getenv("IOERRORS_VOUCHED"), "r");
    for (size_t i = 0; i < 60; i++) {
        size_t at = i % 2 ? i * 1000 : CUT + i * 10;
        expect(fseek(f, (long)at, SEEK_SET) == 0 && fread(some, 1, 64, f) == 64 &&
                   (unsigned char)some[5] == byte_at(at + 5),
               "a healthy file");
    }
    disk("IOERRORS_BREAK");
    for (long i = 0; i < 20; i++) {
        long at = (long)CUT + 300000 + i * 20000;
        fseek(f, at, SEEK_SET);
        broken("fread", f, fread(some, 1, 64, f) == 64);
        fseek(f, at + 4096, SEEK_SET);
        if (i % 5 == 0)
            broken("getc", f, getc(f) != EOF);
        else if (i % 5 == 1)
            broken("fgets", f, fgets(some, sizeof some, f) != NULL);
        else if (i % 5 == 2)
            broken("getline", f, getline(&line, &room, f) > 0);
        else if (i % 5 == 3)
            broken("fscanf", f, fscanf(f, "%20c", some) == 1);
        else
            expect(ungetc('x', f) == 'x' && getc(f) == 'x', "ungetc");
        expect(fseek(f, 5000, SEEK_SET) == 0 && getc(f) == byte_at(5000), "the good half");
        expect(fseek(f, 7000, SEEK_SET) == 0 && fread(some, 1, 30, f) == 30, "the good half");
    }
    free(line);
    fclose(f);
    report("a stream's seeks and reads on either side of an I/O error");
}

/* The file itself, before any of this. */
static int make(const char *name)
{
    static unsigned char bytes[SIZE];
    int out = open(name, O_WRONLY | O_CREAT, 0600);

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = byte_at(i);
    return write(out, bytes, SIZE) != (ssize_t)SIZE;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--make") == 0)
        return make(argv[2]);
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    path = getenv("IOERRORS_FILE");
    fresh_buffers();
    disk("IOERRORS_BREAK");
    small();
    mapped();
    offsets();
    big();
    snapshot();
    streams();
    disk("IOERRORS_HEAL");
    return tap_done();
}
