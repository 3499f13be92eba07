/*
 * The policy that is shipped: src/section/policy.c itself, told what the pool would
 * tell it: misses, what was mapped where, and one bit a slot when it asks.  A hit
 * only sets that bit, as in the library.
 */
#include <stdlib.h>

#include "section/policy.h"
#include "sim.h"

static struct {
    struct oc_policy *policy;
    size_t slots, used;
    uint32_t *slot_key, *slot_of;
    bool *bit;
} pool;

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

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    size_t slot = pool.used;

    (void)state;
    (void)at;
    *evicted = SIM_NONE;
    if (oc_policy_overlooks(pool.policy) || !oc_policy_missed(pool.policy, library_key(key), false))
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
