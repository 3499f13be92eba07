/*
 * Admission: a table of small miss counters (TinyLFU's idea: Einziger,
 * Friedman & Manes, ACM ToS 2017) that are halved as misses go by, so old
 * interest fades.  Eviction: SIEVE (Zhang et al., NSDI 2024): a queue in order
 * of mapping, and a hand that goes from the oldest towards the newest, passing over what was
 * used since it last came by; what survives stays where it is, so newcomers,
 * which stand at the far end, are looked at soon and a scan pushes out nobody.
 */
#include "section/policy.h"

#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"

enum {
    GHOSTS = 4096,  /* counters; a few times the sections of a large pool */
    HALVE = GHOSTS, /* misses between two halvings */
    ADMIT = 8,      /* misses that prove a section worth mapping; */
    ADMIT_BACK = 2, /* so many when it was mapped not long ago */
    PATIENCE = 3,   /* halvings before what could not be mapped is tried again */
};

/* A counter: misses in the low bits, and what is known besides. */
enum {
    COUNT = 0x1f,
    MAPPED_ONCE = 0x20, /* within the last halving or two: */
    MAPPED_LATELY = 0x40,
    REFUSED = 0x80, /* could not be mapped: the low bits count halvings until the next try */
};

#define NONE SIZE_MAX

struct link {
    size_t older, newer;
    uint64_t key;
    bool in;
};

struct oc_policy {
    size_t newest, oldest, hand;
    _Atomic uint32_t misses;
    _Atomic uint8_t ghost[GHOSTS];
    struct link link[];
};

static _Atomic uint8_t *ghost_of(struct oc_policy *p, uint64_t key)
{
    return &p->ghost[(key * UINT64_C(0xd6e8feb86659fd93)) >> 52];
}
_Static_assert(GHOSTS == 1 << 12, "the hash above takes 12 bits");

struct oc_policy *oc_policy_new(size_t slots)
{
    struct oc_policy *p = oc_arena(sizeof *p + slots * sizeof p->link[0]);
    if (p)
        p->newest = p->oldest = p->hand = NONE;
    return p;
}

static uint8_t fade(uint8_t c)
{
    if (c & REFUSED)
        return c & COUNT ? c - 1 : 0;
    return (c & MAPPED_LATELY ? MAPPED_ONCE : 0) | (c & COUNT) >> 1;
}

static void halve_all(struct oc_policy *p)
{
    for (size_t i = 0; i < GHOSTS; i++) {
        uint8_t c = atomic_load_explicit(&p->ghost[i], memory_order_relaxed);
        atomic_store_explicit(&p->ghost[i], fade(c), memory_order_relaxed);
    }
}

/* Called without a lock: a count that is lost to a race costs one more miss. */
bool oc_policy_missed(struct oc_policy *p, uint64_t key, bool wanted)
{
    _Atomic uint8_t *ghost = ghost_of(p, key);
    uint8_t c = atomic_load_explicit(ghost, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&p->misses, 1, memory_order_relaxed) % HALVE == HALVE - 1)
        halve_all(p);
    if (c & REFUSED)
        return false;
    if ((c & COUNT) < COUNT)
        atomic_store_explicit(ghost, ++c, memory_order_relaxed);
    return wanted || (c & COUNT) >= (c & (MAPPED_ONCE | MAPPED_LATELY) ? ADMIT_BACK : ADMIT);
}

void oc_policy_refused(struct oc_policy *p, uint64_t key)
{
    atomic_store_explicit(ghost_of(p, key), REFUSED | PATIENCE, memory_order_relaxed);
}

void oc_policy_mapped(struct oc_policy *p, size_t slot, uint64_t key)
{
    struct link *l = &p->link[slot];
    *l = (struct link){.older = p->newest, .newer = NONE, .key = key, .in = true};
    if (p->newest != NONE)
        p->link[p->newest].newer = slot;
    else
        p->oldest = slot;
    p->newest = slot;
}

void oc_policy_unmapped(struct oc_policy *p, size_t slot)
{
    struct link *l = &p->link[slot];
    if (!l->in)
        return;
    l->in = false;
    atomic_store_explicit(ghost_of(p, l->key), MAPPED_LATELY, memory_order_relaxed);
    if (p->hand == slot)
        p->hand = l->newer;
    if (l->older != NONE)
        p->link[l->older].newer = l->newer;
    else
        p->oldest = l->newer;
    if (l->newer != NONE)
        p->link[l->newer].older = l->older;
    else
        p->newest = l->older;
}

size_t oc_policy_victim(struct oc_policy *p, bool (*used)(size_t slot), bool (*pinned)(size_t slot))
{
    size_t passed = 0;
    size_t at = p->hand != NONE ? p->hand : p->oldest;
    if (at == NONE)
        return NONE;
    /* Twice round: the first may clear every mark. */
    for (size_t start = at; passed < 3;
         at = p->link[at].newer != NONE ? p->link[at].newer : p->oldest) {
        passed += at == start;
        if (pinned(at) || used(at))
            continue;
        p->hand = at;
        return at;
    }
    return NONE;
}
