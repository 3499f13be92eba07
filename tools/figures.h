/* The figures of a comparison: one table for all reports, and their spread over the runs. */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "batch.h"
#include "outcome.h"

struct round {
    struct batch sides[2];
    struct outcome outcome;
};

/* All that was seen. */
struct comparison {
    const struct job *job;
    size_t runs;
    struct round *rounds;
    struct outcome outcome; /* of all runs */
    const char *repeat;     /* the command line, for a shell */
    char date[40];
};

enum figure_unit { FIGURE_BYTES, FIGURE_SECONDS, FIGURE_COUNT };

struct figure {
    const char *key; /* in JSON */
    const char *label;
    enum figure_unit unit;
    bool library;                            /* nothing of the kind exists without the library */
    double (*of)(const struct batch *batch); /* negative: not known */
};

/* The figures in the order of the reports, those that mean nothing here left out; *i is 0 at
 * first.  NULL: no more. */
const struct figure *figures_next(const struct comparison *c, size_t *i);

/* The figures that an important sentence is made of. */
extern const struct figure figure_peak_pss, figure_steady_pss;

struct spread {
    size_t known; /* runs; with 0 the rest means nothing */
    double median, least, most;
};

struct spread figures_spread(const struct comparison *c, size_t side, const struct figure *figure);

/* The second side's median by the first's; negative: not known. */
double figures_ratio(const struct comparison *c, const struct figure *figure);

/* The run that is shown in pictures and lists: the one whose ratio of peaks is the median. */
size_t figures_run_shown(const struct comparison *c);

/* A value as tables show it: "12.3" of megabytes (10^6 bytes), seconds or a count. */
void figure_text(enum figure_unit unit, double value, char *text, size_t size);
const char *figure_unit_name(enum figure_unit unit);

/* What each instance had when PSS was steady (or else at its peak), and when that was; NULL: not
 * seen. */
const struct moment *figures_moment(const struct batch *batch);

#endif
