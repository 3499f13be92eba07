#include "api/phase.h"

static size_t ghost_of(uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) % OC_PHASE_GHOSTS;
}

/* Did KEY go within the last COUNT departures, as many as there are parts? */
static bool went_lately(struct oc_phase *p, uint64_t key)
{
    size_t i = ghost_of(key);
    return p->ghosts[i].departure && p->ghosts[i].key == key &&
           p->departures - p->ghosts[i].departure <= p->count;
}

bool oc_phase_enter(struct oc_phase *p, struct oc_phase_entry *e, uint64_t key)
{
    bool back = went_lately(p, key);
    e->newer = NULL;
    e->older = p->newest;
    e->key = key;
    e->born = p->arrivals++;
    e->used = back;
    if (p->newest)
        p->newest->newer = e;
    else
        p->oldest = e;
    p->newest = e;
    p->count++;
    return back;
}

void oc_phase_hit(struct oc_phase *p, struct oc_phase_entry *e)
{
    /* A few scans may go on side by side; a small pool can't wait for many arrivals. */
    size_t quiet = atomic_load_explicit(&p->count, memory_order_relaxed) / 4;
    if (quiet > 8)
        quiet = 8;
    if (!atomic_load_explicit(&e->used, memory_order_relaxed) &&
        atomic_load_explicit(&p->arrivals, memory_order_relaxed) -
                atomic_load_explicit(&e->born, memory_order_relaxed) >
            quiet + 1)
        atomic_store_explicit(&e->used, true, memory_order_relaxed);
}

void oc_phase_leave(struct oc_phase *p, struct oc_phase_entry *e)
{
    if (p->hand == e)
        p->hand = e->newer;
    *(e->newer ? &e->newer->older : &p->newest) = e->older;
    *(e->older ? &e->older->newer : &p->oldest) = e->newer;
    p->count--;
}

static void remember(struct oc_phase *p, uint64_t key)
{
    size_t i = ghost_of(key);
    p->ghosts[i].key = key;
    p->ghosts[i].departure = ++p->departures;
}

struct oc_phase_entry *oc_phase_victim(struct oc_phase *p,
                                       bool (*may_go)(const struct oc_phase_entry *))
{
    /* Twice round: the first time may only have forgiven. */
    for (size_t left = 2 * p->count; left > 0; left--) {
        struct oc_phase_entry *e = p->hand ? p->hand : p->oldest;
        p->hand = e->newer;
        if (!may_go(e))
            continue;
        if (!e->used) {
            oc_phase_leave(p, e);
            remember(p, e->key);
            return e;
        }
        e->used = false;
    }
    return NULL;
}
