/*
 * SIEVE: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU", NSDI 2024.
 * A queue in order of arrival that is never reordered; the hand walks from the
 * oldest to the newest, clears bits and evicts the first that has none, so that
 * newcomers are judged soon and old favourites stay.
 */
#include <stdlib.h>

#include "list.h"

struct sieve {
    struct sim_list list; /* freq: the visited bit */
    uint32_t hand;
    size_t slots;
};

static void *create(const struct sim_setup *setup)
{
    struct sieve *p = sim_alloc(1, sizeof *p);

    p->slots = setup->slots;
    p->hand = SIM_NONE;
    p->list = sim_list(sim_alloc(setup->view->keys, sizeof(struct sim_link)), 1);
    return p;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct sieve *p = state;

    (void)at;
    p->list.links[key].freq = 1;
}

static uint32_t evict(struct sieve *p)
{
    struct sim_link *links = p->list.links;
    uint32_t at = p->hand == SIM_NONE ? p->list.tail : p->hand;

    while (links[at].freq) {
        links[at].freq = 0;
        at = links[at].newer == SIM_NONE ? p->list.tail : links[at].newer;
    }
    p->hand = links[at].newer;
    sim_list_remove(&p->list, at);
    return at;
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct sieve *p = state;

    (void)at;
    *evicted = p->list.n == p->slots ? evict(p) : SIM_NONE;
    sim_list_push(&p->list, key);
    p->list.links[key].freq = 0;
    return true;
}

static void destroy(void *state)
{
    struct sieve *p = state;

    free(p->list.links);
    free(p);
}

const struct sim_policy sim_sieve = {"sieve", true, false, create, hit, miss, destroy};
