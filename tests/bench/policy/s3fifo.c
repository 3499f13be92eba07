/*
 * S3-FIFO: Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache
 * eviction", SOSP 2023.  A small FIFO (a tenth) for newcomers, a main FIFO with up to
 * three second chances, and a ghost FIFO of keys, as many as main holds, whose
 * comebacks enter main at once.
 */
#include <stdlib.h>

#include "list.h"

enum { SMALL = 1, MAIN, GHOST };

struct s3 {
    struct sim_list small, main, ghost;
    size_t slots, small_max, ghost_max;
};

static void *create(const struct sim_setup *setup)
{
    struct s3 *p = sim_alloc(1, sizeof *p);
    struct sim_link *links = sim_alloc(setup->view->keys, sizeof *links);

    p->slots = setup->slots;
    p->small_max = setup->slots / 10 ? setup->slots / 10 : 1;
    p->ghost_max = setup->slots - p->small_max ? setup->slots - p->small_max : 1;
    p->small = sim_list(links, SMALL);
    p->main = sim_list(links, MAIN);
    p->ghost = sim_list(links, GHOST);
    return p;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct s3 *p = state;

    (void)at;
    if (p->main.links[key].freq < 3)
        p->main.links[key].freq++;
}

static uint32_t evict_main(struct s3 *p)
{
    for (;;) {
        uint32_t key = sim_list_pop(&p->main);

        if (!p->main.links[key].freq)
            return key;
        p->main.links[key].freq--;
        sim_list_push(&p->main, key);
    }
}

/* SIM_NONE: all moved to main. */
static uint32_t evict_small(struct s3 *p)
{
    while (p->small.n) {
        uint32_t key = sim_list_pop(&p->small);

        if (p->small.links[key].freq > 1) {
            p->small.links[key].freq = 0;
            sim_list_push(&p->main, key);
            continue;
        }
        if (p->ghost.n == p->ghost_max)
            sim_list_pop(&p->ghost);
        sim_list_push(&p->ghost, key);
        return key;
    }
    return SIM_NONE;
}

static uint32_t evict(struct s3 *p)
{
    uint32_t key = SIM_NONE;

    if (p->small.n + p->main.n < p->slots)
        return SIM_NONE;
    if (p->small.n >= p->small_max)
        key = evict_small(p);
    return key != SIM_NONE ? key : p->main.n ? evict_main(p) : evict_small(p);
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct s3 *p = state;
    bool back = p->main.links[key].where == GHOST;

    (void)at;
    if (back)
        sim_list_remove(&p->ghost, key);
    *evicted = evict(p);
    p->main.links[key].freq = 0;
    sim_list_push(back ? &p->main : &p->small, key);
    return true;
}

static void destroy(void *state)
{
    struct s3 *p = state;

    free(p->small.links);
    free(p);
}

const struct sim_policy sim_s3fifo = {"s3-fifo", true, false, create, hit, miss, destroy};
