/*
 * Two policies that know the future, to measure the others by.
 *
 * "min": L. A. Belady, "A study of replacement algorithms for a virtual-storage
 * computer", IBM Systems Journal 1966, with bypass: of the mapped sections and the one
 * missed, the one that is needed last stays out.  No policy has fewer misses, but
 * it maps without counting the cost.
 *
 * "min+cost" looks for the least time: it maps a section, in place of the
 * resident that is read least meanwhile, when the reads gained within some horizon
 * pay for mapping it so many times over (the setup's reluctance: what was evicted may
 * have to be mapped again).  A good heuristic, no proven bound; the table shows the
 * best of several.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct oracle {
    const struct sim_setup *setup;
    size_t slots, used;
    uint32_t *slot_key, *slot_of;
    uint32_t *next;    /* of a slot: its next read */
    uint32_t *first;   /* of a key: its part of at[]; keys + 1 of them */
    uint32_t *seen;    /* of a key: how many reads so far */
    uint32_t *at;      /* reads by number, grouped by key, SIM_NONE after each group */
    uint8_t *patience; /* of a key: misses to wait until it is looked at again */
    size_t price;      /* of a mapping, in reads */
    size_t reluctance; /* reads that must be gained by evicting somebody for it */
};

static void index_reads(struct oracle *o, const struct sim_view *v)
{
    uint32_t *fill = sim_alloc(v->keys + 1, sizeof *fill);
    size_t total;

    for (size_t i = 0; i < v->trace->n; i++)
        for (uint32_t k = v->key[i]; k <= v->last[i]; k++)
            o->first[k + 1]++;
    for (uint32_t k = 0; k < v->keys; k++)
        o->first[k + 1] += o->first[k] + 1;
    total = o->first[v->keys];
    o->at = sim_alloc(total + 1, sizeof *o->at);
    memset(o->at, 0xff, (total + 1) * sizeof *o->at);
    for (size_t i = 0; i < v->trace->n; i++)
        for (uint32_t k = v->key[i]; k <= v->last[i]; k++)
            o->at[o->first[k] + fill[k]++] = (uint32_t)i;
    free(fill);
}

static void *create(const struct sim_setup *setup)
{
    struct oracle *o = sim_alloc(1, sizeof *o);
    uint32_t keys = setup->view->keys;

    o->setup = setup;
    o->slots = setup->slots;
    o->slot_key = sim_alloc(o->slots, sizeof(uint32_t));
    o->next = sim_alloc(o->slots, sizeof(uint32_t));
    o->slot_of = sim_alloc(keys, sizeof(uint32_t));
    o->first = sim_alloc(keys + 1, sizeof(uint32_t));
    o->seen = sim_alloc(keys, sizeof(uint32_t));
    o->patience = sim_alloc(keys, 1);
    o->price = sim_threshold(setup->cost, setup->view->section);
    o->reluctance = o->price * (setup->reluctance ? setup->reluctance : 1);
    index_reads(o, setup->view);
    return o;
}

static void hit(void *state, uint32_t key, size_t at)
{
    struct oracle *o = state;

    (void)at;
    o->seen[key]++;
    o->next[o->slot_of[key]] = o->at[o->first[key] + o->seen[key]];
}

static void place(struct oracle *o, uint32_t key, size_t slot, uint32_t *evicted)
{
    *evicted = SIM_NONE;
    if (slot == o->used)
        o->used++;
    else
        *evicted = o->slot_key[slot];
    o->slot_key[slot] = key;
    o->slot_of[key] = (uint32_t)slot;
    o->next[slot] = o->at[o->first[key] + o->seen[key]];
}

static bool min_miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct oracle *o = state;
    uint32_t next = o->at[o->first[key] + ++o->seen[key]];
    size_t worst = o->used;

    (void)at;
    if (next == SIM_NONE)
        return false;
    if (o->used == o->slots) {
        worst = 0;
        for (size_t s = 1; s < o->slots; s++)
            if (o->next[s] > o->next[worst])
                worst = s;
        if (o->next[worst] <= next)
            return false;
    }
    place(o, key, worst, evicted);
    return true;
}

/* How many reads KEY still gets. */
static size_t left(const struct oracle *o, uint32_t key)
{
    return o->first[key + 1] - o->first[key] - 1 - o->seen[key];
}

/* Reads of KEY up to read number UNTIL, counted no further than MOST. */
static size_t uses(const struct oracle *o, uint32_t key, uint32_t until, size_t most)
{
    const uint32_t *at = o->at + o->first[key] + o->seen[key];
    size_t lo = 0, hi = left(o, key);

    if (hi > most)
        hi = most;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (at[mid] <= until)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Who is read least until KEY was read AHEAD times, if that pays; slots: nobody. */
static size_t loser(const struct oracle *o, uint32_t key, size_t ahead)
{
    size_t n = left(o, key) < ahead ? left(o, key) : ahead, worst = o->slots, least;
    uint32_t until;

    if (n <= o->reluctance)
        return o->slots;
    until = o->at[o->first[key] + o->seen[key] + n - 1];
    least = n - o->reluctance;
    for (size_t s = 0; s < o->slots; s++) {
        size_t u;

        if (o->next[s] <= until && least == 1)
            continue;
        u = uses(o, o->slot_key[s], until, least);
        if (u < least) {
            least = u;
            worst = s;
            if (!u)
                break;
        }
    }
    return worst;
}

static bool cheapest_miss(void *state, uint32_t key, size_t at, uint32_t *evicted)
{
    struct oracle *o = state;
    size_t slot = o->used;

    (void)at;
    o->seen[key]++;
    if (left(o, key) <= o->price)
        return false;
    if (o->used == o->slots) {
        if (o->patience[key]) {
            o->patience[key]--;
            return false;
        }
        slot = o->slots;
        for (size_t ahead = 2; ahead <= 32 && slot == o->slots; ahead *= 4)
            slot = loser(o, key, ahead * o->reluctance);
        if (slot == o->slots) {
            o->patience[key] = 3;
            return false;
        }
    }
    place(o, key, slot, evicted);
    return true;
}

static void destroy(void *state)
{
    struct oracle *o = state;

    free(o->slot_key);
    free(o->slot_of);
    free(o->next);
    free(o->first);
    free(o->seen);
    free(o->at);
    free(o->patience);
    free(o);
}

const struct sim_policy sim_min = {"min", false, true, create, hit, min_miss, destroy};
const struct sim_policy sim_cheapest = {"min+cost", false,         true,   create,
                                        hit,        cheapest_miss, destroy};
