/*
 * The policy that is shipped: src/section/policy.c itself, told what the pool would
 * tell it: misses, what was mapped where, and one bit a slot when it asks.  A hit
 * only sets that bit, as in the library.
 */
#include <stdlib.h>
#include <string.h>

#include "section/policy.h"
#include "section/run.h"
#include "sim.h"

static struct {
    struct oc_policy *policy;
    size_t slots, used;
    const struct sim_view *view;
    struct oc_run run[64]; /* of each file */
    uint32_t *slot_key, *slot_of;
    bool *bit;
} pool;

static size_t asked; /* the read that was asked about last */

static bool take_used(size_t slot)
{
    bool was = pool.bit[slot];

    pool.bit[slot] = false;
    return was;
}

static bool is_pinned(size_t slot)
{
    (void)slot;
    return false;
}

static void *create(const struct sim_setup *setup)
{
    pool.slots = setup->slots;
    pool.view = setup->view;
    memset(pool.run, 0, sizeof pool.run);
    asked = SIZE_MAX;
    pool.used = 0;
    pool.policy = oc_policy_new(pool.slots, setup->view->section);
    pool.slot_key = sim_alloc(pool.slots, sizeof *pool.slot_key);
    pool.slot_of = sim_alloc(setup->view->keys, sizeof *pool.slot_of);
    pool.bit = sim_alloc(pool.slots, sizeof *pool.bit);
    return &pool;
}

static void hit(void *state, uint32_t key, size_t at)
{
    (void)state;
    (void)at;
    pool.bit[pool.slot_of[key]] = true;
}

/* The library's keys: a file's number above, a section's index below. */
static uint64_t library_key(uint32_t key)
{
    return (uint64_t)3 << 32 | key;
}

/* One that spans sections is asked about once. */
static uint32_t weight(size_t at)
{
    const struct sim_read *read = &pool.view->trace->reads[at];
    static uint32_t answer;

    if (at != asked)
        answer = oc_run_weight(&pool.run[read->file], read->off, read->len, pool.view->section);
    asked = at;
    return answer;
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    size_t slot = pool.used;
    uint32_t misses = weight(at);

    (void)state;
    *evicted = SIM_NONE;
    if (misses == 0 || (misses == 1 && oc_policy_overlooks(pool.policy)) ||
        !oc_policy_missed(pool.policy, library_key(key), misses, false))
        return false;
    if (pool.used < pool.slots) {
        pool.used++;
    } else {
        slot = oc_policy_victim(pool.policy, take_used, is_pinned);
        if (slot >= pool.slots)
            return false;
        *evicted = pool.slot_key[slot];
        oc_policy_unmapped(pool.policy, slot);
    }
    pool.slot_key[slot] = key;
    pool.slot_of[key] = (uint32_t)slot;
    pool.bit[slot] = false;
    oc_policy_mapped(pool.policy, slot, library_key(key));
    return true;
}

static void destroy(void *state)
{
    (void)state;
    free(pool.slot_key);
    free(pool.slot_of);
    free(pool.bit);
}

const struct sim_policy sim_shipped = {"shipped", false, false, create, hit, miss, destroy};
