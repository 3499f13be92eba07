/* Did the instances of two batches do the same? */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"

struct outcome {
    size_t n;                        /* pairs of instances */
    size_t same_output, same_ending; /* of these */
    size_t failed[2], killed[2];     /* instances, by side */
    bool varies;                     /* the outputs of the first side differ among themselves */
    bool identical;                  /* every output and every ending */
};

/* Of an instance that was ended when it had run long enough, the output is the same when one
 * of the two is the beginning of the other. */
struct outcome outcome_of(const struct batch sides[2]);

/* Add what a further run gave. */
void outcome_add(struct outcome *sum, const struct outcome *one);

/* An ending in words: "exit status 3", "killed by signal 9 (Killed)". */
void outcome_ending(int status, char *text, size_t size);

/* Show what the first failed instance of a batch wrote to standard error, or, with ALL, what every
 * instance wrote. */
void outcome_show_errors(const struct batch *batch, bool all);

uint64_t outcome_output_bytes(const struct instance *instance);

#endif
