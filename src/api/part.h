/*
 * Parts: the mapped ranges of open files that views point into.
 *
 * A part is made of whole sections if there is room, so that the next request nearby
 * finds it.  A request that no part covers makes one that does, in place of
 * those that lie within it; views of these keep them mapped, out of the index,
 * until they are released.  All that is mapped is counted against the budget.
 *
 * All changes are made under the mutex of api/api.h.  But a view of what is mapped
 * is given and taken back without it: one word of the part says whether it is open to new
 * views, and how many it has, so whoever closes it and whoever takes a view cannot miss
 * each other.  For this a part's memory is never anything but a part, and an index's is
 * kept as long as its file: who looks without the mutex may find the wrong part, takes a
 * view of it, so that it stays what it is, sees that it is the wrong one, and gives it
 * back.
 *
 *   part.c   parts, their index and their end
 *   quick.c  views without the mutex, and what is counted for each
 */
#ifndef OC_PART_H
#define OC_PART_H

#include "api/api.h"
#include "api/phase.h"

enum oc_part_state {
    OC_PART_INDEXED, /* found by later requests, phased out when room is needed */
    OC_PART_PINNED,  /* found by later requests, kept: the pin counts as a view */
    OC_PART_RETIRED, /* only waits for its last view */
};

#define OC_PART_OPEN ((uint32_t)1 << 31) /* in use, beside the number of views */

struct oc_part {
    struct oc_phase_entry phase; /* first: phase.c hands it back */
    _Atomic uint32_t use;
    _Atomic uint64_t file_id; /* whose it is, or was */
    _Atomic uint64_t start;   /* in the file, at a page */
    _Atomic size_t size;      /* whole pages */
    char *at;
    enum oc_part_state state;
    struct onecopy_file *file; /* not when retired */
    struct oc_part *made;      /* the one made before it */
    struct oc_part *next;      /* among the file's pins, the stuck or the spare */
    uint64_t pin_offset;       /* as asked for */
    size_t pin_length;
    unsigned pins;
} __attribute__((aligned(64)));

struct oc_part_index {
    struct oc_part_index *smaller; /* the one before it */
    size_t room;
    struct oc_part *_Atomic at[];
};

/* In the child of fork. */
void oc_part_in_child(void);

/* Budget and section size; once. */
void oc_part_configure(uint64_t budget, uint64_t section);

/* The part that covers a range, mapped now if need be, with one view more. */
int oc_part_get(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part);

/* The part that covers a range, with one view more, if it is mapped. */
struct oc_part *oc_part_peek(struct onecopy_file *file, uint64_t offset, size_t length);

/* One view less. */
void oc_part_put(struct oc_part *part);

/* The last view of a part that was closed is gone. */
void oc_part_end(struct oc_part *part);

/* A view of the part was found. */
void oc_part_hit(struct oc_part *part);

/* Pin a range: *part is new and has one view more, or NULL if the range was pinned before. */
int oc_part_pin(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part);
int oc_part_unpin(struct onecopy_file *file, uint64_t offset, size_t length);

/* Retire all parts of a file. */
void oc_part_drop_file(struct onecopy_file *file);

int oc_part_set_budget(uint64_t bytes);

void oc_part_count(struct onecopy_counters *counters);

/* ---- quick.c: without the mutex ---- */

/* A part that is mapped and covers the range, with one view more; NULL: ask under the mutex. */
struct oc_part *oc_quick_get(struct onecopy_file *file, uint64_t offset, size_t length);

/* One more that keeps PART mapped, where it is known to stay: under the mutex. */
void oc_quick_hold(struct oc_part *part);

/* One less.  True: it was the last, and the part is closed: for the caller to end. */
bool oc_quick_drop(struct oc_part *part);

/* No new views from now on.  True: there are none, as with oc_quick_drop. */
bool oc_quick_close(struct oc_part *part);

/* Does anything keep it mapped? */
static inline bool oc_quick_is_held(const struct oc_part *part)
{
    return atomic_load(&part->use) & ~OC_PART_OPEN;
}

/* A view was given, found mapped (HIT) or not; taken back. */
void oc_quick_gave(bool hit);
void oc_quick_took(void);

/* In the child of fork, where threads that were between holding and counting are not: HELD bytes
 * of parts are held. */
void oc_quick_recount(uint64_t held);

/* Bytes of parts that are held; views out, and those found mapped so far. */
uint64_t oc_quick_held(void);
void oc_quick_count(uint64_t *views, uint64_t *hits);

#endif
