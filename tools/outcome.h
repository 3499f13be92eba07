/* Did the instances of two batches do the same? */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"

struct outcome {
    size_t same_output, same_ending; /* instances, of the batch's n */
    size_t failed_without, failed_with;
    bool varies;    /* the outputs of the batch without differ among themselves */
    bool identical; /* every output and every ending */
};

struct outcome outcome_of(const struct batch *without, const struct batch *with);

/* An ending in words: "exit status 3", "killed by signal 9 (Killed)". */
void outcome_ending(int status, char *text, size_t size);

/* Show what the first failed instance of a batch wrote to standard error, or, with ALL, what every
 * instance wrote. */
void outcome_show_errors(const struct batch *batch, bool all);

uint64_t outcome_output_bytes(const struct instance *instance);

#endif
