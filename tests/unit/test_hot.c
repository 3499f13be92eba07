/*
 * Which sections are hot: what one process stores the next one finds, old
 * favourites fade, and nothing found in the table's place does harm.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/hot.h"
#include "imagekit.h"
#include "scratch.h"
#include "section/hints.h"
#include "tap.h"

enum { SHIFT = 18 };

static const uint64_t key[2] = {1234567, 89};

static int begin(void)
{
    fresh_home("/dev/shm");
    return open_home();
}

static struct oc_hot sections(uint32_t from, uint32_t n)
{
    struct oc_hot hot = {.n = n};
    for (uint32_t i = 0; i < n; i++)
        hot.at[i] = from + i;
    return hot;
}

static void store(int dir, uint32_t from, uint32_t n)
{
    struct oc_hot hot = sections(from, n);
    oc_hot_store(dir, key, SHIFT, &hot);
}

static bool has(int dir, uint32_t at)
{
    struct oc_hot hot;
    oc_hot_load(dir, key, SHIFT, &hot);
    for (uint32_t i = 0; i < hot.n; i++)
        if (hot.at[i] == at)
            return true;
    return false;
}

static uint32_t known(int dir, const uint64_t of[2], unsigned shift)
{
    struct oc_hot hot;
    oc_hot_load(dir, of, shift, &hot);
    return hot.n;
}

static void test_remembers(void)
{
    const uint64_t other[2] = {key[0], key[1] + 1};
    int dir = begin();
    CU_ASSERT_EQUAL(known(dir, key, SHIFT), 0);
    store(dir, 100, 20);
    CU_ASSERT_EQUAL(known(dir, key, SHIFT), 20);
    CU_ASSERT(has(dir, 100) && has(dir, 119) && !has(dir, 120));
    CU_ASSERT_EQUAL(known(dir, other, SHIFT), 0);
    CU_ASSERT_EQUAL(known(dir, key, SHIFT + 1), 0);
    store(dir, 110, 20);
    CU_ASSERT_EQUAL(known(dir, key, SHIFT), 30);
    end_home(dir);
}

static void test_fades(void)
{
    int dir = begin();
    for (int i = 0; i < 5; i++)
        store(dir, 1, 1);
    store(dir, 2, 1);
    CU_ASSERT(has(dir, 1) && has(dir, 2));
    for (int i = 0; i < 4; i++)
        store(dir, 3, 1);
    CU_ASSERT(has(dir, 1) && !has(dir, 2) && has(dir, 3));
    for (int i = 0; i < 20; i++)
        store(dir, 3, 1);
    CU_ASSERT(!has(dir, 1));
    end_home(dir);
}

/* A full record keeps this process's, and of the others the best. */
static void test_full(void)
{
    int dir = begin();
    store(dir, 0, OC_HINTS_MAX);
    store(dir, 0, 1);
    store(dir, 1000, OC_HINTS_MAX - 1);
    CU_ASSERT_EQUAL(known(dir, key, SHIFT), OC_HINTS_MAX);
    CU_ASSERT(has(dir, 0) && has(dir, 1000) && !has(dir, 1));
    end_home(dir);
}

/* More files than there is room for: the size is bounded, the latest is there. */
static void test_many_files(void)
{
    struct oc_hot hot = sections(5, 3);
    struct stat st;
    int dir = begin();
    for (uint64_t i = 1; i <= 1000; i++) {
        const uint64_t file[2] = {i * 7919, i};
        oc_hot_store(dir, file, SHIFT, &hot);
        CU_ASSERT_EQUAL(known(dir, file, SHIFT), 3);
    }
    CU_ASSERT_EQUAL(fstatat(dir, OC_HOT_NAME, &st, 0), 0);
    CU_ASSERT(st.st_size <= 256 << 10);
    end_home(dir);
}

static void test_garbage(void)
{
    static uint32_t noise[256 << 10 >> 2];
    uint32_t seed = 1;
    int dir = begin();
    for (int round = 0; round < 200; round++) {
        int table = openat(dir, OC_HOT_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
        CU_ASSERT_FATAL(table >= 0);
        for (size_t i = 0; i < sizeof noise / sizeof *noise; i++)
            noise[i] = seed = seed * 1664525 + 1013904223;
        /* Entries of our key, all else noise. */
        for (size_t i = 0; round % 2 && i + 4 < sizeof noise / sizeof *noise; i += 262)
            memcpy(&noise[i], key, sizeof key);
        size_t bytes = seed % sizeof noise;
        CU_ASSERT_EQUAL(write(table, noise, bytes), (ssize_t)bytes);
        close(table);
        CU_ASSERT(known(dir, key, noise[round]) <= OC_HINTS_MAX);
        store(dir, 7, 9);
        CU_ASSERT(has(dir, 7) && has(dir, 15) && known(dir, key, SHIFT) <= OC_HINTS_MAX);
    }
    end_home(dir);
}

static void test_no_table(void)
{
    int dir = begin();
    CU_ASSERT_EQUAL(mkdirat(dir, OC_HOT_NAME, 0700), 0);
    store(dir, 1, 1);
    CU_ASSERT_EQUAL(known(dir, key, SHIFT), 0);
    CU_ASSERT_EQUAL(unlinkat(dir, OC_HOT_NAME, AT_REMOVEDIR), 0);
    CU_ASSERT_EQUAL(symlinkat("elsewhere", dir, OC_HOT_NAME), 0);
    store(dir, 1, 1);
    CU_ASSERT_EQUAL(known(dir, key, SHIFT), 0);
    CU_ASSERT_NOT_EQUAL(faccessat(dir, "elsewhere", F_OK, 0), 0);
    CU_ASSERT_EQUAL(unlinkat(dir, OC_HOT_NAME, 0), 0);
    end_home(dir);
}

/* ---- hints: each is taken once ---- */

static void test_hints(void)
{
    static const uint32_t at[] = {0, 7, 2047, 2048 + 7, 1000000};
    static struct oc_hints h;

    for (uint32_t i = 0; i < 5; i++)
        oc_hints_put(&h, i, at[i]);
    CU_ASSERT_FALSE(oc_hints_take(&h, 7)); /* none is there yet */
    atomic_store(&h.n, 5);
    CU_ASSERT_FALSE(oc_hints_take(&h, 1));
    CU_ASSERT_FALSE(oc_hints_take(&h, 6));
    CU_ASSERT_FALSE(oc_hints_take(&h, 8));
    CU_ASSERT_FALSE(oc_hints_take(&h, 2048)); /* like 0 in the filter only */
    CU_ASSERT_FALSE(oc_hints_take(&h, UINT32_MAX));
    CU_ASSERT_FALSE(oc_hints_take(&h, UINT64_C(1) << 32 | 7));
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(oc_hints_take(&h, at[i]));
        CU_ASSERT_FALSE(oc_hints_take(&h, at[i]));
    }
    oc_hints_put(&h, 2, 7);
    CU_ASSERT(oc_hints_take(&h, 7));
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"what is stored is found, for that file and section size", test_remembers},
        {"what is not stored again fades", test_fades},
        {"a full record keeps the best", test_full},
        {"many files: bounded, the latest is known", test_many_files},
        {"random bytes in the table", test_garbage},
        {"something else in the table's place", test_no_table},
        {"hints are taken once", test_hints},
        {NULL, NULL},
    };
    return oc_tap_suite("hot", tests);
}
