/*
 * The adversary: everything that can be done to a file while images of it are
 * made, kept and used.  Each load must be what the kernel says, and what was
 * loaded before must stay as it was.
 *
 * usage: stale DIRECTORY [NAME of the file system]
 *        stale --slow FILE SECONDS: stores long after the file is trusted; not in the suite
 *        stale --copies FILE FILE: equal in every number, but not in their bytes
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"

#define SIZE ((size_t)3 * MIB + 4321)

static const char *where = "";
static char path[300], other[300];

static int open_rw(void)
{
    int fd = open(path, O_RDWR);

    if (fd < 0)
        bail(path);
    return fd;
}

static char *map_rw(void)
{
    int fd = open_rw();
    char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (map == MAP_FAILED)
        bail("mmap");
    close(fd);
    return map;
}

/* ---- what is done to the file ---- */

static char *old_map; /* made before the first load, its descriptor long closed */

static void by_write(void)
{
    int fd = open_rw();

    if (pwrite(fd, "written", 7, 700000) != 7)
        bail("pwrite");
    close(fd);
}

static void by_small_write(void)
{
    int fd = open_rw();
    char byte;

    if (pread(fd, &byte, 1, SIZE - 1) != 1)
        bail("pread");
    byte ^= 1;
    if (pwrite(fd, &byte, 1, SIZE - 1) != 1)
        bail("pwrite");
    close(fd);
}

static void by_store(void)
{
    char *map = map_rw();

    map[1000000] ^= 1;
    munmap(map, SIZE);
}

static void by_old_mapping(void)
{
    old_map[2000000] ^= 1;
}

/* The page is dirty already, so that nothing moves ctime. */
static void by_store_to_dirty_page(void)
{
    old_map[2000001] ^= 1;
}

static void by_another_process(void)
{
    if (fork() == 0) {
        old_map[5] ^= 1;
        _exit(0);
    }
    wait(NULL);
}

static void by_restoring_times(void)
{
    struct stat st;
    int fd = open_rw();

    if (fstat(fd, &st) < 0 || pwrite(fd, "hidden", 6, 12345) != 6)
        bail("pwrite");
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    if (futimens(fd, times) < 0)
        bail("futimens");
    close(fd);
}

static void by_cutting(void)
{
    if (truncate(path, 2 * MIB + 1) < 0)
        bail("truncate");
}

static void by_cutting_and_growing(void)
{
    by_cutting();
    if (truncate(path, SIZE) < 0)
        bail("truncate");
}

static void by_appending(void)
{
    int fd = open(path, O_WRONLY | O_APPEND);

    if (write(fd, "appended", 8) != 8)
        bail("write");
    close(fd);
}

static void by_hole(void)
{
    int fd = open_rw();

    /* Where it is not supported nothing changes, which is as good. */
    (void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 500000, 300000);
    close(fd);
}

static void by_collapsing(void)
{
    int fd = open_rw();

    (void)!fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 64 * KIB, 64 * KIB);
    close(fd);
}

static void by_renaming(void)
{
    make_file(other, SIZE, 99);
    if (rename(other, path) < 0)
        bail("rename");
}

static void by_direct_write(void)
{
    int fd = open(path, O_RDWR | O_DIRECT);
    char *block;

    if (fd < 0 || posix_memalign((void **)&block, 4096, 4096) != 0)
        return;
    memset(block, 'd', 4096);
    (void)!pwrite(fd, block, 4096, 1 << 20);
    free(block);
    close(fd);
}

static void by_unlinking_and_making(void)
{
    unlink(path);
    make_file(path, SIZE, 77);
}

static const struct {
    const char *how;
    void (*act)(void);
} changes[] = {
    {"a write", by_write},
    {"one byte", by_small_write},
    {"a store", by_store},
    {"a store through an old mapping, its descriptor closed", by_old_mapping},
    {"a store to a dirty page", by_store_to_dirty_page},
    {"another process's store", by_another_process},
    {"a write, times restored", by_restoring_times},
    {"truncation", by_cutting},
    {"truncation and growth", by_cutting_and_growing},
    {"an append", by_appending},
    {"a hole", by_hole},
    {"a collapsed range", by_collapsing},
    {"a rename over it", by_renaming},
    {"a direct write", by_direct_write},
    {"a new file of its name", by_unlinking_and_making},
};

/* The last load is another process's. */
static bool other_process_is_right(void)
{
    int status;

    if (fork() == 0) {
        struct load load = load_file(path);

        _exit(is_kernels(&load, path) ? 0 : 1);
    }
    wait(&status);
    return status == 0;
}

static unsigned lent; /* first loads; looking at memory may be too costly on a busy machine */

static void try_change(const char *how, void (*act)(void))
{
    struct load first, second, third;
    char *copy;

    make_file(path, SIZE, 1);
    old_map = map_rw();
    old_map[2000003] ^= 1;
    first = load_file(path);
    copy = malloc(first.n);
    memcpy(copy, first.bytes, first.n);
    act();
    second = load_file(path);
    third = load_file(path);
    ok(is_kernels(&second, path) && is_kernels(&third, path) && other_process_is_right(),
       "%safter %s the loads are the kernel's", where, how);
    ok(memcmp(first.bytes, copy, first.n) == 0, "%safter %s the first load is as it was", where,
       how);
    lent += first.lent;
    unload(&first);
    unload(&second);
    unload(&third);
    free(copy);
    munmap(old_map, SIZE);
}

/* ---- a writer that never rests ---- */

struct rounds {
    _Atomic uint64_t started, done;
};

#define WORDS (MIB / 8)

static void write_round(int fd, uint64_t *map, uint64_t round)
{
    static uint64_t block[64 * KIB / 8];
    bool store = round & 1;

    for (size_t i = 0; i < WORDS && store; i++)
        map[i] = round;
    for (size_t i = 0; i < sizeof(block) / 8; i++)
        block[i] = round;
    for (size_t at = 0; at < MIB && !store; at += sizeof(block))
        if (pwrite(fd, block, sizeof(block), (off_t)at) < 0)
            _exit(1);
}

static void write_forever(struct rounds *r)
{
    int fd = open_rw();
    uint64_t *map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    for (uint64_t round = 1;; round++) {
        atomic_store(&r->started, round);
        write_round(fd, map, round);
        atomic_store(&r->done, round);
        usleep(round % 7 * 300);
    }
}

/* Each word is of a round that was under way, or the last one done, during the call. */
static bool words_valid(const struct load *load, uint64_t low, uint64_t high)
{
    for (size_t i = 0; i < load->n / 8; i++) {
        uint64_t word;

        memcpy(&word, load->bytes + i * 8, 8);
        if (word < low || word > high) {
            printf("# word %zu is of round %llu, not %llu to %llu\n", i, (unsigned long long)word,
                   (unsigned long long)low, (unsigned long long)high);
            return false;
        }
    }
    return load->n == MIB;
}

static void try_writer(void)
{
    struct rounds *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct load kept = {NULL, 0, false};
    unsigned valid = 0, some = 0;
    pid_t writer;

    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(fd, MIB) < 0)
        bail("ftruncate");
    close(fd);
    fflush(stdout);
    writer = fork();
    if (writer == 0)
        write_forever(r);
    for (int i = 0; i < 300; i++) {
        uint64_t low = atomic_load(&r->done);
        struct load load = load_file(path);

        valid += words_valid(&load, low, atomic_load(&r->started));
        some += load.lent;
        if (i % 3 == 0) { /* now and then the image outlives its load */
            unload(&kept);
            kept = load;
        } else {
            unload(&load);
        }
    }
    unload(&kept);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    munmap(r, 4096);
    ok(valid == 300, "%sunder a writer all of 300 loads are of its time", where);
    ok(some > 0, "%ssome of them were lent", where);
}

/* ---- special cases ---- */

/* The descriptor stays open while the file is copied up, replaced, cut. */
static void try_old_descriptor(void)
{
    struct load before, after;
    char *kernels = malloc(SIZE);
    int fd;

    make_file(path, SIZE, 3);
    fd = open(path, O_RDONLY);
    before = load_fd(fd);
    by_write();
    after = load_fd(fd);
    ok(raw_pread(fd, kernels, SIZE, 0) == (ssize_t)SIZE && after.n == SIZE &&
           memcmp(kernels, after.bytes, SIZE) == 0,
       "%sthrough a descriptor from before", where);
    free(kernels);
    unload(&before);
    unload(&after);
    close(fd);
}

static int copies(const char *a, const char *b)
{
    struct load first = load_file(a), second = load_file(b);

    ok(first.lent, "the first copy is lent");
    ok(is_kernels(&first, a), "the first copy is itself");
    ok(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) != 0, "the copies differ");
    ok(is_kernels(&second, b), "the second copy is itself");
    return done_testing();
}

/* A mapping from the beginning, its descriptor closed, stores a byte now and then, with
 * pauses twice as long each time, up to a multiple of the settling time. */
static int slow(const char *file, unsigned seconds)
{
    struct load keep, load;
    unsigned pause = 1, loads = 0, right = 0;

    snprintf(path, sizeof(path), "%s", file);
    make_file(path, SIZE, 1);
    old_map = map_rw();
    keep = load_file(path);
    for (unsigned at = 0; at < seconds; pause *= 2) {
        for (unsigned i = 0; i < pause && at < seconds; i++, at++, loads++) {
            load = load_file(path);
            right += is_kernels(&load, path);
            unload(&load);
            sleep(1);
        }
        old_map[(size_t)pause * 4001 % SIZE] ^= 1;
    }
    unload(&keep);
    unlink(path);
    ok(right == loads, "%u of %u loads in %u s are the kernel's", right, loads, seconds);
    return done_testing();
}

int main(int argc, char **argv)
{
    static char name[100];

    if (argc == 4 && strcmp(argv[1], "--copies") == 0)
        return copies(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "--slow") == 0)
        return slow(argv[2], (unsigned)atoi(argv[3]));
    if (argc < 2)
        return 2;
    if (argc > 2) {
        snprintf(name, sizeof(name), "%s: ", argv[2]);
        where = name;
    }
    snprintf(path, sizeof(path), "%s/file.dat", argv[1]);
    snprintf(other, sizeof(other), "%s/other.dat", argv[1]);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        try_change(changes[i].how, changes[i].act);
    ok(lent > 5, "%sfirst loads are lent", where);
    try_old_descriptor();
    try_writer();
    unlink(path);
    ok(images() == 0, "%sno image is left", where);
    return done_testing();
}
