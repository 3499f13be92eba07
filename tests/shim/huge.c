/*
 * A sparse file of 6 GB: larger than what 32 bits can address, and than any budget.  Every
 * part of it that has data is read often enough to be mapped; all that is ever mapped of
 * it stays within the budget.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "twin.h"

#define GB    (UINT64_C(1) << 30)
#define SIZE  (6 * GB)
#define PARTS 24 /* with data, at equal distances */
#define SPAN  (256 * KB)
#define READS 400 /* of each part: many more than it takes to be mapped */

static char path[TWIN_PATH];

static uint64_t part_at(unsigned part)
{
    return SIZE / PARTS * part + (part % 3) * 4096;
}

/* Each word tells its place, and is nowhere 0. */
static uint64_t word_at(uint64_t off)
{
    return off * UINT64_C(0x9e3779b97f4a7c15) | UINT64_C(0x0100000000000001);
}

static void make(void)
{
    static uint64_t words[SPAN / 8];
    int fd = open64(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    expect(fd >= 0 && side_ftruncate(RAW, fd, (int64_t)SIZE) == 0, "a sparse file");
    for (unsigned part = 0; part < PARTS; part++) {
        for (size_t i = 0; i < SPAN / 8; i++)
            words[i] = word_at(part_at(part) + i * 8);
        expect(side_pwrite(RAW, fd, words, SPAN, (int64_t)part_at(part)) == (long)SPAN, "write");
    }
    close(fd);
}

/* How much of the file is mapped, and is any of it beyond what 32 bits can count? */
static uint64_t mapped(bool *far)
{
    unsigned long from, to;
    unsigned long long off;
    uint64_t sum = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof line, maps)) {
        if (!strstr(line, "/huge.matched") ||
            sscanf(line, "%lx-%lx %*4s %llx", &from, &to, &off) != 3)
            continue;
        sum += to - from;
        *far |= off > UINT32_MAX;
    }
    if (maps)
        fclose(maps);
    return sum;
}

static bool right(uint64_t got, uint64_t off, const char *how)
{
    return expect(got == word_at(off), "%s at %llu: %llx", how, (unsigned long long)off,
                  (unsigned long long)got);
}

static void read_part(int fd, unsigned part, unsigned *seed)
{
    size_t span = tap_tiny() ? 32 * KB : SPAN;

    for (int i = 0; i < READS; i++) {
        uint64_t word = 0, off = part_at(part) + (unsigned)rand_r(seed) % (span / 8) * 8;

        if (i % 2) {
            expect(pread64(fd, &word, sizeof word, (int64_t)off) == sizeof word, "pread64");
        } else {
            expect(lseek64(fd, (int64_t)off, SEEK_SET) == (int64_t)off, "lseek64");
            expect(read(fd, &word, sizeof word) == sizeof word, "read");
        }
        if (!right(word, off, i % 2 ? "pread64" : "lseek64 and read"))
            return;
    }
}

static bool on_tmpfs(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static void all_parts(int fd)
{
    uint64_t most = 0, budget = tap_tiny() ? 64 * KB : 4 * MB;
    unsigned seed = 1;
    bool far = false;

    for (int round = 0; round < 2; round++)
        for (unsigned part = 0; part < PARTS; part++) {
            read_part(fd, part, &seed);
            uint64_t now = mapped(&far);
            most = now > most ? now : most;
        }
    report("24 parts of a file of 6 GB are read rightly");
    if (!tap_active())
        return;
    if (on_tmpfs(fd)) {
        expect(most == 0, "%llu bytes were mapped", (unsigned long long)most);
        report("a sparse file on tmpfs is not mapped: its holes would become memory");
        return;
    }
    expect(most > 0, "nothing was mapped");
    expect(most <= budget, "%llu bytes were mapped", (unsigned long long)most);
    expect(far, "nothing beyond 4 GB was mapped");
    report("what is mapped stays within the budget, wherever it lies");
}

/* What a program without large files sees; the same as any other where off_t has 64 bits. */
static void plain_names(void)
{
    int fd = open(path, O_RDONLY);
    uint64_t word = 0, off = part_at(1);

    if (sizeof(off_t) < sizeof(int64_t)) {
        same(side_result(fd), -EOVERFLOW, "open of a file that is too large");
        fd = open(path, O_RDONLY | O_LARGEFILE);
        same(side_result(lseek(fd, 0, SEEK_END)), -EOVERFLOW, "lseek to an end that is too far");
        same((long)(lseek64(fd, 0, SEEK_CUR) >> 20), (long)(SIZE >> 20), "it has moved, though");
        same(side_result(lseek(fd, 0, SEEK_CUR)), -EOVERFLOW, "lseek that stays there");
    }
    for (int i = 0; i < READS; i++) {
        same(side_result(lseek(fd, (off_t)off, SEEK_SET)), (long)off, "lseek");
        same(side_result(read(fd, &word, sizeof word)), sizeof word, "read");
        right(word, off, "lseek and read");
        same(side_result(pread(fd, &word, sizeof word, (off_t)off + 8)), sizeof word, "pread");
        right(word, off + 8, "pread");
    }
    close(fd);
    report("the names for small files");
}

int main(int argc, char **argv)
{
    setenv("ONECOPY_POOL", "4M", 0); /* of the passes that set none */
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    snprintf(path, sizeof path, "%s/huge.matched", twin_dir());
    make();
    int fd = open64(path, O_RDONLY);
    expect(fd >= 0, "open64");
    all_parts(fd);
    close(fd);
    plain_names();
    unlink(path);
    return tap_done();
}
