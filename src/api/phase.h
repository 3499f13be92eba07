/*
 * Which part goes when room is needed?
 *
 * SIEVE: parts stand in the order they came; a hand moves from the oldest to the
 * newest, takes the first that was not used since it last passed, and forgives the
 * others once.  Two things are added.  A hit counts as use only when other parts
 * have come since: the many views of one pass over a section are one use, so a scan
 * does not look like a working set.  And a part that comes back soon after it went
 * counts as used from the start.
 *
 * Knows nothing of mappings or files.  The caller holds its lock, but for oc_phase_hit:
 * what that looks at is atomic.
 */
#ifndef OC_PHASE_H
#define OC_PHASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OC_PHASE_GHOSTS = 4096 };

/* One part in the order; embedded in what it stands for. */
struct oc_phase_entry {
    struct oc_phase_entry *newer, *older;
    uint64_t key;          /* names the part across its comings and goings */
    _Atomic uint64_t born; /* arrivals before it */
    atomic_bool used;
};

struct oc_phase {
    struct oc_phase_entry *newest, *oldest;
    struct oc_phase_entry *hand; /* NULL: at the oldest */
    _Atomic size_t count;
    _Atomic uint64_t arrivals;
    uint64_t departures; /* by oc_phase_victim */
    struct {
        uint64_t key, departure;
    } ghosts[OC_PHASE_GHOSTS];
};

/* Part E, KEY, has come.  True: it went not long ago. */
bool oc_phase_enter(struct oc_phase *p, struct oc_phase_entry *e, uint64_t key);

/* Needs no lock, as long as the caller keeps E. */
void oc_phase_hit(struct oc_phase *p, struct oc_phase_entry *e);

/* E goes of its own accord. */
void oc_phase_leave(struct oc_phase *p, struct oc_phase_entry *e);

/* The part to phase out, gone from the order and remembered; those for which MAY_GO is false are
 * passed over.  NULL: none may go. */
struct oc_phase_entry *oc_phase_victim(struct oc_phase *p,
                                       bool (*may_go)(const struct oc_phase_entry *));

#endif
