/* One instance of a batch: its start, what it prints, its end. */
#ifndef INSTANCE_H
#define INSTANCE_H

#include "batch.h"

/* Before the first: remember what instances are to have of this process (signal mask, limits). */
void instance_prepare(const sigset_t *mask);

/* REPORT: the library's ONECOPY_REPORT, or NULL for what is in force.  False: with a message. */
bool instance_start(const struct job *job, const struct side *side, const char *report,
                    struct instance *it);

/* Has it by now printed what JOB waits for?  Only what is new is searched. */
bool instance_has_printed(const struct job *job, struct instance *it);

/* Did it end otherwise than it should? */
bool instance_failed(const struct instance *it);

#endif
