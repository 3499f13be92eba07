/*
 * Since when is this state of a file known?  A small table in the home,
 * `history`, shared by the processes of all its users: identity -> when it was
 * first seen, by CLOCK_MONOTONIC, which nobody can step forward; and when a few other
 * things of it were first noted.  Least recently used entries give way.  Kept for one boot.
 *
 * Read and written with pread and pwrite under a record lock of the open file
 * description; a missing, foreign, short or garbled table only makes files look
 * new.  Async-signal-safe; no lock of ours is needed.
 */
#ifndef OC_HISTORY_H
#define OC_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "file/identity.h"

/* The table's name in a home: never an image's. */
#define OC_HISTORY_NAME "history"

/*
 * For how many nanoseconds has this identity been known to the home DIR (a
 * descriptor)?  An unknown one is entered now, and 0 is returned; as it is on any
 * failure.
 */
uint64_t oc_history_age(int dir, const struct oc_identity *id);

/* Other things to be remembered of a state of a file; the numbers are in tables, so they stay. */
enum oc_history_what {
    OC_HISTORY_FILLED = 1, /* an image of it was filled that may be trusted */
    OC_HISTORY_REWRITTEN,  /* the program WHO rewrote most of what it was lent of it */
    OC_HISTORY_BEGUN,      /* a small piece of it was read, that waited (first.h) */
    OC_HISTORY_STREAM,     /* it was read as a stream */
};

struct oc_history_note {
    struct oc_identity id;
    uint64_t what, who; /* enum oc_history_what; a program, or 0 */
};

/* Enter the note; true: it was not entered within the last WITHIN nanoseconds. */
bool oc_history_note(int dir, const struct oc_history_note *note, uint64_t within);
/* Was it entered within the last WITHIN nanoseconds?  Enters nothing. */
bool oc_history_knows(int dir, const struct oc_history_note *note, uint64_t within);

#endif
