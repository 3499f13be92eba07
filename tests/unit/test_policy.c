/*
 * Admission and eviction, without any mapping.
 */
#include "section/policy.h"

#include <CUnit/CUnit.h>

#include "section/admission.h"
#include "section/run.h"
#include "tap.h"

enum { SLOTS = 4 };

/* As the pool does it. */
static bool missed(struct oc_policy *p, uint64_t key, bool wanted)
{
    return (wanted || !oc_policy_overlooks(p)) && oc_policy_missed(p, key, 1, wanted);
}

static bool used_marks[SLOTS], pinned_marks[SLOTS];

static bool used(size_t slot)
{
    bool was = used_marks[slot];
    used_marks[slot] = false;
    return was;
}

static bool pinned(size_t slot)
{
    return pinned_marks[slot];
}

static struct oc_policy *fresh(void)
{
    struct oc_policy *p = oc_policy_new(SLOTS, 256 << 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (size_t i = 0; i < SLOTS; i++)
        used_marks[i] = pinned_marks[i] = false;
    return p;
}

/* The number of the miss that admits KEY, up to 1000. */
static int misses_needed(struct oc_policy *p, uint64_t key)
{
    for (int i = 1; i <= 1000; i++)
        if (missed(p, key, false))
            return i;
    return 0;
}

/* Misses on many other keys, one each. */
static void pass_time(struct oc_policy *p, int misses)
{
    static uint64_t other = 1 << 20;
    while (misses--)
        missed(p, other++, false);
}

static void admits_what_pays(void)
{
    struct oc_policy *p = fresh();
    CU_ASSERT_EQUAL(misses_needed(p, 42), 32);
    CU_ASSERT_TRUE(missed(p, 42, false));
    CU_ASSERT_TRUE(missed(p, 43, true));
}

static void interest_fades(void)
{
    struct oc_policy *p = fresh();
    for (int i = 0; i < 31; i++)
        CU_ASSERT_FALSE(missed(p, 42, false));
    pass_time(p, 5 * 4096);
    CU_ASSERT_TRUE(misses_needed(p, 42) > 12);
}

/* What a mapping costs grows with the section. */
static void price_of_a_section(void)
{
    struct oc_policy *p = oc_policy_new(SLOTS, 2 << 20);
    CU_ASSERT_EQUAL(misses_needed(p, 42), 256);
    CU_ASSERT_EQUAL(oc_admission_worth(4 << 10), 16);
    CU_ASSERT_EQUAL(oc_admission_worth(256 << 10), 32);
    CU_ASSERT_EQUAL(oc_admission_worth(1 << 20), 128);
    CU_ASSERT_EQUAL(oc_admission_worth(SIZE_MAX / 2 + 1), 256);
}

/* A pass in big steps: one miss stands for all of a section, and no miss is one of a burst. */
static void passes_stand_for_many(void)
{
    struct oc_policy *p = fresh();
    for (uint64_t key = 100; key < 1000; key++)
        CU_ASSERT_FALSE(oc_policy_missed(p, key, 15, false));
    CU_ASSERT_FALSE(oc_policy_missed(p, 1001, 15, false));
    CU_ASSERT_FALSE(oc_policy_missed(p, 1001, 15, false));
    CU_ASSERT_TRUE(oc_policy_missed(p, 1001, 15, false));
    CU_ASSERT_TRUE(oc_policy_missed(p, 1002, 62, false));
}

enum { SECTION = 256 << 10 };

static unsigned sum_of_weights(struct oc_run *run, uint64_t from, uint64_t to, size_t step)
{
    unsigned sum = 0;
    for (uint64_t off = from; off + step <= to; off += step)
        sum += oc_run_weight(run, off, step, SECTION);
    return sum;
}

static void steps_of_a_pass(void)
{
    struct oc_run run = {0};
    /* Each for itself at first. */
    CU_ASSERT_EQUAL(sum_of_weights(&run, 0, SECTION, 16384), 16);
    CU_ASSERT_EQUAL(sum_of_weights(&run, SECTION, 2 * SECTION - 16384, 16384), 15);
    oc_run_weight(&run, 2 * SECTION - 16384, 16384, SECTION);
    /* Then the first in a section for all. */
    CU_ASSERT_EQUAL(oc_run_weight(&run, 2 * SECTION, 16384, SECTION), 15);
    CU_ASSERT_EQUAL(sum_of_weights(&run, 2 * SECTION + 16384, 3 * SECTION, 16384), 0);
    /* Sections that were hits are passed over; and a step may lie in two. */
    CU_ASSERT_EQUAL(oc_run_weight(&run, 4 * SECTION - 100, 16384, SECTION), 15);
    CU_ASSERT_EQUAL(oc_run_weight(&run, 4 * SECTION - 100 + 16384, 16384, SECTION), 0);
    /* Elsewhere it begins anew; small steps and whole sections always stand for themselves. */
    CU_ASSERT_EQUAL(oc_run_weight(&run, 100 * SECTION + 16384, 16384, SECTION), 1);
    CU_ASSERT_EQUAL(oc_run_weight(&run, 1 * SECTION, 16384, SECTION), 1);
    CU_ASSERT_EQUAL(sum_of_weights(&run, 0, 4 * SECTION, SECTION), 4);
    CU_ASSERT_EQUAL(sum_of_weights(&run, 4 * SECTION, 8 * SECTION, 64), 4 * SECTION / 64);
}

/* A stream that touches each section a few times maps nothing. */
static void streams_are_not_admitted(void)
{
    struct oc_policy *p = fresh();
    unsigned admitted = 0;
    for (uint64_t key = 1; key <= 3000; key++)
        for (int i = 0; i < 3; i++)
            admitted += missed(p, key, false);
    CU_ASSERT_TRUE(admitted < 100);
}

static void refused_is_left_alone(void)
{
    struct oc_policy *p = fresh();
    oc_policy_refused(p, 42, false);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_FALSE(missed(p, 42, i & 1));
    pass_time(p, 10 * 4096);
    CU_ASSERT_TRUE(misses_needed(p, 42) > 0);
}

/* What was cold is read by the kernel meanwhile, and so becomes warm. */
static void cold_is_tried_again_soon(void)
{
    struct oc_policy *p = fresh();
    unsigned worth = oc_admission_worth(256 << 10), misses = 0;
    oc_policy_refused(p, 42, true);
    while (!missed(p, 42, false) && misses < 10000)
        misses++;
    CU_ASSERT_TRUE(misses >= 16 * worth && misses <= 17 * worth);
}

static void fill(struct oc_policy *p)
{
    for (size_t i = 0; i < SLOTS; i++)
        oc_policy_mapped(p, i, 100 + i);
}

static size_t evict(struct oc_policy *p)
{
    size_t slot = oc_policy_victim(p, used, pinned);
    if (slot != SIZE_MAX)
        oc_policy_unmapped(p, slot);
    return slot;
}

/* What always gets many misses in a row is soon admitted at the first. */
static void bursts_are_learned(void)
{
    struct oc_policy *p = fresh();
    size_t slot = 0;
    int early = 0;

    fill(p);
    for (uint64_t key = 1000; key < 3000; key++) {
        early += misses_needed(p, key) <= 2;
        slot = evict(p);
        oc_policy_mapped(p, slot, key);
    }
    CU_ASSERT_TRUE(early > 1500);
}

static uint64_t mapped[SLOTS];

static bool is_mapped(uint64_t key)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (mapped[i] == key)
            return true;
    return false;
}

static void replace(struct oc_policy *p, uint64_t key)
{
    size_t slot = evict(p);

    CU_ASSERT_NOT_EQUAL_FATAL(slot, SIZE_MAX);
    mapped[slot] = key;
    oc_policy_mapped(p, slot, key);
}

/* Who is missed again as soon as gone was gone too early: while that is the rule, a
 * newcomer has to be much better. */
static void regret_makes_stingy(void)
{
    struct oc_policy *p = fresh();
    int admitted = 0;

    fill(p);
    for (size_t i = 0; i < SLOTS; i++)
        mapped[i] = 100 + i;
    for (int i = 0; i < 2000; i++)
        for (uint64_t key = 100; key < 100 + 2 * SLOTS; key++)
            if (!is_mapped(key) && missed(p, key, false)) {
                replace(p, key);
                admitted++;
            }
    CU_ASSERT_TRUE(admitted < 2000 * SLOTS / 50);
}

/* And when newcomers are read in bursts again, and nobody who had to go is missed, they are let in.
 */
static void regret_passes(void)
{
    struct oc_policy *p = fresh();
    int late = 0;

    fill(p);
    for (size_t i = 0; i < SLOTS; i++)
        mapped[i] = 100 + i;
    for (int i = 0; i < 2000; i++)
        for (uint64_t key = 100; key < 100 + 2 * SLOTS; key++)
            if (!is_mapped(key) && missed(p, key, false))
                replace(p, key);
    for (uint64_t key = 1000; key < 5000; key++)
        for (int i = 0; i < 100 && !is_mapped(key); i++) {
            late += key >= 3000;
            if (missed(p, key, false))
                replace(p, key);
        }
    CU_ASSERT_TRUE(late < 4 * 2000);
}

/* Back soon after it was phased out, a section outlives newcomers. */
static void comes_back_to_stay(void)
{
    struct oc_policy *p = fresh();
    size_t slot;

    fill(p);
    slot = evict(p);
    oc_policy_mapped(p, slot, 100 + slot);
    for (uint64_t key = 200; key < 203; key++) {
        used_marks[slot] = true;
        size_t other = evict(p);
        CU_ASSERT_NOT_EQUAL_FATAL(other, slot);
        oc_policy_mapped(p, other, key);
    }
}

static void oldest_unused_goes(void)
{
    struct oc_policy *p = fresh();
    CU_ASSERT_EQUAL(evict(p), SIZE_MAX);
    fill(p);
    used_marks[0] = used_marks[2] = true;
    CU_ASSERT_EQUAL(evict(p), 1);
    CU_ASSERT_EQUAL(evict(p), 3);
    /* Round again: the marks were taken in passing. */
    CU_ASSERT_EQUAL(evict(p), 0);
    CU_ASSERT_EQUAL(evict(p), 2);
    CU_ASSERT_EQUAL(evict(p), SIZE_MAX);
}

static void all_used_still_gives_one(void)
{
    struct oc_policy *p = fresh();
    fill(p);
    for (size_t i = 0; i < SLOTS; i++)
        used_marks[i] = true;
    CU_ASSERT_EQUAL(evict(p), 0);
}

/* One slot that is in constant use outlives any number of newcomers. */
static void scan_pushes_out_nobody_hot(void)
{
    struct oc_policy *p = fresh();
    fill(p);
    for (uint64_t key = 200; key < 300; key++) {
        used_marks[2] = true;
        size_t slot = evict(p);
        CU_ASSERT_NOT_EQUAL_FATAL(slot, 2);
        CU_ASSERT_NOT_EQUAL_FATAL(slot, SIZE_MAX);
        oc_policy_mapped(p, slot, key);
    }
}

static void pinned_stay(void)
{
    struct oc_policy *p = fresh();
    fill(p);
    pinned_marks[0] = pinned_marks[1] = pinned_marks[3] = true;
    CU_ASSERT_EQUAL(evict(p), 2);
    CU_ASSERT_EQUAL(evict(p), SIZE_MAX);
    oc_policy_mapped(p, 2, 200);
    used_marks[2] = true;
    CU_ASSERT_EQUAL(evict(p), 2);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"so many misses admit as a mapping costs, the first where it is wanted", admits_what_pays},
        {"the price grows with the section", price_of_a_section},
        {"a miss of a pass stands for several", passes_stand_for_many},
        {"the steps of a pass are told from others", steps_of_a_pass},
        {"old misses count less and less", interest_fades},
        {"a stream is not admitted", streams_are_not_admitted},
        {"bursts are learned: then the first miss admits", bursts_are_learned},
        {"regret makes stingy", regret_makes_stingy},
        {"and passes when newcomers are worth it", regret_passes},
        {"what comes back soon stays", comes_back_to_stay},
        {"what could not be mapped is left alone, for a while", refused_is_left_alone},
        {"what was cold is tried again soon", cold_is_tried_again_soon},
        {"the oldest that was not used goes", oldest_unused_goes},
        {"one goes even if all were used", all_used_still_gives_one},
        {"a scan does not push out what is used", scan_pushes_out_nobody_hot},
        {"pinned slots stay", pinned_stay},
        {NULL, NULL},
    };
    return oc_tap_suite("policy", tests);
}
