/*
 * Is the simulator right?  On short random traces every policy misses as often as
 * its naive counterpart, nobody misses less than Belady's, and Belady's are
 * the least that trying everything finds.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "naive.h"
#include "random.h"
#include "sim.h"

enum { SECTION = 4096, LENGTH = 600, ROUNDS = 60, FEW = 10 };

static int test, failed;

static void report(bool ok, const char *text, const char *name)
{
    printf("%sok %d - %s%s\n", ok ? "" : "not ", ++test, name, text);
    failed += !ok;
}

/* Skewed, looping and shifting by turns, keys below LIMIT. */
static void make_keys(unsigned char *keys, size_t n, unsigned limit, uint64_t seed)
{
    struct sim_random r = {seed};
    unsigned at = 0, mode = 0;

    for (size_t i = 0; i < n; i++) {
        if (i % 100 == 0)
            mode = (unsigned)sim_below(&r, 3);
        if (mode == 0)
            at = (unsigned)(sim_below(&r, limit) * sim_below(&r, limit) / limit);
        else if (mode == 1)
            at = (at + 1) % limit;
        else
            at = ((unsigned)(i / 20) + (unsigned)sim_below(&r, limit / 3 + 1)) % limit;
        keys[i] = (unsigned char)at;
    }
}

static void play(const struct sim_policy *policy, const unsigned char *keys, size_t n, size_t slots,
                 const struct sim_cost *cost, struct sim_result *result)
{
    struct sim_trace t = {.name = "keys"};
    struct sim_view v;
    struct sim_setup setup = {.view = &v, .cost = cost, .slots = slots};

    for (size_t i = 0; i < n; i++)
        sim_trace_add(&t, 0, (uint64_t)keys[i] * SECTION, 1);
    sim_view_make(&v, &t, SECTION);
    sim_run(policy, &setup, result);
    sim_view_free(&v);
    sim_trace_free(&t);
}

static size_t misses(const struct sim_policy *policy, const unsigned char *keys, size_t n,
                     size_t slots)
{
    struct sim_result r;

    play(policy, keys, n, slots, &sim_cost_default, &r);
    return r.misses;
}

static void as_naive(const struct sim_policy *policy)
{
    unsigned char keys[LENGTH];
    bool ok = true;

    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        size_t slots = seed % 24 + 1, mine, theirs;

        make_keys(keys, LENGTH, 3 + seed % 50, seed);
        mine = misses(policy, keys, LENGTH, slots);
        theirs = naive_misses(policy->name, keys, LENGTH, slots);
        if (mine != theirs)
            printf("# seed %d, %zu slots: %zu misses, naively %zu\n", (int)seed, slots, mine,
                   theirs);
        ok &= mine == theirs;
    }
    report(ok, " misses as often as its naive counterpart", policy->name);
}

static void not_below_min(const struct sim_policy *policy)
{
    unsigned char keys[LENGTH];
    bool ok = true;

    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        size_t slots = seed % 24 + 1;

        make_keys(keys, LENGTH, 3 + seed % 50, seed);
        ok &= misses(policy, keys, LENGTH, slots) >= misses(&sim_min, keys, LENGTH, slots);
    }
    report(ok, " never misses less than min", policy->name);
}

static void min_is_least(void)
{
    unsigned char keys[LENGTH];
    bool ok = true;

    for (uint64_t seed = 1; seed <= 12; seed++) {
        size_t slots = seed % 6 + 1;

        make_keys(keys, 200, FEW, seed);
        ok &= misses(&sim_min, keys, 200, slots) == naive_least_misses(keys, 200, slots);
    }
    report(ok, " misses as little as possible", "min");
}

/* Nobody is faster than the best of all choices, where a miss is 1 and a mapping 8. */
static void not_faster_than_possible(const struct sim_policy *policy)
{
    static const struct sim_cost cost = {.kernel = 1, .map = 8};
    unsigned char keys[LENGTH];
    bool ok = true;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        size_t slots = seed % 6 + 1;
        struct sim_result r;

        make_keys(keys, 300, FEW, seed);
        play(policy, keys, 300, slots, &cost, &r);
        ok &= r.ns >= (double)naive_least_time(keys, 300, slots, 8);
        ok &= r.ns == (double)(r.misses + 8 * r.maps);
    }
    report(ok, " is not faster than possible", policy->name);
}

int main(void)
{
    int policies = 0, plain = 0;

    for (const struct sim_policy *const *p = sim_policies; *p; p++, policies++)
        plain += (*p)->filtered;
    alarm(120);
    printf("1..%d\n", plain + 2 * policies + 1);
    for (const struct sim_policy *const *p = sim_policies; *p; p++) {
        if ((*p)->filtered)
            as_naive(*p);
        not_below_min(*p);
        not_faster_than_possible(*p);
    }
    min_is_least();
    return failed != 0;
}
