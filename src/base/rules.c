/*
 * The text of ONECOPY_FILES is cut at ':' into rules and each rule at ',' into
 * its glob and its options, at places that no backslash hides.  Every piece is
 * copied: the program may change its environment later.
 */
#include "base/rules.h"

#include <string.h>

#include "base/arena.h"
#include "base/size.h"

static const char no_memory[] = "not enough memory";

/* ---- the options of a rule ---- */

/* One row an option.  set() is given what follows '=', NULL when there is no '='. */
struct option {
    const char *name, *form, *text, *expected;
    bool (*set)(struct oc_rule *rule, const char *value);
};

static bool set_pin(struct oc_rule *rule, const char *value)
{
    const char *dash = value ? strchr(value, '-') : NULL;
    struct oc_pin pin = {0}, *copy, **last = &rule->pins;

    if (!dash || !oc_parse_size_to(value, dash, &pin.from) || !oc_parse_size(dash + 1, &pin.to) ||
        pin.from >= pin.to)
        return false;
    copy = oc_arena(sizeof *copy);
    if (!copy)
        return false;
    *copy = pin;
    while (*last)
        last = &(*last)->next;
    *last = copy;
    return true;
}

static bool set_switch(bool *on, const char *value)
{
    *on = value && !strcmp(value, "on");
    return value && (*on || !strcmp(value, "off"));
}

static bool set_lend(struct oc_rule *rule, const char *value)
{
    rule->kept = value && !strcmp(value, "kept");
    if (rule->kept)
        rule->lend = true;
    return rule->kept || set_switch(&rule->lend, value);
}

static bool set_map(struct oc_rule *rule, const char *value)
{
    return set_switch(&rule->map, value);
}

static bool set_unchanging(struct oc_rule *rule, const char *value)
{
    rule->unchanging = true;
    return !value && !rule->strict;
}

static bool set_strict(struct oc_rule *rule, const char *value)
{
    rule->strict = true;
    return !value && !rule->unchanging;
}

static const struct option options[] = {
    {"pin", "pin=FROM-TO", "keep these bytes mapped once they are; repeatable",
     "expected pin=FROM-TO, two sizes such as pin=0-64K", set_pin},
    {"lend", "lend=off|kept",
     "never lend this file's image, or also what is read in small steps and kept",
     "expected lend=on, lend=off or lend=kept", set_lend},
    {"map", "map=off", "never map sections of this file", "expected map=on or map=off", set_map},
    {"unchanging", "unchanging", "the file never changes: trust it on any file system",
     "expected unchanging without a value, and not together with strict", set_unchanging},
    {"strict", "strict", "never copied from sections, always compared when lent",
     "expected strict without a value, and not together with unchanging", set_strict},
};

enum { OPTIONS = sizeof options / sizeof options[0] };

bool oc_rules_option_text(size_t i, struct oc_rule_option_text *row)
{
    if (i >= OPTIONS)
        return false;
    *row = (struct oc_rule_option_text){options[i].name, options[i].form, options[i].text};
    return true;
}

/* What is wrong with the option TEXT, or NULL: it has been set. */
static const char *set_option(struct oc_rule *rule, const char *text)
{
    size_t len = strcspn(text, "=");

    for (size_t i = 0; i < OPTIONS; i++)
        if (strlen(options[i].name) == len && !memcmp(options[i].name, text, len))
            return options[i].set(rule, text[len] ? text + len + 1 : NULL) ? NULL
                                                                           : options[i].expected;
    return "expected one of pin=FROM-TO, lend=off|kept, map=off, unchanging, strict";
}

/* ---- cutting ---- */

/* The first of the characters in STOP, or the end; one behind a backslash is not it. */
static const char *find_end(const char *p, const char *stop)
{
    while (*p && !strchr(stop, *p))
        p += p[0] == '\\' && p[1] ? 2 : 1;
    return p;
}

/* The non-empty parts of a list joined by ':', copied one after the other. */
struct parts {
    const char *next;
    char *part;
};

/* False at the end of the list, with part NULL when there was no memory. */
static bool take_part(struct parts *p)
{
    const char *start = p->next + strspn(p->next, ":"), *end = find_end(start, ":");

    p->part = NULL;
    if (start == end)
        return false;
    p->next = end;
    p->part = oc_arena_copy(start, (size_t)(end - start));
    return p->part != NULL;
}

static bool at_end(const struct parts *p)
{
    return !p->next[strspn(p->next, ":")];
}

static size_t count_parts(const char *list)
{
    size_t n = 0;

    for (list += strspn(list, ":"); *list; list += strspn(list, ":")) {
        list = find_end(list, ":");
        n++;
    }
    return n;
}

/* ---- parsing ---- */

static bool has_slash(const char *glob)
{
    return strchr(glob, '/') != NULL;
}

/* A real path begins with '/', so a glob like data/x.bin would never match anything:
 * most likely the user meant something else. */
static const char *glob_fault(const char *glob)
{
    if (!*glob)
        return "expected a glob before the ','";
    if (has_slash(glob) && *glob != '/' && *glob != '*' && strncmp(glob, "\\/", 2) != 0)
        return "expected a glob for the whole path, beginning with '/' or '**'";
    return oc_glob_fault(glob);
}

static const char *prepare_rule(struct oc_rule *rule)
{
    char *tail = oc_arena(strlen(rule->glob) + 1);

    if (!tail)
        return no_memory;
    rule->literal = oc_glob_tail(rule->glob, tail, &rule->tail_len);
    rule->tail = tail;
    rule->by_path = has_slash(rule->glob);
    return NULL;
}

/* TEXT, our own copy, is cut into glob and options in place.  Returns what is wrong,
 * with *where set to it, or NULL. */
static const char *parse_rule(struct oc_rule *rule, char *text, const char **where)
{
    char *end = text + (find_end(text, ",") - text);
    bool more = *end == ',';
    const char *fault;

    *rule = (struct oc_rule){.glob = text, .lend = true, .map = true};
    *where = text;
    *end = '\0';
    fault = glob_fault(text);
    while (!fault && more) {
        char *option = end + 1;

        end = option + strcspn(option, ",");
        more = *end == ',';
        *end = '\0';
        *where = option;
        fault = set_option(rule, option);
    }
    return fault ? fault : prepare_rule(rule);
}

/* A rule for paths takes files by whatever name: a link's may be another. */
static void note_end(struct oc_rules *rules, const struct oc_rule *rule)
{
    if (rule->by_path || rule->tail_len == 0) {
        memset(rules->ends, 0xff, sizeof rules->ends);
    } else {
        unsigned char last = (unsigned char)rule->tail[rule->tail_len - 1];
        rules->ends[last / 64] |= UINT64_C(1) << last % 64;
    }
}

bool oc_rules_parse_files(struct oc_rules *rules, const char *files, const char **error,
                          const char **where)
{
    struct parts p = {.next = files ? files : ""};
    size_t n = count_parts(p.next);

    *where = "";
    *error = no_memory;
    rules->rules = 0;
    memset(rules->ends, 0, sizeof rules->ends);
    rules->rule = n ? oc_arena(n * sizeof *rules->rule) : NULL;
    if (n && !rules->rule)
        return false;
    while (take_part(&p)) {
        struct oc_rule *rule = &rules->rule[rules->rules];
        const char *fault = parse_rule(rule, p.part, where);

        if (fault) {
            *error = fault;
            return false;
        }
        rules->rules++;
        rules->by_path |= rule->by_path;
        note_end(rules, rule);
    }
    return at_end(&p);
}

bool oc_rules_parse_exclude(struct oc_rules *rules, const char *exclude, const char **error,
                            const char **where)
{
    struct parts p = {.next = exclude ? exclude : ""};
    size_t n = count_parts(p.next);

    *where = "";
    *error = no_memory;
    rules->excludes = 0;
    rules->exclude = n ? oc_arena(n * sizeof *rules->exclude) : NULL;
    if (n && !rules->exclude)
        return false;
    while (take_part(&p)) {
        const char *fault = glob_fault(p.part);

        *where = p.part;
        if (fault) {
            *error = fault;
            return false;
        }
        rules->exclude[rules->excludes++] = p.part;
        rules->by_path |= has_slash(p.part);
    }
    return at_end(&p);
}

bool oc_rules_parse(struct oc_rules *rules, const char *files, const char *exclude,
                    const char **error, const char **where)
{
    return oc_rules_parse_files(rules, files, error, where) &&
           oc_rules_parse_exclude(rules, exclude, error, where);
}

/* ---- matching ---- */

/* Most files are strangers, and most of these are known by their last character. */
static inline bool rule_takes(const struct oc_rule *rule, const char *text, size_t len)
{
    size_t tail = rule->tail_len;

    if (rule->literal ? len != tail : len < tail)
        return false;
    if (tail && text[len - 1] != rule->tail[tail - 1])
        return false;
    if (memcmp(text + len - tail, rule->tail, tail) != 0)
        return false;
    return rule->literal || oc_glob(rule->glob, text);
}

static bool excluded(const struct oc_rules *rules, const char *name, const char *path)
{
    for (size_t i = 0; i < rules->excludes; i++) {
        const char *text = has_slash(rules->exclude[i]) ? path : name;

        if (text && oc_glob(rules->exclude[i], text))
            return true;
    }
    return false;
}

bool oc_rules_may_match(const struct oc_rules *rules, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < rules->rules; i++)
        if (rules->rule[i].by_path || rule_takes(&rules->rule[i], name, len))
            return true;
    return false;
}

const struct oc_rule *oc_rules_match(const struct oc_rules *rules, const char *name,
                                     const char *path)
{
    size_t name_len = strlen(name), path_len = path ? strlen(path) : 0;

    for (size_t i = 0; i < rules->rules; i++) {
        const struct oc_rule *rule = &rules->rule[i];

        if (rule->by_path ? path && rule_takes(rule, path, path_len)
                          : rule_takes(rule, name, name_len))
            return excluded(rules, name, path) ? NULL : rule;
    }
    return NULL;
}
