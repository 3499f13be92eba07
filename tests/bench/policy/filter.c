/*
 * The admission filter that any policy may be given: a section is worth mapping
 * when so many reads of it missed lately as pay for the mapping; a section that was
 * evicted lately needs a quarter.  Counts halve with every PERIOD misses.  Exact, a
 * counter a key: the simulator can afford it.
 */
#include <stdlib.h>

#include "sim.h"

struct count {
    uint32_t period;  /* when last looked at */
    uint32_t misses;  /* in 1/256 */
    uint32_t evicted; /* period of the last eviction + 1, 0 never */
};

struct sim_filter {
    struct count *count;
    size_t clock, period;
    unsigned threshold;
};

struct sim_filter *sim_filter_new(uint32_t keys, size_t slots, unsigned threshold)
{
    struct sim_filter *f = sim_alloc(1, sizeof *f);

    f->count = sim_alloc(keys, sizeof *f->count);
    f->threshold = threshold;
    f->period = 8 * slots * threshold;
    return f;
}

void sim_filter_free(struct sim_filter *f)
{
    if (f)
        free(f->count);
    free(f);
}

bool sim_filter_missed(struct sim_filter *f, uint32_t key)
{
    struct count *c = &f->count[key];
    uint32_t now = (uint32_t)(f->clock++ / f->period);
    unsigned need = f->threshold * 256;

    c->misses = now - c->period < 32 ? c->misses >> (now - c->period) : 0;
    c->period = now;
    c->misses += 256;
    if (c->evicted && now + 1 - c->evicted < 2)
        need /= 4;
    if (c->misses < need)
        return false;
    c->misses = 0;
    return true;
}

void sim_filter_evicted(struct sim_filter *f, uint32_t key)
{
    f->count[key].evicted = (uint32_t)(f->clock / f->period) + 1;
}

unsigned sim_threshold(const struct sim_cost *cost, size_t section)
{
    double windows = (double)(section / SIM_WINDOW);
    double map = cost->map + cost->fault + cost->window * (windows > 1 ? windows - 1 : 0);
    double n = map / (cost->kernel - cost->copy);

    return n < 1 ? 1 : (unsigned)n;
}
