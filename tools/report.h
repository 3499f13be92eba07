/* What a comparison found: as a table, as JSON, and as a page to be looked at. */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "figures.h"

void report_table(const struct comparison *comparison, FILE *out);

/* To be freed. */
char *report_json(const struct comparison *comparison);

/* The page has all it needs in itself. CHART is an SVG picture, or NULL.  To be freed. */
char *report_html(const struct comparison *comparison, const char *chart);

/* The lines that a reader has to know to read the figures rightly; each ends with a newline. */
void report_notes(const struct comparison *comparison, FILE *out);

/* "identical (8 of 8)", without an end. */
void report_outcome(const struct comparison *comparison, FILE *out);

/* What ONECOPY_FILES is for a side, or NULL. */
const char *report_files(const struct side *side);

#endif
