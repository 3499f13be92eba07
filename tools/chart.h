/*
 * Memory over time as a picture.  Needs cairo; without it chart_none.c is built instead.
 */
#ifndef CHART_H
#define CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "figures.h"

enum chart_kind { CHART_SVG, CHART_PNG };

/* Can this onecopy draw? */
bool chart_available(void);

/* By the ending of a file's name; false: with a message. */
bool chart_kind_of(const char *path, enum chart_kind *kind);

/* The picture, *LEN bytes and a NUL, to be freed; NULL: with a message. */
char *chart_draw(const struct comparison *comparison, enum chart_kind kind, size_t *len);

#endif
