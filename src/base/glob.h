/*
 * Globs: `*` and `?` do not match '/', `**` matches anything, [...] is a set
 * ([!...] or [^...] its opposite, a-z a range, never '/'), and a backslash takes the next
 * character as it is.  Async-signal-safe.  No pattern takes exponential time.
 */
#ifndef OC_GLOB_H
#define OC_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* One glob against one text. */
bool oc_glob(const char *glob, const char *text);

/* What is wrong with a glob, as a static text; NULL: nothing. */
const char *oc_glob_fault(const char *glob);

/*
 * The text with which everything that matches must end: what follows the last
 * wildcard, backslashes resolved, into OUT (as long as the glob).  Returns true when
 * there is no wildcard, so that the glob matches this text alone.
 */
bool oc_glob_tail(const char *glob, char *out, size_t *len);

#endif
