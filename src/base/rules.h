/*
 * Rules: which files onecopy serves, and how.
 *
 * ONECOPY_FILES is `GLOB[,option...]` joined by ':'.  A glob without '/' is
 * matched against the last component of the name the program opened; one with
 * '/' against the real path, as /proc/self/fd tells it.  In a glob, `*` and `?`
 * do not match '/', `**` matches anything, [...] is a set, and a backslash
 * takes the next character as it is (so a file name may hold ':' or ',').
 * The first rule that matches wins.  ONECOPY_EXCLUDE is a list of globs that
 * no rule may match.
 */
#ifndef OC_RULES_H
#define OC_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oc_pin {
    uint64_t from, to; /* bytes, [from, to) */
    struct oc_pin *next;
};

struct oc_rule {
    const char *glob;
    bool by_path;    /* the glob holds a '/' */
    bool lend;       /* false with lend=off */
    bool map;        /* false with map=off */
    bool unchanging; /* trusted on any file system */
    bool strict;     /* never copied, always compared */
    struct oc_pin *pins;
};

struct oc_rules {
    struct oc_rule *rule;
    size_t rules;
    const char **exclude;
    size_t excludes;
    bool by_path; /* some glob, of a rule or an exclusion, needs the real path */
};

/* Parse both variables (either may be NULL).  False: malformed; *error is set to a
 * static text saying what is wrong and *where to the offending part.  Allocates from
 * oc_arena. */
bool oc_rules_parse(struct oc_rules *rules, const char *files, const char *exclude,
                    const char **error, const char **where);

/*
 * Could a file of this name match?  NAME is the last component of the opened
 * path.  Never says no to a file that oc_rules_match would take; with path
 * rules it has to say yes to every name.  Async-signal-safe, a few nanoseconds.
 */
bool oc_rules_may_match(const struct oc_rules *rules, const char *name);

/* The rule for a file, or NULL.  NAME as above; PATH the real path, or NULL when
 * unknown: then path rules match nothing, and path exclusions exclude nothing. */
const struct oc_rule *oc_rules_match(const struct oc_rules *rules, const char *name,
                                     const char *path);

/* One glob against one text, as described above. */
bool oc_glob(const char *glob, const char *text);

#endif
