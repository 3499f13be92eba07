/* CLOCK (second chance): a ring, one bit each; the hand clears bits until it finds none. */
#include <stdlib.h>

#include "sim.h"

struct clock {
    size_t slots, used, hand;
    uint32_t *key;  /* of a slot */
    uint32_t *slot; /* of a key */
    bool *bit;      /* of a slot */
};

static void *create(const struct sim_setup *setup)
{
    struct clock *p = sim_alloc(1, sizeof *p);

    p->slots = setup->slots;
    p->key = sim_alloc(p->slots, sizeof *p->key);
    p->bit = sim_alloc(p->slots, sizeof *p->bit);
    p->slot = sim_alloc(setup->view->keys, sizeof *p->slot);
    return p;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct clock *p = state;

    (void)at;
    p->bit[p->slot[key]] = true;
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct clock *p = state;
    size_t slot = p->used;

    (void)at;
    *evicted = SIM_NONE;
    if (p->used < p->slots) {
        p->used++;
    } else {
        for (; p->bit[p->hand]; p->hand = (p->hand + 1) % p->slots)
            p->bit[p->hand] = false;
        slot = p->hand;
        p->hand = (p->hand + 1) % p->slots;
        *evicted = p->key[slot];
    }
    p->key[slot] = key;
    p->slot[key] = (uint32_t)slot;
    p->bit[slot] = false;
    return true;
}

static void destroy(void *state)
{
    struct clock *p = state;

    free(p->key);
    free(p->bit);
    free(p->slot);
    free(p);
}

const struct sim_policy sim_clock = {"clock", true, false, create, hit, miss, destroy};
