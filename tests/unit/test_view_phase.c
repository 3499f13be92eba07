/*
 * The order in which parts go.
 */
#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "api/phase.h"
#include "tap.h"

enum { SLOTS = 64, KEYS = 100000 };

static struct oc_phase phase;
static struct oc_phase_entry entries[KEYS];
static bool in[KEYS];
static unsigned misses;
static const struct oc_phase_entry *kept;

static bool any(const struct oc_phase_entry *e)
{
    return e != kept;
}

static void start(void)
{
    memset(&phase, 0, sizeof phase);
    memset(in, 0, sizeof in);
    misses = 0;
    kept = NULL;
}

/* One request for KEY in a cache of SLOTS parts. */
static void request(size_t key)
{
    if (in[key]) {
        oc_phase_hit(&phase, &entries[key]);
        return;
    }
    misses++;
    if (phase.count == SLOTS) {
        struct oc_phase_entry *out = oc_phase_victim(&phase, any);
        CU_ASSERT_PTR_NOT_NULL_FATAL(out);
        in[out - entries] = false;
    }
    oc_phase_enter(&phase, &entries[key], key + 1);
    in[key] = true;
}

static void test_oldest_first(void)
{
    start();
    for (size_t i = 0; i < SLOTS + 10; i++)
        request(i);
    for (size_t i = 0; i < 10; i++)
        CU_ASSERT_FALSE(in[i]);
    CU_ASSERT_TRUE(in[10]);
}

static void test_kept_are_passed_over(void)
{
    start();
    request(0);
    kept = &entries[0];
    for (size_t i = 1; i < 10 * SLOTS; i++)
        request(i);
    CU_ASSERT_TRUE(in[0]);
    while (phase.count > 1)
        CU_ASSERT_PTR_NOT_NULL_FATAL(oc_phase_victim(&phase, any));
    CU_ASSERT_PTR_NULL(oc_phase_victim(&phase, any));
    oc_phase_leave(&phase, &entries[0]);
    CU_ASSERT_PTR_NULL(phase.oldest);
    CU_ASSERT_PTR_NULL(phase.newest);
    CU_ASSERT_PTR_NULL(phase.hand);
    CU_ASSERT_PTR_NULL(oc_phase_victim(&phase, any));
}

/* A working set of half of the cache, and a scan of everything, many requests a part. */
static void test_scan_leaves_the_working_set(void)
{
    unsigned hot = 0;
    start();
    srand(1);
    for (unsigned i = 0; i < 20 * SLOTS; i++)
        request((size_t)rand() % (SLOTS / 2));
    for (size_t i = SLOTS; i < 20 * SLOTS; i++)
        for (unsigned j = 0; j < 64; j++) {
            request(i);
            if (j % 8 == 0)
                request((size_t)rand() % (SLOTS / 2));
        }
    for (size_t i = 0; i < SLOTS / 2; i++)
        hot += in[i];
    CU_ASSERT_EQUAL(hot, SLOTS / 2);
}

static void test_start_up_data_leaves(void)
{
    start();
    for (unsigned i = 0; i < 50 * SLOTS; i++)
        request((size_t)i % SLOTS);
    for (unsigned i = 0; i < 50 * SLOTS; i++)
        request(SLOTS + (size_t)(i * 7) % SLOTS);
    misses = 0;
    for (unsigned i = 0; i < 50 * SLOTS; i++)
        request(SLOTS + (size_t)(i * 7) % SLOTS);
    CU_ASSERT_EQUAL(misses, 0);
    for (size_t i = 0; i < SLOTS; i++)
        CU_ASSERT_FALSE(in[i]);
}

static void test_back_soon(void)
{
    struct oc_phase_entry e;
    start();
    for (size_t i = 0; i < SLOTS + 1; i++)
        request(i); /* 0 has gone */
    CU_ASSERT_FALSE(in[0]);
    CU_ASSERT_TRUE(oc_phase_enter(&phase, &e, 0 + 1));
    CU_ASSERT_TRUE(e.used);
    oc_phase_leave(&phase, &e);
    for (size_t i = SLOTS + 1; i < 4 * SLOTS; i++)
        request(i);
    CU_ASSERT_FALSE(oc_phase_enter(&phase, &e, 0 + 1));
    CU_ASSERT_FALSE(e.used);
    oc_phase_leave(&phase, &e);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"the oldest unused part goes first", test_oldest_first},
        {"what is held is passed over", test_kept_are_passed_over},
        {"a scan does not push out the working set", test_scan_leaves_the_working_set},
        {"start-up data leaves", test_start_up_data_leaves},
        {"what comes back soon is remembered", test_back_soon},
        {NULL, NULL},
    };
    return oc_tap_suite("phase", tests);
}
