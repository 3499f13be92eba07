#include "section/admission.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"

enum {
    MOST_WORTH = 256,
    MOST_LEVELS = 11,   /* of thresholds considered: 1, 2, 4 ... LASTING * MOST_WORTH */
    FADE = 8,           /* times the worth: misses a slot after which counts are halved */
    LASTING = 4,        /* times the worth: misses that count even in a full pool */
    PROBE = 64,         /* one birth in so many is watched */
    NEVER = 1 << 16,    /* a threshold that no burst reaches */
    SAMPLE = 64,        /* births that the estimate looks back on */
    LOOK = 8,           /* and is renewed after */
    PAUSE = 3,          /* times the slots: misses after which a burst is over in a full pool */
    LONGEST = 1 << 16,  /* life, in births */
    BACK = 16,          /* who returns within so many births a slot came back */
    WAYS = 4,           /* a ghost is in one of so many places */
    GHOSTS = 8,         /* ghosts for each slot */
    CLOSED_SOON = 16,   /* births between mapping and the close of the file */
    REFUSED_FOR = 8192, /* misses until what could not be mapped is tried again */
    COLD_FOR = 16,      /* times the worth: the same for what was cold */
    SETTLED = 32,       /* times the worth: misses that changed nothing in a full pool, */
    PASS_PAYS = 3,      /* halves of the worth: steps of a pass that pay at once */
    GLANCE = 8,         /* after which one in so many is looked at */
    UNIT = 256,         /* fractions are of this */
    MEMORY = 64,        /* phasings out that the share of regrets looks back on */
    SOON = 8,           /* part of the worth of all slots: misses after which nobody is regretted */
    FIRST = 32,         /* phasings out that are watched */
    PATIENCE = 2,       /* times the worth: misses between those */
};

struct ghost {
    uint32_t tag;     /* of the key; 0: nobody */
    uint32_t seen;    /* births at the last miss */
    uint32_t gone;    /* births + 1 when it was phased out, 0: never */
    uint32_t missing; /* misses until which a comeback is regretted, 0: it is not */
    uint32_t burst;   /* misses since its birth, and flags */
    uint32_t lasting; /* misses, and in bits 16 and up the fade they are from */
    uint32_t last;    /* misses at the last miss */
    uint32_t refused; /* misses until which it is not tried again, | 1; 0: mapping did not fail */
};

enum { COUNT = 0xffff, WATCHED = 1 << 16, WAS_MAIN = 1 << 17, TRIED = 1 << 18 };
enum { GHOST_WORDS = sizeof(struct ghost) / sizeof(uint32_t) };

struct cell {
    _Atomic uint32_t word[GHOST_WORDS];
};

struct oc_admission {
    size_t slots, sets;     /* the latter a power of two */
    uint32_t levels, worth; /* the last threshold is LASTING times what a mapping costs */
    struct cell *cells;
    _Atomic uint32_t births, misses; /* the two clocks */
    _Atomic uint32_t mapped;
    _Atomic uint32_t life;               /* births that a newcomer stays mapped, in UNITs */
    _Atomic uint32_t regret;             /* share of those phased out that were missed soon */
    _Atomic uint32_t gone, gone_at;      /* how many were phased out, and misses at the last */
    _Atomic uint32_t regrets;            /* of sections on trial, not yet asked for */
    _Atomic uint32_t need;               /* the threshold in force */
    _Atomic uint32_t reach[MOST_LEVELS]; /* how many of those watched had 1, 2, 4 ... misses */
};

static uint32_t get(const _Atomic uint32_t *x)
{
    return atomic_load_explicit(x, memory_order_relaxed);
}

static void put(_Atomic uint32_t *x, uint32_t value)
{
    atomic_store_explicit(x, value, memory_order_relaxed);
}

static void add(_Atomic uint32_t *x, uint32_t n)
{
    put(x, get(x) + n);
}

/* Mapping, and faulting all of it in; mapcost in tests/bench/policy measures it. */
uint32_t oc_admission_worth(size_t section)
{
    uint64_t reads = 12 + (uint64_t)section / 9000;
    uint32_t worth = 1;
    while (worth < MOST_WORTH && reads > (uint64_t)worth * 17 / 12)
        worth *= 2; /* to the nearest, as ratios go */
    return worth;
}

struct oc_admission *oc_admission_new(size_t slots, size_t section)
{
    struct oc_admission *a = oc_arena(sizeof *a);
    size_t sets = 16;

    while (sets * WAYS < slots * GHOSTS)
        sets *= 2;
    if (!a || !(a->cells = oc_arena(sets * WAYS * sizeof *a->cells)))
        return NULL;
    a->slots = slots;
    a->sets = sets;
    put(&a->births, 1);
    put(&a->life, (uint32_t)(slots < LONGEST ? slots : LONGEST) * UNIT);
    a->worth = oc_admission_worth(section);
    a->levels = (uint32_t)__builtin_ctz(a->worth * LASTING) + 1;
    /* Until something is known nothing is mapped that has not proved worth it, and
     * everything is watched.  One birth that came to nothing has been seen. */
    put(&a->need, a->worth);
    put(&a->reach[0], UNIT);
    put(&a->regret, UNIT / 4); /* low enough for one pass in steps that pay at once */
    return a;
}

/* ---- ghosts ---- */

static void load(const struct cell *c, struct ghost *g)
{
    uint32_t words[GHOST_WORDS] = {0};

    for (int i = 0; i < GHOST_WORDS; i++)
        words[i] = get(&c->word[i]);
    memcpy(g, words, sizeof *g);
}

#define WORD(c, what) get(&(c)->word[offsetof(struct ghost, what) / sizeof(uint32_t)])

/* KEY's cell, or that of the one in its set that was missed longest ago. */
static struct cell *recall(struct oc_admission *a, uint64_t key, struct ghost *g)
{
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    struct cell *set = &a->cells[((hash >> 8) & (a->sets - 1)) * WAYS], *oldest = set;
    uint32_t tag = (uint32_t)(hash >> 32) | 1, now = get(&a->births), oldest_age = 0;

    for (struct cell *c = set; c < set + WAYS; c++) {
        uint32_t its = WORD(c, tag), age;

        if (its == tag) {
            load(c, g);
            return c;
        }
        age = its ? now - WORD(c, seen) : UINT32_MAX;
        if (age > oldest_age) {
            oldest_age = age;
            oldest = c;
        }
    }
    *g = (struct ghost){.tag = tag, .seen = now};
    return oldest;
}

static void remember(struct cell *c, const struct ghost *g)
{
    uint32_t words[GHOST_WORDS] = {0};

    memcpy(words, g, sizeof words);
    for (int i = 0; i < GHOST_WORDS; i++)
        put(&c->word[i], words[i]);
}

/* ---- learning ---- */

static bool is_full(const struct oc_admission *a)
{
    return get(&a->mapped) >= a->slots;
}

/*
 * What a mapping costs: in a full pool somebody has to go, and if that is regretted, there will be
 * one more mapping, for which somebody has to go.  So it is worth * (1 + r + r^2 + ...); and as not
 * all who are missed again are mapped again, r is 4/5 of the share of regrets.
 */
static uint32_t price(const struct oc_admission *a)
{
    uint32_t regret = get(&a->regret);

    if (regret > UNIT)
        regret = UNIT;
    return is_full(a) ? a->worth * UNIT / (UNIT - regret * 4 / 5) : a->worth;
}

/* The threshold that would have cost least for those watched. */
static void learn(struct oc_admission *a)
{
    uint32_t before = get(&a->reach[0]), best = UINT32_MAX, misses = before, each = price(a);

    for (uint32_t level = 0; level < a->levels; level++) {
        uint32_t reached = get(&a->reach[level]), cost;

        if (level) /* those between this threshold and the last, half of it, stay */
            misses += (reached + before) / 2 << (level - 1);
        cost = misses + reached * each;
        if (cost <= best) {
            best = cost;
            put(&a->need, 1u << level);
        }
        before = reached;
    }
    if (misses < best) /* than any: as far as anybody was watched, it did not pay */
        put(&a->need, NEVER);
}

/* One that is watched had its MISSESth miss. */
static void watch(struct oc_admission *a, uint32_t misses)
{
    if (misses == 1 && get(&a->reach[0]) >= SAMPLE * UNIT)
        for (uint32_t i = 0; i < a->levels; i++)
            put(&a->reach[i], get(&a->reach[i]) / 2);
    if (misses > a->worth * LASTING || (misses & (misses - 1)))
        return;
    add(&a->reach[__builtin_ctz(misses)], UNIT);
    /* Where reads are scattered most misses come here, and one more of many tells little. */
    if (misses > 1 || get(&a->births) % LOOK == 0)
        learn(a);
}

static void note_life(struct oc_admission *a, const struct oc_stay *stay)
{
    uint32_t lived = get(&a->births) - stay->births, life = get(&a->life);

    /* Less than all of it: some live on only because they are read. */
    if (lived > a->slots || lived > LONGEST)
        lived = (uint32_t)(a->slots < LONGEST ? a->slots : LONGEST);
    put(&a->life, life - life / 16 + lived * (UNIT / 16) / 10 * 7);
}

/* ---- admission ---- */

/*
 * In a full pool where hardly anybody enters, births stand still, and what is missed now and then
 * would seem to be one endless burst.  So misses are a clock, too: a newcomer would not stay for
 * many more than there are slots.
 */
static bool is_birth(struct oc_admission *a, const struct ghost *g, uint32_t stands_for)
{
    return !(g->burst & COUNT) || get(&a->births) - g->seen > get(&a->life) / UNIT ||
           (is_full(a) && get(&a->misses) - g->last > PAUSE * stands_for * a->slots);
}

/* One that STANDS_FOR others that were overlooked tells nothing of how long bursts are. */
static void count_burst(struct oc_admission *a, struct ghost *g, uint32_t misses,
                        uint32_t stands_for)
{
    if (is_birth(a, g, stands_for)) {
        add(&a->births, 1);
        g->burst &= WAS_MAIN;
        if (get(&a->births) % PROBE == PROBE / 2)
            g->burst |= TRIED;
        else if (get(&a->need) >= a->worth || get(&a->births) % PROBE == 0)
            g->burst |= WATCHED;
    }
    g->seen = get(&a->births);
    g->last = get(&a->misses);
    for (; misses; misses--) {
        if ((g->burst & COUNT) < COUNT)
            g->burst++;
        if (g->burst & WATCHED && stands_for == 1)
            watch(a, g->burst & COUNT);
    }
}

static void count_lasting(struct oc_admission *a, struct ghost *g, uint32_t now, uint32_t by)
{
    uint32_t fade = (uint32_t)(now / ((uint64_t)FADE * a->worth * a->slots)) & 0xffff;
    uint32_t ago = (fade - (g->lasting >> 16)) & 0xffff;
    uint32_t count = ago < 16 ? (g->lasting & COUNT) >> ago : 0;

    g->lasting = fade << 16 | (count < COUNT - by ? count + by : COUNT);
}

static void count_regret(struct oc_admission *a, struct ghost *g, uint32_t now)
{
    if (g->missing && (int32_t)(g->missing - now) > 0) {
        add(&a->regret, UNIT / MEMORY);
        if (!(g->burst & WAS_MAIN))
            add(&a->regrets, 1);
    }
    g->missing = 0;
}

/* BURSTS: what was missed a few times lately will be missed again soon. */
static bool worth_it(const struct oc_admission *a, const struct ghost *g, bool bursts,
                     uint32_t stands_for)
{
    bool full = is_full(a);
    uint32_t most = full ? LASTING * a->worth : a->worth, need = get(&a->need);

    if ((g->lasting & COUNT) >= most)
        return true;
    /* When the pool is full for the first time nothing is known of what that costs, and
     * many may be waiting: one at a time. */
    if (!bursts ||
        (full && get(&a->gone) < FIRST && get(&a->misses) - get(&a->gone_at) < PATIENCE * a->worth))
        return false;
    if (g->burst & WATCHED)
        need = most;
    /* Or else a pool where nobody may enter would never learn better. */
    if (g->burst & TRIED && need > a->worth / stands_for)
        need = a->worth / stands_for;
    return (g->burst & COUNT) >= need;
}

static bool is_settled(const struct oc_admission *a, uint32_t now)
{
    return is_full(a) && now - get(&a->gone_at) > SETTLED * a->worth;
}

bool oc_admission_overlooks(struct oc_admission *a)
{
    uint32_t now = get(&a->misses) + 1;

    if (!is_settled(a, now) || now * UINT32_C(0x9e3779b9) <= UINT32_MAX / GLANCE)
        return false;
    put(&a->misses, now);
    return true;
}

bool oc_admission_missed(struct oc_admission *a, uint64_t key, uint32_t misses, bool wanted)
{
    struct ghost g;
    struct cell *c = recall(a, key, &g);
    uint32_t now = get(&a->misses) + misses;
    uint32_t stands_for = misses == 1 && is_settled(a, now) ? GLANCE : 1;
    /* A pass in so big steps that they hardly pay for the mapping says nothing of bursts: who
     * comes again counts. */
    bool bursts = misses == 1 || misses >= PASS_PAYS * a->worth / 2;

    put(&a->misses, now);
    if (g.refused && (int32_t)(g.refused - now) > 0)
        return false;
    g.refused = 0;
    count_regret(a, &g, now);
    if (bursts)
        count_burst(a, &g, misses, stands_for);
    else
        g.seen = get(&a->births);
    count_lasting(a, &g, now, misses * stands_for);
    remember(c, &g);
    return wanted || worth_it(a, &g, bursts, stands_for);
}

void oc_admission_refused(struct oc_admission *a, uint64_t key, bool cold)
{
    struct ghost g;
    struct cell *c = recall(a, key, &g);

    g.refused = (get(&a->misses) + (cold ? COLD_FOR * a->worth : REFUSED_FOR)) | 1;
    g.burst &= ~(uint32_t)COUNT;
    remember(c, &g);
}

/* ---- what became of it ---- */

enum oc_past oc_admission_mapped(struct oc_admission *a, uint64_t key, struct oc_stay *stay)
{
    struct ghost g;
    struct cell *c = recall(a, key, &g);
    uint32_t now = get(&a->births), away = now + 1 - g.gone;
    enum oc_past past = g.gone && away < BACK * a->slots ? OC_PAST_MAPPED : OC_PAST_NONE;

    if (past && g.burst & WAS_MAIN && away < a->slots)
        past = OC_PAST_ROBBED;
    *stay = (struct oc_stay){now, get(&a->misses)};
    g.burst = g.lasting = 0;
    remember(c, &g);
    add(&a->mapped, 1);
    return past;
}

void oc_admission_phased_out(struct oc_admission *a, uint64_t key, const struct oc_stay *stay,
                             bool main)
{
    struct ghost g;
    struct cell *c = recall(a, key, &g);
    uint32_t now = get(&a->misses), stayed = now - stay->misses;
    uint32_t soon = (uint32_t)a->slots * a->worth / SOON;

    g.gone = get(&a->births) + 1;
    g.missing = (now + (stayed < soon ? stayed : soon)) | 1;
    g.burst = main ? WAS_MAIN : 0;
    remember(c, &g);
    put(&a->regret, get(&a->regret) - get(&a->regret) / MEMORY);
    add(&a->gone, 1);
    put(&a->gone_at, now);
    learn(a);
    if (!main)
        note_life(a, stay);
    add(&a->mapped, UINT32_MAX);
}

void oc_admission_closed(struct oc_admission *a, const struct oc_stay *stay)
{
    add(&a->mapped, UINT32_MAX);
    if (get(&a->births) - stay->births < CLOSED_SOON)
        watch(a, 1); /* it can't have paid: as if one watched had had a single miss */
}

uint32_t oc_admission_regrets(struct oc_admission *a)
{
    return atomic_exchange_explicit(&a->regrets, 0, memory_order_relaxed);
}
