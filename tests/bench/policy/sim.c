/* Play a trace against a policy; add up misses and time. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

/* On a quiet machine, between ext4 and tmpfs: mapcost.c. */
const struct sim_cost sim_cost_default = {
    .kernel = 330,
    .kernel_byte = 0.0375,
    .copy = 20,
    .copy_byte = 0.034,
    .map = 3500,
    .fault = 3300,
    .window = 1300,
};

const struct sim_policy *const sim_policies[] = {
    &sim_lru,    &sim_clock, &sim_twoq,     &sim_arc,     &sim_sieve,
    &sim_s3fifo, &sim_min,   &sim_cheapest, &sim_shipped, NULL,
};

void *sim_alloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);

    if (!p) {
        perror("policy");
        exit(2);
    }
    return p;
}

void sim_view_make(struct sim_view *v, const struct sim_trace *t, size_t section)
{
    uint64_t end[64] = {0}, base[65] = {0};

    for (size_t i = 0; i < t->n; i++)
        if (t->reads[i].off + t->reads[i].len > end[t->reads[i].file])
            end[t->reads[i].file] = t->reads[i].off + t->reads[i].len;
    for (int f = 0; f < 64; f++)
        base[f + 1] = base[f] + (end[f] ? (end[f] - 1) / section + 2 : 0);
    v->trace = t;
    v->section = section;
    v->keys = (uint32_t)base[64] + 1;
    v->key = sim_alloc(t->n, sizeof *v->key);
    v->last = sim_alloc(t->n, sizeof *v->last);
    for (size_t i = 0; i < t->n; i++) {
        const struct sim_read *r = &t->reads[i];

        v->key[i] = (uint32_t)(base[r->file] + r->off / section);
        v->last[i] = (uint32_t)(base[r->file] + (r->off + r->len - 1) / section);
    }
}

void sim_view_free(struct sim_view *v)
{
    free(v->key);
    free(v->last);
}

struct run {
    const struct sim_policy *policy;
    const struct sim_setup *setup;
    void *state;
    struct sim_filter *filter;
    uint64_t *mapped; /* a key: bit 63 mapped, others its windows that were read */
    struct sim_result *result;
};

static const uint64_t MAPPED = 1ULL << 63;

/* The faults that reading LEN bytes at OFF of a mapped section takes. */
static double touch(struct run *r, uint32_t key, uint64_t off, uint32_t len)
{
    size_t section = r->setup->view->section;
    uint64_t from = off % section / SIM_WINDOW;
    uint64_t to = (off % section + len - 1) / SIM_WINDOW;
    double ns = 0;

    for (uint64_t w = from; w <= to && w * SIM_WINDOW < section; w++) {
        if (r->mapped[key] >> w & 1)
            continue;
        ns += r->mapped[key] == MAPPED ? r->setup->cost->fault : r->setup->cost->window;
        r->mapped[key] |= 1ULL << w;
    }
    return ns;
}

static void missed(struct run *r, uint32_t key, size_t at)
{
    uint32_t evicted;

    if (r->filter && !sim_filter_missed(r->filter, key))
        return;
    if (!r->policy->miss(r->state, key, at, &evicted))
        return;
    if (evicted != SIM_NONE) {
        r->mapped[evicted] = 0;
        if (r->filter)
            sim_filter_evicted(r->filter, evicted);
    }
    r->mapped[key] = MAPPED;
    r->result->maps++;
    r->result->ns += r->setup->cost->map;
}

static void play(struct run *r, size_t i)
{
    const struct sim_view *v = r->setup->view;
    const struct sim_cost *cost = r->setup->cost;
    const struct sim_read *read = &v->trace->reads[i];
    bool hit = true;

    for (uint32_t k = v->key[i]; k <= v->last[i]; k++)
        hit &= r->mapped[k] != 0;
    for (uint32_t k = v->key[i]; k <= v->last[i]; k++)
        if (r->mapped[k])
            r->policy->hit(r->state, k, i);
    if (hit) {
        r->result->ns += cost->copy + cost->copy_byte * read->len;
        r->result->ns += touch(r, v->key[i], read->off, read->len);
        return;
    }
    r->result->ns += cost->kernel + cost->kernel_byte * read->len;
    r->result->misses++;
    r->result->steady_misses += i >= v->trace->steady;
    for (uint32_t k = v->key[i]; k <= v->last[i]; k++)
        if (!r->mapped[k])
            missed(r, k, i);
}

void sim_run(const struct sim_policy *policy, const struct sim_setup *setup,
             struct sim_result *result)
{
    struct run r = {.policy = policy, .setup = setup, .result = result};
    const struct sim_view *v = setup->view;

    *result = (struct sim_result){.reads = v->trace->n};
    result->steady_reads = v->trace->n - v->trace->steady;
    r.state = policy->create(setup);
    r.mapped = sim_alloc(v->keys, sizeof *r.mapped);
    if (setup->filter)
        r.filter = sim_filter_new(v->keys, setup->slots, sim_threshold(setup->cost, v->section));
    for (size_t i = 0; i < v->trace->n; i++)
        play(&r, i);
    policy->destroy(r.state);
    sim_filter_free(r.filter);
    free(r.mapped);
}
