/*
 * Rules: which files onecopy serves, and how.
 *
 * ONECOPY_FILES is `GLOB[,option...]` joined by ':'.  A glob without '/' is
 * matched against the last component of the name the program opened; one with
 * '/' against the real path, as /proc/self/fd tells it.  Globs are those of
 * base/glob.h; their backslash also hides a ':' or ',' that belongs to a name.
 * The first rule that matches wins.  ONECOPY_EXCLUDE is a list of globs that
 * no rule may match.
 */
#ifndef OC_RULES_H
#define OC_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/glob.h"
#include "base/last.h"

struct oc_pin {
    uint64_t from, to; /* bytes, [from, to) */
    struct oc_pin *next;
};

struct oc_rule {
    const char *glob;
    bool by_path;        /* the glob holds a '/' */
    bool lend;           /* false with lend=off */
    bool kept;           /* lend=kept: look for what was read in small steps (image/kept.h) */
    bool map;            /* false with map=off */
    bool unchanging;     /* trusted on any file system */
    bool strict;         /* never copied, always compared */
    struct oc_pin *pins; /* in the order given */
    const char *tail;    /* what every name or path that matches ends with */
    size_t tail_len;
    bool literal; /* the tail is all there is */
};

struct oc_rules {
    struct oc_rule *rule;
    size_t rules;
    const char **exclude;
    size_t excludes;
    bool by_path;     /* some glob, of a rule or an exclusion, needs the real path */
    uint64_t ends[4]; /* characters with which a name that some rule takes may end */
};

/*
 * Parse ONECOPY_FILES and ONECOPY_EXCLUDE (NULL or empty: nothing) into *rules, all zero
 * at first; what an earlier call of the same function put there is replaced.  False:
 * malformed; *error is then a static text that says what is expected, and *where the
 * offending part of the value.  Allocates from oc_arena; the texts need not stay.
 */
bool oc_rules_parse_files(struct oc_rules *rules, const char *files, const char **error,
                          const char **where);
bool oc_rules_parse_exclude(struct oc_rules *rules, const char *exclude, const char **error,
                            const char **where);
/* Both. */
bool oc_rules_parse(struct oc_rules *rules, const char *files, const char *exclude,
                    const char **error, const char **where);

/* Row I of the table of rule options, for --help and the test that compares tables;
 * false past the end. */
struct oc_rule_option_text {
    const char *name; /* "pin" */
    const char *form; /* "pin=FROM-TO" */
    const char *text; /* one line */
};
bool oc_rules_option_text(size_t i, struct oc_rule_option_text *row);

/*
 * Could a file of this name match?  NAME is the last component of the opened
 * path.  Never says no to a file that oc_rules_match would take; with path
 * rules it has to say yes to every name.  Async-signal-safe, a few nanoseconds.
 */
bool oc_rules_may_match(const struct oc_rules *rules, const char *name);

/* The same of the whole path opened, by its last character alone. */
static inline bool oc_rules_may_match_end(const struct oc_rules *rules, const char *path)
{
    unsigned char last = oc_last(path);
    return rules->ends[last / 64] >> last % 64 & 1;
}

/* The rule for a file, or NULL.  NAME as above; PATH the real path, or NULL when
 * unknown: then path rules match nothing, and path exclusions exclude nothing. */
const struct oc_rule *oc_rules_match(const struct oc_rules *rules, const char *name,
                                     const char *path);

#endif
