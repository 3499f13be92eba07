/*
 * Blocks of memory that were lent, and come back to the allocator and out of it again:
 * whichever allocator it is (allocators.sh preloads others than glibc's), calloc is zero,
 * realloc keeps the bytes, and giving memory back to the kernel lets the image go.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twin.h"

#define FILE_SIZE (5 * MB + 17)
#define ROUNDS    12

static struct twin twin;
static struct pair p;
static unsigned seed = 1;

static size_t any(size_t from, size_t to)
{
    return from + (size_t)rand_r(&seed) * 16 % (to - from);
}

/* What the file holds from OFF on, as the kernel reads it, to compare with. */
static char *truth;

static void load_truth(void)
{
    truth = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(side_pread(RAW, p.fd[RAW], truth, FILE_SIZE, 0) == (long)FILE_SIZE, "the truth");
}

static void *loaded(void *block, size_t len, size_t off)
{
    same(side_pread(LIBC, p.fd[LIBC], block, len, (int64_t)off), (long)len, "pread");
    expect(memcmp(block, truth + off, len) == 0, "%zu bytes from %zu", len, off);
    return block;
}

static bool zero(const char *block, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (block[i] != 0)
            return expect(false, "byte %zu of %zu of calloc is %d", i, len, block[i]);
    return true;
}

static void *by_memalign(size_t len)
{
    void *block = NULL;
    return posix_memalign(&block, 4096, len) == 0 ? block : NULL;
}

static void *by_calloc(size_t len)
{
    char *block = calloc(1, len);
    zero(block, len);
    return block;
}

static void *by_realloc(size_t len)
{
    return realloc(malloc(len / 3), len);
}

static void *(*const ways[])(size_t) = {malloc, by_memalign, by_calloc, by_realloc};

/* Let the allocator give back to the kernel whatever it keeps. */
static void purge(void)
{
    int (*mallctl)(const char *, void *, size_t *, void *, size_t) =
        (int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT, "mallctl");
    void (*collect)(bool) = (void (*)(bool))dlsym(RTLD_DEFAULT, "mi_collect");
    void (*release)(void) =
        (void (*)(void))dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory");

    if (mallctl)
        mallctl("arena.4096.purge", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
    else if (collect)
        collect(true);
    else if (release)
        release();
    else
        malloc_trim(0);
}

static void recycled(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        void *blocks[6];
        for (size_t i = 0; i < 6; i++) {
            size_t len = any(70 * KB, 2 * MB);
            blocks[i] = loaded(ways[any(0, 4)](len), len, any(0, 3 * MB));
        }
        for (size_t i = 0; i < 6; i++)
            free(blocks[(i + (size_t)round) % 6]);
        if (round % 3 == 2)
            purge();
        for (size_t i = 0; i < 6; i++)
            blocks[i] = by_calloc(any(40 * KB, 2 * MB));
        for (size_t i = 0; i < 6; i++)
            free(blocks[i]);
    }
    report("blocks that were lent come back from calloc as zeros");
}

/* Written over, so that the pages are the process's own; then the same. */
static void rewritten(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = any(256 * KB, 2 * MB);
        char *block = loaded(malloc(len), len, any(0, 3 * MB));
        memset(block + len / 4, round, len / 3);
        free(block);
        block = by_calloc(len);
        loaded(block, len, 11);
        free(block);
        if (round % 4 == 0)
            purge();
    }
    report("blocks that were lent and written over come back as zeros");
}

static void reallocated(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = any(256 * KB, 2 * MB), kept = len, off = any(0, 3 * MB);
        char *block = loaded(malloc(len), len, off);
        for (int step = 0; step < 5; step++) {
            len = any(10, 4 * MB);
            kept = len < kept ? len : kept;
            block = realloc(block, len);
            if (!expect(memcmp(block, truth + off, kept) == 0, "realloc to %zu", len))
                break;
            if (len > kept) /* the rest is the program's to write */
                memset(block + kept, 1, len - kept);
        }
        free(block);
    }
    report("realloc of lent blocks keeps their bytes");
}

/* Bytes of images that are mapped. */
static size_t image_bytes(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long from, to;
    char line[512];
    size_t sum = 0;

    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, ".image") && sscanf(line, "%lx-%lx rw", &from, &to) == 2)
            sum += to - from;
    if (maps)
        fclose(maps);
    return sum;
}

/* Some allocators do it in place, others (mimalloc, to less than half) by moving. */
static void shrunk(void)
{
    static const unsigned parts[] = {2, 3, 8, 100};

    for (int round = 0; round < ROUNDS; round++) {
        size_t before = image_bytes(), len = any(1 * MB, 2 * MB), off = any(0, 3 * MB);
        size_t less = len - len / parts[round % 4];
        char *block = loaded(ways[round % 4](len), len, off);
        if (round % 8 >= 4)
            less = len / parts[round % 4];
        block = realloc(block, less);
        expect(memcmp(block, truth + off, less) == 0, "realloc from %zu to %zu", len, less);
        expect(image_bytes() <= before + less + 8 * KB, "%zu bytes are lent after realloc to %zu",
               image_bytes() - before, less);
        memset(block + less / 2, 3, less - less / 2);
        expect(memcmp(block, truth + off, less / 2) == 0, "the first half of %zu", less);
        free(block);
    }
    report("realloc to less keeps the bytes, and lets what is behind them go");
}

/* Both halves go on with the same heap, each for itself. */
static void forked(void)
{
    for (int round = 0; round < 4; round++) {
        size_t len = any(300 * KB, 2 * MB);
        char *one = loaded(malloc(len), len, 5), *two = loaded(malloc(len), len, 70 * KB);
        one[100] = 'p';
        pid_t child = fork();
        if (child == 0) {
            expect(one[100] == 'p' && memcmp(two, truth + 70 * KB, len) == 0, "in the child");
            free(one);
            memset(two, 'c', len);
            free(two);
            purge();
            free(by_calloc(len));
            free(loaded(malloc(len), len, 3));
            child_done();
        }
        free(two);
        free(by_calloc(len));
        child_wait(child, "child with the heap");
        expect(one[100] == 'p' && memcmp(one + 101, truth + 106, len - 101) == 0, "in the parent");
        free(one);
    }
    report("parent and child free and use again what was lent before the fork");
}

/* Filled by one thread, freed by another. */
static void *volatile passed;

static void *filler(void *arg)
{
    size_t len = (size_t)(uintptr_t)arg;
    passed = loaded(malloc(len), len, 9);
    return by_calloc(len / 2);
}

static void threads(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = any(256 * KB, 2 * MB);
        pthread_t thread;
        void *other = NULL;
        pthread_create(&thread, NULL, filler, (void *)(uintptr_t)len);
        pthread_join(thread, &other);
        expect(memcmp(passed, truth + 9, len) == 0, "filled by another thread");
        free(passed);
        free(other);
        free(by_calloc(len));
    }
    report("blocks filled by one thread and freed by another");
}

static void usable(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = any(256 * KB, MB);
        char *block = loaded(malloc(len), len, 2);
        size_t whole = malloc_usable_size(block);
        expect(whole >= len, "usable %zu of %zu", whole, len);
        memset(block, 7, whole);
        free(block);
    }
    report("all of a lent block's usable size can be written");
}

/* What the kernel is told by an allocator, or by a program that is one: memory that was
 * lent and discarded, remapped or locked is as any other. */
static void discarded(void)
{
    static const int advices[] = {MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_DONTDUMP};
    struct twin own = twin_make("discarded", FILE_SIZE);
    struct pair before = p;
    char *blocks[4] = {NULL};

    p = pair_open(&own, O_RDONLY);

    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        char *block =
            mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        loaded(block, 2 * MB, 1000);
        same(madvise(block, MB, advices[i]), 0, "madvise(%d)", advices[i]);
        if (advices[i] == MADV_DONTNEED)
            zero(block, MB);
        else if (advices[i] != MADV_FREE)
            expect(memcmp(block, truth + 1000, MB) == 0, "madvise(%d)", advices[i]);
        expect(memcmp(block + MB, truth + 1000 + MB, MB) == 0, "the other half");
        blocks[i] = block;
        if (advices[i] == MADV_DONTDUMP) /* two mappings, which do not move as one */
            continue;
        block = mremap(block, 2 * MB, 3 * MB, MREMAP_MAYMOVE);
        zero(block + 2 * MB, MB);
        expect(memcmp(block + MB, truth + 1000 + MB, MB) == 0, "the other half, moved");
        same(mlock(block, 100 * KB), 0, "mlock");
        same(mprotect(block, MB, PROT_READ | PROT_EXEC), 0, "mprotect");
        blocks[i] = block;
    }
    for (size_t i = 0; i < 4; i++)
        munmap(blocks[i], advices[i] == MADV_DONTDUMP ? 2 * MB : 3 * MB);
    pair_close(&p);
    p = before;
    report("memory that an allocator discards, moves, locks or makes executable");
}

/* An allocator before us hides our free: what it keeps for itself stays lent. */
static bool free_is_hidden(void)
{
    const char *order = getenv("ONECOPY_TEST_ORDER");
    return tap_active() && order && strcmp(order, "before") == 0;
}

static void purged(void)
{
    const char *name = "after free, and the allocator's purge, no image is left";
    void *blocks[5];

    for (size_t i = 0; i < 5; i++)
        blocks[i] = loaded(malloc(MB + i * 5000), MB + i * 5000, i * 100000);
    expect(image_mapped(), "not lent");
    for (size_t i = 0; i < 5; i++)
        free(blocks[i]);
    purge();
    if (free_is_hidden()) {
        skip(name, "the allocator keeps what it likes");
        return;
    }
    if (tap_active()) {
        expect(!image_mapped(), "the image is still mapped");
        expect(images_in_home() == 0, "%d images left", images_in_home());
    }
    report(name);
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("ONECOPY_TEST_SYMBOL");
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    expect(!wanted || dlsym(RTLD_DEFAULT, wanted), "the allocator with %s is not there", wanted);
    report("the library and the allocator are at work");
    twin = twin_make("allocators", FILE_SIZE);
    p = pair_open(&twin, O_RDONLY);
    load_truth();
    purged();
    recycled();
    reallocated();
    shrunk();
    threads();
    discarded();
    forked();
    usable();
    rewritten();
    pair_close(&p);
    return tap_done();
}
