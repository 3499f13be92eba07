/*
 * ARC: Megiddo & Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003.
 * t1: seen once lately, t2: more often; b1, b2: keys lately evicted from each.  A
 * comeback from b1 says that t1 (p slots) should have been larger, from b2 smaller.
 */
#include <stdlib.h>

#include "list.h"

enum { T1 = 1, T2, B1, B2 };

struct arc {
    struct sim_list t1, t2, b1, b2;
    size_t slots, p;
};

static void *create(const struct sim_setup *setup)
{
    struct arc *a = sim_alloc(1, sizeof *a);
    struct sim_link *links = sim_alloc(setup->view->keys, sizeof *links);

    a->slots = setup->slots;
    a->t1 = sim_list(links, T1);
    a->t2 = sim_list(links, T2);
    a->b1 = sim_list(links, B1);
    a->b2 = sim_list(links, B2);
    return a;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct arc *a = state;

    (void)at;
    sim_list_remove(a->t1.links[key].where == T1 ? &a->t1 : &a->t2, key);
    sim_list_push(&a->t2, key);
}

/* The paper's REPLACE. */
static uint32_t replace(struct arc *a, bool from_b2)
{
    bool t1 = a->t1.n && (a->t1.n > a->p || (from_b2 && a->t1.n == a->p));
    uint32_t key;

    if (!t1 && !a->t2.n)
        t1 = true;
    key = sim_list_pop(t1 ? &a->t1 : &a->t2);
    sim_list_push(t1 ? &a->b1 : &a->b2, key);
    return key;
}

static void adapt(struct arc *a, bool from_b2)
{
    size_t step;

    if (from_b2) {
        step = a->b1.n > a->b2.n ? a->b1.n / a->b2.n : 1;
        a->p = a->p > step ? a->p - step : 0;
    } else {
        step = a->b2.n > a->b1.n ? a->b2.n / a->b1.n : 1;
        a->p = a->p + step < a->slots ? a->p + step : a->slots;
    }
}

/* Case IV: a key of which nothing is known. */
static uint32_t make_room(struct arc *a)
{
    size_t l1 = a->t1.n + a->b1.n, all = l1 + a->t2.n + a->b2.n;

    if (l1 == a->slots) {
        if (a->t1.n == a->slots)
            return sim_list_pop(&a->t1);
        sim_list_pop(&a->b1);
        return replace(a, false);
    }
    if (all < a->slots)
        return SIM_NONE;
    if (all == 2 * a->slots)
        sim_list_pop(&a->b2);
    return replace(a, false);
}

static bool miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct arc *a = state;
    uint8_t where = a->t1.links[key].where;

    (void)at;
    if (!where) {
        *evicted = make_room(a);
        sim_list_push(&a->t1, key);
        return true;
    }
    adapt(a, where == B2);
    *evicted = a->t1.n + a->t2.n == a->slots ? replace(a, where == B2) : SIM_NONE;
    sim_list_remove(where == B1 ? &a->b1 : &a->b2, key);
    sim_list_push(&a->t2, key);
    return true;
}

static void destroy(void *state)
{
    struct arc *a = state;

    free(a->t1.links);
    free(a);
}

const struct sim_policy sim_arc = {"arc", true, false, create, hit, miss, destroy};
