/*
 * The book of lent memory: what free, munmap, madvise, mlock and realloc make of
 * it, and that it never touches memory that is somebody else's by now.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/maps.h"
#include "base/options.h"
#include "base/sys.h"
#include "base/vma.h"
#include "image/image.h"
#include "image/lend.h"
#include "image/lent.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

#define MIB  ((size_t)1 << 20)
#define SIZE (8 * MIB)

static struct oc_rule rule = {.glob = "*", .lend = true};
static struct oc_file file;
static int fd;
static char *memory; /* 4 * SIZE bytes, of which the first SIZE (from 16 on) are lent */

static ssize_t lend_at(char *at, size_t len, uint64_t off)
{
    struct oc_lend_request request = {.file = &file, .fd = fd, .buf = at, .len = len, .off = off};
    const char *why;

    file.reused = 0;
    file.no_lend = false;
    return oc_lend_read(&request, &why);
}

static void start(void)
{
    static oc_file_id last;
    struct stat st;

    fresh_home("/dev/shm");
    fd = scratch_file("/dev/shm", SIZE, 21);
    fstat(fd, &st);
    file = (struct oc_file){.dev = st.st_dev, .ino = st.st_ino, .rule = &rule, .id = ++last};
    memory = ready_to_lend(NULL, 4 * SIZE);
    CU_ASSERT_EQUAL(lend_at(memory + 16, SIZE, 0), (ssize_t)SIZE);
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096);
}

static void end(void)
{
    munmap(memory, 4 * SIZE);
    oc_lent_forget(memory, 4 * SIZE);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT(oc_lent_lo > oc_lent_hi);
    CU_ASSERT(!oc_lent_block_maybe(memory + 16));
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    close(fd);
    scratch_remove(home);
}

/* Mappings of files in [memory, memory + 4 * SIZE): bytes; and mappings of any kind. */
static size_t file_bytes(unsigned *mappings)
{
    int maps = oc_maps_open();
    size_t bytes = 0;
    struct oc_map map;
    uint64_t at = (uintptr_t)memory, to = at + 4 * SIZE;

    *mappings = 0;
    while (at < to && oc_maps_find(maps, at, &map) == 0 && map.start < to) {
        uint64_t from = map.start > at ? map.start : at;

        at = map.end < to ? map.end : to;
        ++*mappings;
        if (map.ino)
            bytes += at - from;
    }
    close(maps);
    return bytes;
}

static size_t wrong_bytes(const char *at, uint64_t off, size_t n)
{
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++)
        wrong += (unsigned char)at[i] != scratch_byte(21, off + i);
    return wrong;
}

static size_t not_zero(const char *at, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += at[i] != 0;
    return count;
}

/* ---- discard ---- */

static void test_discard_all(void)
{
    unsigned mappings;

    start();
    CU_ASSERT_EQUAL(file_bytes(&mappings), SIZE - 4096);
    errno = 66;
    oc_lent_discard(memory + 16, SIZE);
    CU_ASSERT_EQUAL(errno, 66);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT_EQUAL(file_bytes(&mappings), 0);
    CU_ASSERT_EQUAL(mappings, 1);
    CU_ASSERT_EQUAL(not_zero(memory + 4096, SIZE - 4096), 0);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0); /* the image has gone with it */
    CU_ASSERT_EQUAL(wrong_bytes(memory + 16, 0, 4080), 0);
    end();
}

static void test_discard_part(void)
{
    unsigned mappings;

    start();
    memory[3 * MIB] = 77; /* a page that was written to */
    oc_lent_discard(memory + 2 * MIB + 100, MIB + 8192);
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096 - (MIB + 4096));
    CU_ASSERT_EQUAL(file_bytes(&mappings), oc_lent_bytes());
    CU_ASSERT_EQUAL(wrong_bytes(memory + 16, 0, 2 * MIB + 4096 - 16), 0);
    CU_ASSERT_EQUAL(not_zero(memory + 2 * MIB + 4096, MIB + 4096), 0);
    CU_ASSERT_EQUAL(wrong_bytes(memory + 3 * MIB + 8192, 3 * MIB + 8192 - 16, MIB), 0);
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    oc_lent_discard(memory, MIB);
    oc_lent_discard(memory + MIB, 4 * SIZE - MIB);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    end();
}

/* A block that was lent in many reads. */
static void test_discard_pieces(void)
{
    unsigned mappings;

    start();
    for (size_t i = 0; i < SIZE; i += 128 << 10)
        CU_ASSERT_EQUAL(lend_at(memory + 2 * SIZE + 500 + i, 128 << 10, i), 128 << 10);
    CU_ASSERT_EQUAL(wrong_bytes(memory + 2 * SIZE + 500, 0, SIZE), 0);
    oc_lent_discard(memory + 2 * SIZE + 500, SIZE);
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096);
    CU_ASSERT_EQUAL(file_bytes(&mappings), SIZE - 4096);
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    end();
}

/* ---- stale ---- */

/* libc has unmapped the block behind our back, and something else lives there. */
static void test_stale(void)
{
    char *other;
    unsigned mappings;

    start();
    munmap(memory + MIB, MIB);
    other = mmap(memory + MIB, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                 -1, 0);
    memset(other, 'x', MIB);
    munmap(memory + 3 * MIB, MIB);
    other = mmap(memory + 3 * MIB, MIB, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(other, 'y', MIB);
    munmap(memory + 5 * MIB, MIB);
    oc_lent_discard(memory + 16, SIZE);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT_EQUAL(memory[MIB], 'x');
    CU_ASSERT_EQUAL(memory[2 * MIB - 1], 'x');
    CU_ASSERT_EQUAL(memory[3 * MIB], 'y');
    CU_ASSERT_EQUAL(memory[4 * MIB - 1], 'y');
    CU_ASSERT_EQUAL(not_zero(memory + 2 * MIB, MIB), 0);
    CU_ASSERT_EQUAL(not_zero(memory + 4 * MIB, MIB), 0);
    CU_ASSERT_EQUAL(not_zero(memory + 6 * MIB, MIB), 0);
    CU_ASSERT_EQUAL(madvise(memory + 5 * MIB, MIB, MADV_NORMAL), -1); /* still nothing there */
    CU_ASSERT_EQUAL(file_bytes(&mappings), MIB); /* shared anonymous memory has an inode */
    end();
}

/* The stale record must not hold for the next lend at the same place. */
static void test_stale_relent(void)
{
    start();
    munmap(memory, 2 * SIZE);
    CU_ASSERT_PTR_EQUAL(mmap(memory, 2 * SIZE, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                        memory);
    CU_ASSERT_EQUAL(lend_at(memory + MIB + 100, SIZE, 0), (ssize_t)SIZE);
    CU_ASSERT_EQUAL(wrong_bytes(memory + MIB + 100, 0, SIZE), 0);
    oc_lent_discard(memory, MIB + 4096); /* only stale ones here */
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096);
    CU_ASSERT_EQUAL(wrong_bytes(memory + MIB + 100, 0, SIZE), 0);
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    end();
}

static void test_forget(void)
{
    start();
    munmap(memory + 2 * MIB, MIB);
    oc_lent_forget(memory + 2 * MIB, MIB);
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096 - MIB);
    CU_ASSERT(!oc_lent_overlaps(memory + 2 * MIB, MIB));
    CU_ASSERT(oc_lent_overlaps(memory + 2 * MIB - 1, 1));
    CU_ASSERT(oc_lent_overlaps(memory + 3 * MIB, 1));
    CU_ASSERT(!oc_lent_overlaps(memory + SIZE, SIZE));
    munmap(memory, SIZE);
    oc_lent_forget(memory, SIZE);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    end();
}

/* ---- materialise ---- */

static void test_materialise(void)
{
    unsigned mappings;

    start();
    memory[3 * MIB] ^= 1;
    errno = 67;
    CU_ASSERT_EQUAL(oc_lent_materialise(memory + 2 * MIB + 5, 2 * MIB), 0);
    CU_ASSERT_EQUAL(errno, 67);
    CU_ASSERT_EQUAL(file_bytes(&mappings), SIZE - 4096 - 2 * MIB - 4096);
    CU_ASSERT_EQUAL(oc_lent_bytes(), file_bytes(&mappings));
    CU_ASSERT(mappings <= 5); /* the pieces have merged */
    memory[3 * MIB] ^= 1;
    CU_ASSERT_EQUAL(wrong_bytes(memory + 16, 0, SIZE), 0);
    madvise(memory + 2 * MIB, 2 * MIB, MADV_DONTNEED);
    CU_ASSERT_EQUAL(not_zero(memory + 2 * MIB, 2 * MIB), 0); /* zeros, as the program expects */
    CU_ASSERT_EQUAL(oc_lent_materialise(NULL, SIZE_MAX - 65535), 0);
    CU_ASSERT_EQUAL(file_bytes(&mappings), 0);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT_EQUAL(wrong_bytes(memory + 4 * MIB + 4096, 4 * MIB + 4080, SIZE - 4 * MIB - 4096), 0);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    CU_ASSERT_EQUAL(oc_lent_materialise(memory, SIZE), 0);
    end();
}

static int prot_at(const char *at)
{
    int maps = oc_maps_open();
    struct oc_map map;
    int ret = oc_maps_find(maps, (uintptr_t)at, &map);

    close(maps);
    return ret == 0 && !map.ino && map.start <= (uintptr_t)at ? map.prot : -1;
}

static void test_protections(void)
{
    start();
    mprotect(memory + MIB, MIB, PROT_READ);
    mprotect(memory + 3 * MIB, MIB, PROT_NONE);
    CU_ASSERT_EQUAL(oc_lent_materialise(memory, SIZE), 0);
    CU_ASSERT_EQUAL(prot_at(memory + MIB), PROT_READ);
    CU_ASSERT_EQUAL(prot_at(memory + 2 * MIB), PROT_READ | PROT_WRITE);
    CU_ASSERT_EQUAL(prot_at(memory + 3 * MIB), PROT_NONE);
    mprotect(memory + 3 * MIB, MIB, PROT_READ);
    CU_ASSERT_EQUAL(wrong_bytes(memory + 16, 0, SIZE), 0);
    munmap(memory, 4 * SIZE);
    end();

    start();
    mprotect(memory + MIB, MIB, PROT_READ);
    oc_lent_discard(memory, SIZE);
    CU_ASSERT_EQUAL(prot_at(memory + MIB), PROT_READ);
    CU_ASSERT_EQUAL(prot_at(memory + 3 * MIB), PROT_READ | PROT_WRITE);
    end();
}

static int without_memory(void *arg)
{
    struct rlimit limit = {1, 1};
    int ret;

    (void)arg;
    setrlimit(RLIMIT_AS, &limit);
    ret = oc_lent_materialise(memory, SIZE);
    return ret == -ENOMEM && wrong_bytes(memory + 16, 0, SIZE) == 0 &&
                   oc_lent_bytes() == SIZE - 4096
               ? 0
               : 1;
}

static void test_no_memory(void)
{
    start();
    CU_ASSERT_EQUAL(oc_tap_child(without_memory, NULL), 0);
    end();
}

static _Atomic int stop;

static void *read_all_the_time(void *arg)
{
    size_t wrong = 0;

    (void)arg;
    while (!atomic_load(&stop))
        for (size_t i = 16; i < SIZE; i += 1021)
            wrong += (unsigned char)memory[i] != scratch_byte(21, i - 16);
    return (void *)wrong;
}

/* A reader in another thread sees the same bytes throughout. */
static void test_readers_beside(void)
{
    pthread_t thread;
    void *wrong;

    start();
    atomic_store(&stop, 0);
    pthread_create(&thread, NULL, read_all_the_time, NULL);
    for (size_t i = 0; i < SIZE; i += 256 << 10)
        CU_ASSERT_EQUAL(oc_lent_materialise(memory + i, 256 << 10), 0);
    atomic_store(&stop, 1);
    pthread_join(thread, &wrong);
    CU_ASSERT_PTR_NULL(wrong);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    end();
}

/* ---- move ---- */

static void test_move(void)
{
    unsigned mappings;
    char *to;

    start();
    to = memory + 2 * SIZE + 16;
    memory[16 + 3 * MIB + 5] = 99; /* a changed page goes along */
    oc_lent_discard(memory + 5 * MIB, MIB);
    memset(memory + 5 * MIB, 'a', MIB); /* and what is ordinary in between is copied */
    to[-1] = to[SIZE] = 'z';
    CU_ASSERT(oc_lent_move(memory + 16, to, SIZE));
    CU_ASSERT_EQUAL(to[3 * MIB + 5], 99);
    to[3 * MIB + 5] = (char)scratch_byte(21, 3 * MIB + 5);
    CU_ASSERT_EQUAL(wrong_bytes(to, 0, 5 * MIB - 16), 0);
    CU_ASSERT_EQUAL(to[5 * MIB - 16], 'a');
    CU_ASSERT_EQUAL(to[6 * MIB - 17], 'a');
    CU_ASSERT_EQUAL(wrong_bytes(to + 6 * MIB - 16, 6 * MIB - 16, 2 * MIB + 16), 0);
    CU_ASSERT_EQUAL(to[-1], 'z');
    CU_ASSERT_EQUAL(to[SIZE], 'z');
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096 - MIB);
    CU_ASSERT_EQUAL(file_bytes(&mappings), oc_lent_bytes());
    CU_ASSERT(!oc_lent_overlaps(memory, SIZE));
    CU_ASSERT_EQUAL(not_zero(memory + 4096, MIB), 0); /* anonymous, and there */
    memory[8192] = 1;
    oc_lent_discard(to, SIZE);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    end();
}

static void test_move_refused(void)
{
    int shm;

    start();
    CU_ASSERT(!oc_lent_move(memory + 16, memory + 2 * SIZE + 32, SIZE));        /* another shift */
    CU_ASSERT(!oc_lent_move(memory + 16 + SIZE, memory + 2 * SIZE + 16, SIZE)); /* not lent */
    shm = scratch_file("/dev/shm", SIZE, 1);
    mmap(memory + 2 * SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, shm, 0);
    CU_ASSERT(!oc_lent_move(memory + 16, memory + 2 * SIZE + 16, SIZE)); /* not plain memory */
    CU_ASSERT_EQUAL(wrong_bytes(memory + 16, 0, SIZE), 0);
    CU_ASSERT_EQUAL((unsigned char)memory[2 * SIZE + 5000], scratch_byte(1, 5000));
    CU_ASSERT_EQUAL(oc_lent_bytes(), SIZE - 4096);
    close(shm);
    end();
}

/* ---- many ---- */

/* Every second page given back: a record for each of the others. */
static void test_many_holes(void)
{
    unsigned mappings;
    size_t pages = SIZE / oc_page;

    start();
    for (size_t i = 1; i < pages; i += 2)
        oc_lent_discard(memory + i * oc_page, oc_page);
    CU_ASSERT_EQUAL(file_bytes(&mappings), oc_lent_bytes());
    CU_ASSERT_EQUAL(oc_lent_bytes(), (pages / 2 - 1) * oc_page);
    for (size_t i = 1; i + 1 < pages; i++) {
        bool lent = oc_lent_overlaps(memory + i * oc_page, oc_page);

        CU_ASSERT_EQUAL_FATAL(lent, i % 2 == 0);
    }
    oc_lent_discard(memory, SIZE);
    CU_ASSERT_EQUAL(file_bytes(&mappings), 0);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    end();
}

/* A thread that searches while another changes: never a wrong no. */
static void *search_all_the_time(void *arg)
{
    size_t wrong = 0;

    (void)arg;
    while (!atomic_load(&stop))
        for (size_t i = 4096; i < MIB; i += 4096)
            wrong += !oc_lent_overlaps(memory + i, 16);
    return (void *)wrong;
}

static void test_searchers_beside(void)
{
    pthread_t thread;
    void *wrong;

    start();
    atomic_store(&stop, 0);
    pthread_create(&thread, NULL, search_all_the_time, NULL);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < 8; i++)
            lend_at(memory + 2 * SIZE + i * MIB, 128 << 10, i * 4096);
        oc_lent_discard(memory + 2 * SIZE, SIZE);
    }
    atomic_store(&stop, 1);
    pthread_join(thread, &wrong);
    CU_ASSERT_PTR_NULL(wrong);
    end();
}

/* ---- blocks ---- */

/* A block begins before what is lent of it; where, depends on the allocator's mappings. */
static void test_floor(void)
{
    char *block;

    start();
    CU_ASSERT(oc_lent_block_maybe(memory + 16));
    CU_ASSERT(!oc_lent_block_maybe(memory + SIZE));
    end();
    start();
    oc_lent_discard(memory, SIZE);
    /* As numpy does: advice from the second page on makes it a mapping of its own. */
    madvise(memory + 4096, SIZE, MADV_HUGEPAGE);
    learn_memory(memory, 4 * SIZE);
    CU_ASSERT_EQUAL(lend_at(memory + 16, SIZE, 0), (ssize_t)SIZE);
    CU_ASSERT(oc_lent_block_maybe(memory + 16));
    end();
    start();
    block = memory + 2 * SIZE;
    CU_ASSERT_PTR_EQUAL(oc_vma_floor(block + MIB), memory + SIZE);
    munmap(block, 4096);
    CU_ASSERT_PTR_EQUAL(oc_vma_floor(block + MIB), block + 4096);
    end();
}

static int exits(void *arg)
{
    (void)arg;
    oc_image_leave_all();
    if (scratch_count(home, ".image", NULL) != 1)
        return 1;
    return wrong_bytes(memory + 16, 0, SIZE) ? 2 : 0;
}

static int outlives(void *arg)
{
    int *pipe_to = arg;
    char byte;

    close(pipe_to[1]);
    if (read(pipe_to[0], &byte, 1) != 0) /* until the parent has let go */
        return 1;
    if (wrong_bytes(memory + 16, 0, SIZE) || scratch_count(home, ".image", NULL) != 1)
        return 2;
    oc_lent_discard(memory, SIZE);
    return scratch_count(home, "", NULL) ? 3 : 0;
}

/* A forked child uses what is lent after its parent, or before it, is done. */
static void test_fork(void)
{
    int pipe_to[2], status;
    pid_t pid;

    start();
    CU_ASSERT_EQUAL(oc_tap_child(exits, NULL), 0);
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_to), 0);
    pid = fork();
    if (pid == 0)
        _exit(outlives(pipe_to));
    close(pipe_to[0]);
    oc_lent_discard(memory, SIZE);
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    close(pipe_to[1]);
    waitpid(pid, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    end();
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"discarded memory is fresh and anonymous", test_discard_all},
        {"a part is discarded, the rest stays", test_discard_part},
        {"a block that was lent in many reads", test_discard_pieces},
        {"memory that is somebody else's by now is let alone", test_stale},
        {"stale records give way to new ones", test_stale_relent},
        {"unmapped memory is forgotten", test_forget},
        {"materialised memory keeps its contents", test_materialise},
        {"protections are kept", test_protections},
        {"without memory nothing is materialised, and nothing lost", test_no_memory},
        {"readers beside see no change", test_readers_beside},
        {"moved with its changes", test_move},
        {"not moved where it does not fit", test_move_refused},
        {"many holes", test_many_holes},
        {"searchers beside are never misled", test_searchers_beside},
        {"blocks that may hold lent pages are known", test_floor},
        {"a forked child and its parent", test_fork},
        {NULL, NULL},
    };

    return oc_tap_suite("lent", tests);
}
