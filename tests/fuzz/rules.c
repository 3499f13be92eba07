/*
 * Rules and globs.  Input: four texts, ended by newlines: ONECOPY_FILES,
 * ONECOPY_EXCLUDE, a file's name, its path.
 *
 * Checked: a refusal says why and about what; the quick test by name
 * never refuses what the real one takes; a glob agrees with a plain definition of
 * globs, written here a second time; whatever it matches ends with its tail.
 */
#include "base/rules.h"

#include <string.h>

#include "arena.h"
#include "base/glob.h"
#include "fuzz.h"

enum { LONG = 48 };

/* The text up to the next newline (or NUL), copied to its exact size. */
static char *take(struct feed *f)
{
    size_t n = 0;
    while (n < f->left && f->at[n] && f->at[n] != '\n')
        n++;
    char *text = malloc(n + 1);
    memcpy(text, f->at, n);
    text[n] = 0;
    if (n < f->left)
        n++;
    f->at += n;
    f->left -= n;
    return text;
}

/* Does the set that begins behind '[' hold C?  *next: behind its ']'. */
static bool in_set(const char *set, char c, const char **next)
{
    bool opposite = *set == '!' || *set == '^', found = false;
    const char *p = set + opposite;

    for (bool first = true; first || *p != ']'; first = false) {
        unsigned char from, to;
        p += *p == '\\';
        from = to = (unsigned char)*p++;
        if (p[0] == '-' && p[1] != ']') {
            p++;
            p += *p == '\\';
            to = (unsigned char)*p++;
        }
        found |= (unsigned char)c >= from && (unsigned char)c <= to;
    }
    *next = p + 1;
    return c != '/' && found != opposite;
}

/* By definition, without any cleverness.  GLOB has no fault; both are short. */
static bool matches(const char *glob, const char *text)
{
    if (*glob == 0)
        return *text == 0;
    if (*glob == '*') {
        bool deep = glob[1] == '*';
        const char *rest = glob + 1 + deep;
        for (const char *t = text;; t++) {
            if (matches(rest, t))
                return true;
            if (*t == 0 || (*t == '/' && !deep))
                return false;
        }
    }
    if (*text == 0)
        return false;
    if (*glob == '?')
        return *text != '/' && matches(glob + 1, text + 1);
    if (*glob == '[') {
        const char *next;
        return in_set(glob + 1, *text, &next) && matches(next, text + 1);
    }
    glob += *glob == '\\';
    return *glob == *text && matches(glob + 1, text + 1);
}

static int stars(const char *glob)
{
    int n = 0;
    for (; *glob; glob++)
        n += *glob == '*';
    return n;
}

static void check_glob(const char *glob, const char *text)
{
    size_t len;

    if (oc_glob_fault(glob))
        return;
    bool is = oc_glob(glob, text);
    if (strlen(glob) < LONG && strlen(text) < LONG && stars(glob) < 6)
        MUST(is == matches(glob, text));
    char *tail = malloc(strlen(glob) + 1);
    bool literal = oc_glob_tail(glob, tail, &len);
    MUST(len <= strlen(glob));
    if (is) {
        MUST(strlen(text) >= len && memcmp(text + strlen(text) - len, tail, len) == 0);
        MUST(!literal || strlen(text) == len);
    }
    free(tail);
}

static void check_rules(const char *files, const char *exclude, const char *name, const char *path)
{
    struct oc_rules rules = {0};
    const char *error = NULL, *where = NULL;

    if (!oc_rules_parse_files(&rules, files, &error, &where)) {
        MUST(error && *error);
        MUST(where && strlen(where) <= strlen(files));
        return;
    }
    if (!oc_rules_parse_exclude(&rules, exclude, &error, &where)) {
        MUST(error && *error);
        return;
    }
    const struct oc_rule *rule = oc_rules_match(&rules, name, path);
    MUST(!rule || oc_rules_may_match(&rules, name));
    MUST(!rule || (rule >= rules.rule && rule < rules.rule + rules.rules));
    for (size_t i = 0; i < rules.rules; i++) {
        const struct oc_rule *r = &rules.rule[i];
        MUST(!oc_glob_fault(r->glob));
        for (const struct oc_pin *pin = r->pins; pin; pin = pin->next)
            MUST(pin->from < pin->to);
        check_glob(r->glob, r->by_path ? path : name);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};
    char *files = take(&f), *exclude = take(&f), *name = take(&f), *path = take(&f);
    const char *slash = strrchr(name, '/');

    check_rules(files, exclude, slash ? slash + 1 : name, path);
    check_glob(files, name);
    free(files);
    free(exclude);
    free(name);
    free(path);
    arena_clear();
    return 0;
}
