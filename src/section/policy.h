/*
 * Which section goes when room is needed, and which is worth mapping at all?
 *
 * No system call, no lock, no mapping in here: the pool tells what happened and
 * asks.  Mapping a section costs as much as dozens of small reads save, so a section
 * is admitted after as many misses as have proved to be worth waiting for
 * (admission.h).  Each call takes a bounded time; only oc_policy_new allocates, some 350
 * bytes a slot.
 */
#ifndef OC_POLICY_H
#define OC_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oc_policy;

/* For SLOTS slots of SECTION bytes; NULL when out of memory.  From oc_arena. */
struct oc_policy *oc_policy_new(size_t slots, size_t section);

/* Before each miss: true: it is to be overlooked (admission.h). */
bool oc_policy_overlooks(struct oc_policy *p);

/* A miss on KEY that stands for so many MISSES (run.h); true: map it now.  WANTED: the user wants
 * it mapped from the first.  Needs no lock. */
bool oc_policy_missed(struct oc_policy *p, uint64_t key, uint32_t misses, bool wanted);

/* KEY could not be mapped: not again for a while.  COLD: for that it is not in the page cache,
 * which the misses to come may change soon. */
void oc_policy_refused(struct oc_policy *p, uint64_t key, bool cold);

/* KEY now lives in SLOT. */
void oc_policy_mapped(struct oc_policy *p, size_t slot, uint64_t key);

/* SLOT is empty again. */
void oc_policy_unmapped(struct oc_policy *p, size_t slot);

/* The slot to empty.  USED(slot) tells, and clears, whether it was read since last
 * asked; slots for which PINNED says true are passed over.  SIZE_MAX: none. */
size_t oc_policy_victim(struct oc_policy *p, bool (*used)(size_t slot),
                        bool (*pinned)(size_t slot));

#endif
