/*
 * Which section goes is decided much as by 2Q (Johnson & Shasha, VLDB 1994): newcomers stand
 * trial in a queue of their own, so that a scan pushes out only newcomers; those
 * read again later on, or back soon after they were phased out, move to the main queue.
 * Both are clocks, since all one knows of a hit is one bit.
 *
 * The main queue's hand goes slowly while it finds everything in use, so that a
 * loop larger than the pool keeps part of itself mapped, and fast while it finds dead
 * sections, because the program has moved on, or while sections are missed that failed on
 * trial, because there are too few places for newcomers.
 *
 * Which section comes in: admission.h.  A comparison with others: doc/policy.md.
 */
#include "section/policy.h"

#include "base/arena.h"
#include "section/admission.h"

enum {
    TRIAL_SHARE = 4, /* one slot in so many is always left to newcomers */
    STEPS = 32,      /* most that one search for a victim looks at */
    HASTE = 16,      /* most looks that the main hand may save up */
    FOUND = 3,       /* looks that a dead section gains, */
    CROWDED = 16,    /* one that failed on trial and is missed, */
    ROBBED = 8,      /* and what is lost by one that should have stayed */
};

#define NOBODY SIZE_MAX

enum place { OUT, TRIAL, MAIN };

struct slot {
    uint64_t key;
    size_t newer, older;
    struct oc_stay stay;
    enum place place;
    bool proven; /* was in use when last looked at on trial */
};

struct queue {
    size_t newest, oldest, n;
};

struct oc_policy {
    struct oc_admission *admission;
    size_t slots;
    struct slot *slot;
    struct queue queue[3]; /* by enum place */
    size_t victim;         /* chosen last */
    int haste;
};

struct oc_policy *oc_policy_new(size_t slots, size_t section)
{
    struct oc_policy *p = oc_arena(sizeof *p);

    if (!p || !(p->slot = oc_arena(slots * sizeof *p->slot)) ||
        !(p->admission = oc_admission_new(slots, section)))
        return NULL;
    p->slots = slots;
    p->victim = NOBODY;
    for (int i = 0; i < 3; i++)
        p->queue[i] = (struct queue){NOBODY, NOBODY, 0};
    return p;
}

bool oc_policy_overlooks(struct oc_policy *p)
{
    return oc_admission_overlooks(p->admission);
}

bool oc_policy_missed(struct oc_policy *p, uint64_t key, uint32_t misses, bool wanted)
{
    return oc_admission_missed(p->admission, key, misses, wanted);
}

void oc_policy_refused(struct oc_policy *p, uint64_t key, bool cold)
{
    oc_admission_refused(p->admission, key, cold);
}

/* ---- the queues ---- */

static void push(struct oc_policy *p, size_t at, enum place place)
{
    struct queue *q = &p->queue[place];
    struct slot *s = &p->slot[at];

    s->place = place;
    s->newer = NOBODY;
    s->older = q->newest;
    *(q->newest != NOBODY ? &p->slot[q->newest].newer : &q->oldest) = at;
    q->newest = at;
    q->n++;
}

static void pull(struct oc_policy *p, size_t at)
{
    struct slot *s = &p->slot[at];
    struct queue *q = &p->queue[s->place];

    *(s->newer != NOBODY ? &p->slot[s->newer].older : &q->newest) = s->older;
    *(s->older != NOBODY ? &p->slot[s->older].newer : &q->oldest) = s->newer;
    s->place = OUT;
    q->n--;
}

static bool main_has_room(const struct oc_policy *p)
{
    return p->queue[MAIN].n < p->slots - p->slots / TRIAL_SHARE;
}

void oc_policy_mapped(struct oc_policy *p, size_t at, uint64_t key)
{
    struct slot *s = &p->slot[at];
    enum oc_past past = oc_admission_mapped(p->admission, key, &s->stay);

    if (past == OC_PAST_ROBBED)
        p->haste -= ROBBED;
    s->key = key;
    s->proven = false;
    push(p, at, past && main_has_room(p) ? MAIN : TRIAL);
}

void oc_policy_unmapped(struct oc_policy *p, size_t at)
{
    struct slot *s = &p->slot[at];

    if (s->place == OUT)
        return;
    if (at == p->victim)
        oc_admission_phased_out(p->admission, s->key, &s->stay, s->place == MAIN);
    else
        oc_admission_closed(p->admission, &s->stay);
    p->victim = NOBODY;
    pull(p, at);
}

/* ---- who goes ---- */

typedef bool slot_fn(size_t slot);

static size_t dead_in_main(struct oc_policy *p, slot_fn *used, slot_fn *pinned)
{
    struct queue *q = &p->queue[MAIN];

    for (int i = 0; i < STEPS && q->n && p->haste > 0; i++) {
        size_t at = q->oldest;

        if (!pinned(at) && !used(at)) {
            p->haste += FOUND;
            return at;
        }
        pull(p, at);
        push(p, at, MAIN);
        p->haste--;
    }
    return NOBODY;
}

static size_t failed_on_trial(struct oc_policy *p, slot_fn *used, slot_fn *pinned)
{
    struct queue *q = &p->queue[TRIAL];

    for (int i = 0; i < STEPS && q->n; i++) {
        size_t at = q->oldest;
        struct slot *s = &p->slot[at];

        if (!pinned(at) && !used(at))
            return at;
        pull(p, at);
        push(p, at, s->proven && main_has_room(p) ? MAIN : TRIAL);
        s->proven = true;
    }
    return NOBODY;
}

/* All those looked at were in use: the oldest that may go. */
static size_t anybody(const struct oc_policy *p, slot_fn *pinned)
{
    for (enum place place = TRIAL; place <= MAIN; place++)
        for (size_t at = p->queue[place].oldest; at != NOBODY; at = p->slot[at].newer)
            if (!pinned(at))
                return at;
    return NOBODY;
}

static void gain_haste(struct oc_policy *p)
{
    uint32_t regrets = oc_admission_regrets(p->admission);

    p->haste += 1 + CROWDED * (int)(regrets < HASTE ? regrets : HASTE);
    if (p->haste > HASTE)
        p->haste = HASTE;
}

size_t oc_policy_victim(struct oc_policy *p, slot_fn *used, slot_fn *pinned)
{
    size_t at = NOBODY;

    gain_haste(p);
    /* Trial may outgrow its share, but not so far that nobody in it is looked at. */
    if (p->queue[TRIAL].n <= p->slots / 2)
        at = dead_in_main(p, used, pinned);
    if (at == NOBODY)
        at = failed_on_trial(p, used, pinned);
    if (at == NOBODY)
        at = anybody(p, pinned);
    return p->victim = at;
}
