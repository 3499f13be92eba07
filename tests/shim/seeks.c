/* lseek in all its ways, between reads: the kernel's values, errors and offsets. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "twin.h"

static struct twin twin;

static const int64_t places[] = {0,
                                 1,
                                 -1,
                                 4095,
                                 4096,
                                 4097,
                                 65536,
                                 -4096,
                                 300000,
                                 1000000,
                                 -1000000,
                                 INT_MAX,
                                 INT_MIN,
                                 (int64_t)1 << 32,
                                 INT64_MAX,
                                 INT64_MIN,
                                 INT64_MAX - 4096,
                                 (int64_t)1 << 44,
                                 ((int64_t)1 << 44) - 1,
                                 ((int64_t)1 << 44) - 4096,
                                 (int64_t)1 << 47,
                                 (int64_t)1 << 48,
                                 ((int64_t)1 << 48) - 1,
                                 ((int64_t)1 << 48) - 4096,
                                 (int64_t)1 << 62};

#define PLACES (sizeof places / sizeof places[0])

static void every_place(int whence, const char *name)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(8 * KB);

    for (size_t i = 0; i < PLACES; i++) {
        same_lseek(&p, 500, SEEK_SET);
        same_read(&p, &b, 64);
        same_lseek(&p, places[i], whence);
        same_read(&p, &b, 64);
        same_read(&p, &b, 5000);
    }
    report(name);
    buffers_free(&b);
    pair_close(&p);
}

static void near_the_end(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(8 * KB);
    int64_t size = (int64_t)twin.size;

    for (int64_t off = size - 4; off <= size + 4; off++)
        for (int whence = SEEK_DATA; whence <= SEEK_HOLE; whence++) {
            same_lseek(&p, off, whence);
            same_lseek(&p, off, SEEK_SET);
            same_read(&p, &b, 3);
            same_lseek(&p, off - size, SEEK_END);
            same_read(&p, &b, 300);
        }
    report("seeks to the last bytes and beyond");
    buffers_free(&b);
    pair_close(&p);
}

static void sums_that_overflow(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    same_lseek(&p, ((int64_t)1 << 44) - 8192, SEEK_SET);
    same_lseek(&p, INT64_MAX, SEEK_CUR);
    same_lseek(&p, 4096, SEEK_CUR);
    same_lseek(&p, INT64_MAX - 10, SEEK_SET);
    same_lseek(&p, 10, SEEK_CUR);
    same_lseek(&p, 11, SEEK_CUR);
    same_lseek(&p, INT64_MAX, SEEK_END);
    same_lseek(&p, INT64_MIN, SEEK_CUR);
    same_lseek(&p, 0, SEEK_CUR);
    report("relative seeks that overflow leave the offset alone");
    pair_close(&p);
}

static void odd_whence(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    static const int whence[] = {-1, 5, 6, 99, INT_MAX, INT_MIN};

    for (size_t i = 0; i < sizeof whence / sizeof whence[0]; i++)
        for (int64_t off = -1; off <= 1; off++)
            same_lseek(&p, off, whence[i]);
    report("unknown whence");
    pair_close(&p);
}

static void with_holes(void)
{
    struct twin holes = twin_make("holes", 0);
    struct pair w = pair_open(&holes, O_RDWR), p = pair_open(&holes, O_RDONLY);

    for (enum side s = LIBC; s < SIDES; s++) {
        side_pwrite(RAW, w.fd[s], "data", 4, 1 << 20);
        side_ftruncate(RAW, w.fd[s], 3 << 20);
    }
    for (int64_t off = 0; off < 4 << 20; off += 65536 + 17)
        for (int whence = SEEK_DATA; whence <= SEEK_HOLE; whence++)
            same_lseek(&p, off, whence);
    report("SEEK_DATA and SEEK_HOLE in a file with holes");
    pair_close(&w);
    pair_close(&p);
}

static void names(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    char c[SIDES];

    same(side_result(lseek64(p.fd[LIBC], 777, SEEK_SET)), side_lseek(RAW, p.fd[RAW], 777, SEEK_SET),
         "lseek64");
    same(side_read(LIBC, p.fd[LIBC], &c[LIBC], 1), side_read(RAW, p.fd[RAW], &c[RAW], 1), "read");
    expect(c[LIBC] == c[RAW], "byte after lseek64");
    same(side_result(lseek64(p.fd[LIBC], 0, SEEK_CUR)), side_lseek(RAW, p.fd[RAW], 0, SEEK_CUR),
         "lseek64");
    report("lseek64");
    pair_close(&p);
    same_lseek(&p, 0, SEEK_SET);
    report("a closed descriptor");
}

static void growing(void)
{
    struct twin log = twin_make("log", 5000);
    struct pair w = pair_open(&log, O_WRONLY | O_APPEND), p = pair_open(&log, O_RDONLY);
    struct buffers b = buffers_make(8 * KB);

    for (int i = 0; i < 50; i++) {
        same_lseek(&p, 0, SEEK_END);
        same_read(&p, &b, 100);
        for (enum side s = LIBC; s < SIDES; s++)
            side_write(RAW, w.fd[s], "0123456789", (size_t)i % 11);
        same_read(&p, &b, 100);
        same_lseek(&p, -20, SEEK_END);
        same_read(&p, &b, 100);
    }
    report("SEEK_END follows a growing file");
    buffers_free(&b);
    pair_close(&w);
    pair_close(&p);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("seeks", 1000003);
    every_place(SEEK_SET, "SEEK_SET everywhere, with reads after");
    every_place(SEEK_CUR, "SEEK_CUR everywhere, with reads after");
    every_place(SEEK_END, "SEEK_END everywhere, with reads after");
    every_place(SEEK_DATA, "SEEK_DATA everywhere, with reads after");
    every_place(SEEK_HOLE, "SEEK_HOLE everywhere, with reads after");
    near_the_end();
    sums_that_overflow();
    odd_whence();
    with_holes();
    names();
    growing();
    return tap_done();
}
