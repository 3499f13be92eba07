/*
 * Parts: the mapped ranges of open files that views point into.
 *
 * A part is made of whole sections if there is room, so that the next request nearby
 * finds it.  A request that no part covers makes one that does, in place of
 * those that lie within it; views of these keep them mapped, out of the index,
 * until they are released.  All that is mapped is counted against the budget.
 * Everything here is under the mutex of api/api.h.
 */
#ifndef OC_PART_H
#define OC_PART_H

#include "api/api.h"
#include "api/phase.h"

enum oc_part_state {
    OC_PART_INDEXED, /* found by later requests, phased out when room is needed */
    OC_PART_PINNED,  /* found by later requests, kept */
    OC_PART_RETIRED, /* only waits for its last view */
};

struct oc_part {
    struct oc_phase_entry phase; /* first: phase.c hands it back */
    struct onecopy_file *file;   /* not when retired */
    uint64_t start;              /* in the file, at a page */
    size_t size;                 /* whole pages */
    char *at;
    enum oc_part_state state;
    unsigned views;
    struct oc_part *next; /* among the file's pins, or the stuck */
    uint64_t pin_offset;  /* as asked for */
    size_t pin_length;
    unsigned pins;
};

/* Budget and section size; once. */
void oc_part_configure(uint64_t budget, uint64_t section);

/* The part that covers a range, mapped now if need be, with one view more. */
int oc_part_get(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part);

/* The part that covers a range, with one view more, if it is mapped. */
struct oc_part *oc_part_peek(struct onecopy_file *file, uint64_t offset, size_t length);

/* One view less. */
void oc_part_put(struct oc_part *part);

/* Pin a range: *part is new and has one view more, or NULL if the range was pinned before. */
int oc_part_pin(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part);
int oc_part_unpin(struct onecopy_file *file, uint64_t offset, size_t length);

/* Retire all parts of a file. */
void oc_part_drop_file(struct onecopy_file *file);

int oc_part_set_budget(uint64_t bytes);

extern struct onecopy_counters oc_part_counters;

#endif
