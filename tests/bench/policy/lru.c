/* Least recently used. */
#include <stdlib.h>

#include "list.h"

struct lru {
    struct sim_list list;
    size_t slots;
};

static void *create(const struct sim_setup *setup)
{
    struct lru *p = sim_alloc(1, sizeof *p);

    p->slots = setup->slots;
    p->list = sim_list(sim_alloc(setup->view->keys, sizeof(struct sim_link)), 1);
    return p;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct lru *p = state;

    (void)at;
    sim_list_remove(&p->list, key);
    sim_list_push(&p->list, key);
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct lru *p = state;

    (void)at;
    *evicted = p->list.n == p->slots ? sim_list_pop(&p->list) : SIM_NONE;
    sim_list_push(&p->list, key);
    return true;
}

static void destroy(void *state)
{
    struct lru *p = state;

    free(p->list.links);
    free(p);
}

const struct sim_policy sim_lru = {"lru", true, false, create, hit, miss, destroy};
