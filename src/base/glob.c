/*
 * Matching without recursion.  On a mismatch only two places need to be tried
 * again: the last `*`, and the last `**` where that one has met a '/'.  Earlier
 * ones were passed at the first place that fits, and what follows them could
 * only lose by a later one.
 */
#include "base/glob.h"

#include <string.h>

/* Where to go on after a mismatch: the glob behind the star, and how much of the text
 * the star has swallowed.  glob is NULL when there is none. */
struct star {
    const char *glob, *text;
};

/* One member of a set. */
static unsigned char take_member(const char **g)
{
    if ((*g)[0] == '\\' && (*g)[1])
        (*g)++;
    return (unsigned char)*(*g)++;
}

/* Is c in the set whose '[' is at G?  *end is set behind the ']', or to NULL when the
 * set is never closed. */
static bool in_set(const char *g, unsigned char c, const char **end)
{
    bool negated = g[1] == '!' || g[1] == '^';
    bool found = false;
    const char *first = g + 1 + negated;

    for (g = first; *g && (g == first || *g != ']');) {
        unsigned char from = take_member(&g), to = from;

        if (g[0] == '-' && g[1] && g[1] != ']') {
            g++;
            to = take_member(&g);
        }
        found |= from <= c && c <= to;
    }
    *end = *g ? g + 1 : NULL;
    return found != negated;
}

/* Does the token at *g, no star, match c?  Then *g is set behind it. */
static bool match_one(const char **g, char c)
{
    const char *p = *g, *end = p + 1;
    bool yes;

    if (*p == '?') {
        yes = c != '/';
    } else if (*p == '[') {
        yes = in_set(p, (unsigned char)c, &end) && c != '/';
        if (!end) {
            end = p + 1;
            yes = c == '[';
        }
    } else if (*p == '\\' && p[1]) {
        yes = c == p[1];
        end = p + 2;
    } else {
        yes = c == *p;
    }
    if (yes)
        *g = end;
    return yes;
}

/* Let a star swallow one more character. */
static void swallow(struct star *s, const char **g, const char **t)
{
    *t = ++s->text;
    *g = s->glob;
}

bool oc_glob(const char *g, const char *t)
{
    struct star star = {NULL, NULL}, any = {NULL, NULL};

    for (;;) {
        if (g[0] == '*' && g[1] == '*') {
            g += 2;
            any = (struct star){g, t};
            star.glob = NULL;
            if (!*g)
                return true;
        } else if (*g == '*') {
            star = (struct star){++g, t};
        } else if (!*t) {
            /* Whoever runs out of text here would do so the sooner with less of it. */
            return !*g;
        } else if (*g && match_one(&g, *t)) {
            t++;
        } else if (star.glob && *star.text != '/') {
            swallow(&star, &g, &t);
        } else if (any.glob) {
            swallow(&any, &g, &t);
            star.glob = NULL;
        } else {
            return false;
        }
    }
}

/* Behind the token at G; NULL: it is malformed. */
static const char *skip_token(const char *g)
{
    const char *end = g + 1;

    if (*g == '[')
        in_set(g, 0, &end);
    else if (*g == '\\')
        end = g[1] ? g + 2 : NULL;
    return end;
}

const char *oc_glob_fault(const char *glob)
{
    const char *g = glob, *next;

    for (; *g; g = next) {
        next = skip_token(g);
        if (!next)
            return *g == '[' ? "expected a ']' that closes the set (write \\[ for the character)"
                             : "expected a character behind the backslash";
    }
    return NULL;
}

bool oc_glob_tail(const char *glob, char *out, size_t *len)
{
    const char *g = glob, *next;
    bool literal = true;

    for (*len = 0; *g; g = next) {
        next = skip_token(g);
        if (*g == '*' || *g == '?' || (*g == '[' && next)) {
            literal = false;
            *len = 0;
        } else {
            next = next ? next : g + 1;
            out[(*len)++] = next[-1];
        }
    }
    return literal;
}
