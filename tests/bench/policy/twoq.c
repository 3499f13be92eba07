/*
 * 2Q, the full version: Johnson & Shasha, "2Q: A Low Overhead High Performance Buffer
 * Management Replacement Algorithm", VLDB 1994.  Newcomers go through a FIFO (a1in, a
 * quarter of the pool); who comes back after leaving it (a1out, keys of half a pool)
 * enters an LRU (am).
 */
#include <stdlib.h>

#include "list.h"

enum { A1IN = 1, A1OUT, AM };

struct twoq {
    struct sim_list in, out, am;
    size_t slots, in_max, out_max;
};

static void *create(const struct sim_setup *setup)
{
    struct twoq *p = sim_alloc(1, sizeof *p);
    struct sim_link *links = sim_alloc(setup->view->keys, sizeof *links);

    p->slots = setup->slots;
    p->in_max = setup->slots / 4 ? setup->slots / 4 : 1;
    p->out_max = setup->slots / 2 ? setup->slots / 2 : 1;
    p->in = sim_list(links, A1IN);
    p->out = sim_list(links, A1OUT);
    p->am = sim_list(links, AM);
    return p;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct twoq *p = state;

    (void)at;
    if (p->am.links[key].where == AM) {
        sim_list_remove(&p->am, key);
        sim_list_push(&p->am, key);
    }
}

static uint32_t reclaim(struct twoq *p)
{
    uint32_t key;

    if (p->in.n + p->am.n < p->slots)
        return SIM_NONE;
    if (p->in.n <= p->in_max && p->am.n)
        return sim_list_pop(&p->am);
    key = sim_list_pop(&p->in);
    if (p->out.n == p->out_max)
        sim_list_pop(&p->out);
    sim_list_push(&p->out, key);
    return key;
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct twoq *p = state;
    bool back = p->am.links[key].where == A1OUT;

    (void)at;
    if (back)
        sim_list_remove(&p->out, key);
    *evicted = reclaim(p);
    sim_list_push(back ? &p->am : &p->in, key);
    return true;
}

static void destroy(void *state)
{
    struct twoq *p = state;

    free(p->in.links);
    free(p);
}

const struct sim_policy sim_twoq = {"2q", true, false, create, hit, miss, destroy};
