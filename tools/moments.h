/*
 * What each instance of a batch held at some moments when all were running: few enough to be kept
 * for a batch of any length, evenly spread over it.
 */
#ifndef MOMENTS_H
#define MOMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "sample.h"

#define MOMENTS 64

struct moment {
    double at;
    struct share *shares; /* one for each instance */
};

struct moments {
    struct moment list[MOMENTS];
    size_t count;
    unsigned step, passed; /* one sample of STEP is kept */
};

/* Is the next sample one to be kept?  Asked once for each. */
bool moments_wanted(struct moments *moments);

/* Keep it; SHARES (malloc'ed) are taken over. */
void moments_add(struct moments *moments, const struct moment *moment);

/* The one that is nearest in time; NULL: none. */
const struct moment *moments_nearest(const struct moments *moments, double at);

#endif
