/* What a comparison found: as a table, and as JSON. */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "batch.h"
#include "outcome.h"

struct comparison {
    const struct job *job;
    struct batch without, with;
    struct outcome outcome;
};

void report_table(const struct comparison *comparison, FILE *out);

/* To be freed. */
char *report_json(const struct comparison *comparison);

/* PSS with by PSS without, at the peak; negative when either was never seen. */
double report_ratio(const struct comparison *comparison);

#endif
