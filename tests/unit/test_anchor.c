/*
 * Anchors: lends that follow one another become one mapping, and show what a mapping
 * of their own would; when something is refused the memory is as good as before.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/maps.h"
#include "base/sys.h"
#include "image/anchor.h"
#include "scratch.h"
#include "tap.h"

#define PAGES 64
#define SEED  3

static struct oc_anchor anchor;
static char *buffer;

/* The mapping at P begins and ends there. */
static struct oc_map map_at(const void *p)
{
    struct oc_map map = {0, 0, 0, false, 0, 0, 0};
    int fd = oc_maps_open();

    CU_ASSERT_EQUAL(oc_maps_find(fd, (uintptr_t)p, &map), 0);
    close(fd);
    return map;
}

static int begin(void)
{
    anchor = (struct oc_anchor){NULL, 0};
    buffer =
        mmap(NULL, PAGES * oc_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(buffer, MAP_FAILED);
    memset(buffer, 'b', PAGES * oc_page);
    return scratch_file("/dev/shm", PAGES * oc_page, SEED);
}

static void end(int fd)
{
    oc_anchor_drop(&anchor);
    CU_ASSERT_PTR_NULL(anchor.page);
    munmap(buffer, PAGES * oc_page);
    close(fd);
}

/* COUNT pages of the file from page PLACE on, at page AT of the buffer, through a
 * description of their own, as images are mapped. */
static bool map_pages(int fd, unsigned at, unsigned count, unsigned place)
{
    char path[40];
    bool mapped;
    int other;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    other = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_FATAL(other >= 0);
    mapped = oc_anchor_map(&anchor, other, PAGES * oc_page, buffer + at * oc_page, count * oc_page,
                           place * oc_page);
    close(other);
    return mapped;
}

static bool shows(unsigned at, unsigned count, unsigned place)
{
    for (size_t i = 0; i < count * oc_page; i++)
        if ((unsigned char)buffer[at * oc_page + i] != scratch_byte(SEED, place * oc_page + i))
            return false;
    return true;
}

static void test_one_mapping(void)
{
    int fd = begin();
    struct oc_map map;

    for (unsigned at = 0; at < PAGES; at += 4)
        CU_ASSERT(map_pages(fd, at, 4, at));
    CU_ASSERT(shows(0, PAGES, 0));
    map = map_at(buffer);
    CU_ASSERT_EQUAL(map.start, (uintptr_t)buffer);
    CU_ASSERT_EQUAL(map.end, (uintptr_t)buffer + PAGES * oc_page);
    CU_ASSERT_EQUAL(map.prot, PROT_READ | PROT_WRITE);
    CU_ASSERT_FALSE(map.shared);
    end(fd);
}

/* What was changed before stays, what is changed after stays private. */
static void test_private(void)
{
    int fd = begin();
    char byte;

    CU_ASSERT(map_pages(fd, 0, 8, 0));
    buffer[100] = 'x';
    CU_ASSERT(map_pages(fd, 8, 8, 8));
    buffer[8 * oc_page] = 'y';
    CU_ASSERT(map_pages(fd, 16, 8, 16));
    CU_ASSERT_EQUAL(buffer[100], 'x');
    CU_ASSERT_EQUAL(buffer[8 * oc_page], 'y');
    buffer[100] = (char)scratch_byte(SEED, 100);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, (off_t)(8 * oc_page)), 1);
    CU_ASSERT_EQUAL((unsigned char)byte, scratch_byte(SEED, 8 * oc_page));
    buffer[8 * oc_page] = byte;
    CU_ASSERT(shows(0, 24, 0));
    end(fd);
}

/* The anchor is of no use for another place, and leads to no wrong one. */
static void test_elsewhere(void)
{
    int fd = begin();

    CU_ASSERT(map_pages(fd, 0, 8, 0));
    CU_ASSERT(map_pages(fd, 8, 8, 20));
    CU_ASSERT(map_pages(fd, 40, 8, 28)); /* goes on in the file, not in the buffer */
    CU_ASSERT(map_pages(fd, 20, 2, 5));
    CU_ASSERT(shows(0, 8, 0));
    CU_ASSERT(shows(8, 8, 20));
    CU_ASSERT(shows(40, 8, 28));
    CU_ASSERT(shows(20, 2, 5));
    for (size_t i = 16 * oc_page; i < 20 * oc_page; i++)
        CU_ASSERT_EQUAL_FATAL(buffer[i], 'b');
    CU_ASSERT(map_pages(fd, 48, 16, 48)); /* up to the end: no next one */
    CU_ASSERT(shows(48, 16, 48));
    end(fd);
}

static int no_more_memory(void *arg)
{
    struct rlimit limit;
    unsigned long pages = 0;
    int fd = *(int *)arg;
    bool good = map_pages(fd, 0, 8, 0);
    FILE *statm = fopen("/proc/self/statm", "r");

    /* No room to grow, but for what replaces as much as it takes. */
    good &= statm && fscanf(statm, "%lu", &pages) == 1;
    limit.rlim_cur = limit.rlim_max = (pages + 2) * oc_page;
    good &= setrlimit(RLIMIT_AS, &limit) == 0;
    good &= map_pages(fd, 8, 8, 8) && map_pages(fd, 16, 8, 16);
    return good && shows(0, 24, 0) ? 0 : 1;
}

static void test_address_space(void)
{
    int fd = begin();

    CU_ASSERT_EQUAL(oc_tap_child(no_more_memory, &fd), 0);
    end(fd);
}

static int without_mremap(void *arg)
{
    int fd = *(int *)arg;
    bool good = map_pages(fd, 0, 8, 0);

    if (!scratch_forbid(SYS_mremap, 0, 0, 0, EPERM))
        return 77;
    good &= map_pages(fd, 8, 8, 8) && map_pages(fd, 16, 8, 16);
    return good && shows(0, 24, 0) ? 0 : 1;
}

static int without_moves(void *arg)
{
    int fd = *(int *)arg;
    bool good = map_pages(fd, 0, 8, 0);

    if (!scratch_forbid(SYS_mremap, 3, UINT32_MAX, MREMAP_MAYMOVE | MREMAP_FIXED, ENOMEM))
        return 77;
    good &= !map_pages(fd, 8, 8, 8); /* refused: as it was */
    for (size_t i = 8 * oc_page; i < 16 * oc_page; i++)
        good &= buffer[i] == 'b';
    return good && shows(0, 8, 0) ? 0 : 1;
}

static void test_refused(void)
{
    int ret, fd = begin();

    ret = oc_tap_child(without_mremap, &fd);
    CU_ASSERT(ret == 0 || ret == 77);
    ret = oc_tap_child(without_moves, &fd);
    CU_ASSERT(ret == 0 || ret == 77);
    end(fd);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"lends that follow one another are one mapping", test_one_mapping},
        {"changed pages stay as they are", test_private},
        {"elsewhere in the file or in the buffer", test_elsewhere},
        {"no address space left", test_address_space},
        {"moving is refused", test_refused},
        {NULL, NULL},
    };

    return oc_tap_suite("anchor", tests);
}
