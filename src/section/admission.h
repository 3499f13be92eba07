/*
 * Which section is worth mapping?  What is remembered of sections that are not mapped,
 * and what the policy has learned from them.
 *
 * Mapping a section costs as much as oc_admission_worth() small reads save.  Where reads come in
 * bursts it pays at the first miss, where they are scattered hardly ever, and
 * programs do both.  So some sections are left to the kernel and watched: how
 * many misses does each get within the time that a newcomer would stay mapped?
 * For the others the threshold is taken that would have cost those least: so many
 * misses, and the mapping of all who got that far.  That time is counted in
 * births: first misses of sections not seen lately.
 *
 * What is phased out and missed again soon is regretted: there was no room, and
 * mapping one section at the expense of another of the same worth gains nothing.  So in a full pool
 * a mapping is taken to cost the more, the more of them are regretted, up to five times; and if
 * even those watched to the end had too few misses to pay for that, nobody comes in but who was
 * missed again and again, four times as often as a mapping costs, and a few that are tried.
 *
 * Needs no lock: what a race mixes up is an opinion.  No system call.
 */
#ifndef OC_ADMISSION_H
#define OC_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many small reads the mapping of a section of so many bytes costs, to a power of two. */
uint32_t oc_admission_worth(size_t section);

struct oc_admission;

/* When a section was mapped, on the two clocks. */
struct oc_stay {
    uint32_t births, misses;
};

/* What a section was when it was mapped last. */
enum oc_past {
    OC_PAST_NONE,   /* nobody, or long ago */
    OC_PAST_MAPPED, /* phased out not long ago */
    OC_PAST_ROBBED, /* phased out of the main queue very lately: a mistake */
};

/* For SLOTS slots of SECTION bytes; NULL when out of memory.  From oc_arena. */
struct oc_admission *oc_admission_new(size_t slots, size_t section);

/*
 * Asked before each miss: is this one to be overlooked?  Then nothing else is to be done about it.
 * The pool is full and has long been left as it is, so all that matters is what is missed again
 * and again.  Some of the misses tell that as well as all of them, and thinking about
 * each would cost more than the few hits save.  (Not of a miss that stands for several.)
 */
bool oc_admission_overlooks(struct oc_admission *a);

/* A miss on KEY that stands for so many MISSES; true: map it.  WANTED: it is worth mapping in any
 * case. */
bool oc_admission_missed(struct oc_admission *a, uint64_t key, uint32_t misses, bool wanted);

/* KEY could not be mapped, or not yet: it is COLD. */
void oc_admission_refused(struct oc_admission *a, uint64_t key, bool cold);

/* KEY is mapped. */
enum oc_past oc_admission_mapped(struct oc_admission *a, uint64_t key, struct oc_stay *stay);

/* KEY was phased out, from the main queue (MAIN) or on trial. */
void oc_admission_phased_out(struct oc_admission *a, uint64_t key, const struct oc_stay *stay,
                             bool main);

/* A section was unmapped because its file was closed. */
void oc_admission_closed(struct oc_admission *a, const struct oc_stay *stay);

/* How many that failed on trial were regretted since last asked. */
uint32_t oc_admission_regrets(struct oc_admission *a);

#endif
