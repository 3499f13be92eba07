/*
 * One table, one row a variable.  Each row's parser fills its field of a fresh
 * struct from text, first from the default and then from the environment, and
 * the struct comes into force as a whole or not at all.
 */
#include "base/options.h"

#include <string.h>
#include <sys/auxv.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/sys.h"

/* What went wrong, for the one line that the user gets. */
struct fault {
    const char *expected; /* instead of the row's own text, or NULL */
    const char *where;    /* the part of the value that is meant, or NULL */
    char text[128];       /* room for an expected text with numbers in it */
};

typedef bool parse_fn(struct oc_options *o, const char *value, struct fault *fault);

struct variable {
    const char *name, *fallback, *text, *expected;
    parse_fn *parse;
};

/* ---- values ---- */

static bool parse_files(struct oc_options *o, const char *value, struct fault *fault)
{
    return oc_rules_parse_files(&o->rules, value, &fault->expected, &fault->where);
}

static bool parse_exclude(struct oc_options *o, const char *value, struct fault *fault)
{
    return oc_rules_parse_exclude(&o->rules, value, &fault->expected, &fault->where);
}

static bool parse_min_size(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    return oc_parse_size(value, &o->min_size);
}

static bool parse_pool(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    return oc_parse_size(value, &o->pool);
}

static bool parse_section(struct oc_options *o, const char *value, struct fault *fault)
{
    if (!oc_parse_size(value, &o->section))
        return false;
    if (o->section >= oc_page && (o->section & (o->section - 1)) == 0)
        return true;
    oc_format(fault->text, sizeof fault->text,
              "expected a power of two that is at least the page size, %zu", oc_page);
    fault->expected = fault->text;
    return false;
}

/* WORD is one of two; *yes tells whether it is the first. */
static bool parse_either(const char *word, const char *first, const char *second, bool *yes)
{
    *yes = !strcmp(word, first);
    return *yes || !strcmp(word, second);
}

static bool parse_lend(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    return parse_either(value, "on", "off", &o->lend);
}

static bool parse_lend_min(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    if (!oc_parse_size(value, &o->lend_min))
        return false;
    if (!o->lend_min)
        o->lend_min = 1; /* a read of nothing is never lent */
    return true;
}

/* A name given relative to the working directory must mean the same after chdir. */
static const char *absolute(const char *path)
{
    char dir[4096], *whole;
    long len = *path == '/' ? 0 : OC_SYS_2(SYS_getcwd, dir, sizeof dir);

    if (len <= 1 || *dir != '/')
        return oc_arena_copy(path, strlen(path));
    whole = oc_arena((size_t)len + strlen(path) + 1);
    if (whole)
        oc_format(whole, (size_t)len + strlen(path) + 1, "%s/%s", dir, path);
    return whole;
}

/* Relative, it would be another directory in every process. */
static bool parse_dir(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    o->dir = *value ? oc_arena_copy(value, strlen(value)) : NULL;
    return !*value || (*value == '/' && o->dir);
}

static bool parse_image_max(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    o->image_max = 0;
    return !*value || (oc_parse_size(value, &o->image_max) && o->image_max > 0);
}

static bool parse_linger(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    return oc_parse_number(value, &o->linger) && o->linger <= 1000000000;
}

static bool parse_log(struct oc_options *o, const char *value, struct fault *fault)
{
    static const char *const words[] = {"off", "error", "info", "debug"};
    size_t len = strcspn(value, ",");

    (void)fault;
    o->log_file = NULL;
    if (value[len] && (!value[len + 1] || !(o->log_file = absolute(value + len + 1))))
        return false;
    for (int i = OC_LOG_OFF; i <= OC_LOG_DEBUG; i++)
        if (strlen(words[i]) == len && !memcmp(words[i], value, len)) {
            o->log_level = i;
            return true;
        }
    return false;
}

static bool parse_report(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    o->report = o->accounts = NULL;
    if (!*value)
        return true;
    if (strncmp(value, "table:", 6) == 0) {
        o->accounts = absolute(value + 6);
        return o->accounts != NULL;
    }
    o->report = strcmp(value, "stderr") != 0 ? absolute(value) : "stderr";
    return o->report != NULL;
}

static bool parse_disable(struct oc_options *o, const char *value, struct fault *fault)
{
    (void)fault;
    return parse_either(value, "1", "0", &o->disable) || !*value;
}

/* ---- the table ---- */

static const struct variable variables[] = {
    {"ONECOPY_FILES", "", "files to serve: GLOB[,OPTION...] joined by ':'",
     "expected GLOB[,OPTION...] joined by ':'", parse_files},
    {"ONECOPY_EXCLUDE", "", "globs that no rule may match, joined by ':'",
     "expected globs joined by ':'", parse_exclude},
    {"ONECOPY_MIN_SIZE", "1M", "leave smaller files alone", "expected a size such as 1M",
     parse_min_size},
    {"ONECOPY_POOL", "32M", "address space for sections, per process",
     "expected a size such as 32M", parse_pool},
    {"ONECOPY_SECTION", "256K", "size of a section", "expected a size such as 256K", parse_section},
    {"ONECOPY_LEND", "on", "lend images into big buffers: on or off", "expected on or off",
     parse_lend},
    {"ONECOPY_LEND_MIN", "256K", "smallest read that is lent", "expected a size such as 256K",
     parse_lend_min},
    {"ONECOPY_DIR", "", "directory of the images", "expected an absolute path", parse_dir},
    {"ONECOPY_IMAGE_MAX", "", "most memory for all images of a directory",
     "expected a size such as 4G, more than 0", parse_image_max},
    {"ONECOPY_LINGER", "0", "seconds an unused image is kept for the next start",
     "expected a number of seconds, at most 1000000000", parse_linger},
    {"ONECOPY_LOG", "error", "messages: off, error, info or debug, then maybe ',FILE'",
     "expected off, error, info or debug, then maybe ',FILE'", parse_log},
    {"ONECOPY_REPORT", "", "one summary line per process at exit: a file, or stderr",
     "expected a file, or stderr", parse_report},
    {"ONECOPY_DISABLE", "", "1: do nothing at all", "expected 1 or 0", parse_disable},
};

enum { VARIABLES = sizeof variables / sizeof variables[0] };

/* The fallbacks above once more, so that nobody meets zeros before oc_options_read; a
 * test compares the two. */
struct oc_options oc_options = {
    .min_size = 1 << 20,
    .pool = 32 << 20,
    .section = 256 << 10,
    .lend = true,
    .lend_min = 256 << 10,
    .log_level = OC_LOG_ERROR,
};

bool oc_options_text(size_t i, struct oc_option_text *row)
{
    if (i >= VARIABLES)
        return false;
    *row = (struct oc_option_text){variables[i].name, variables[i].fallback, variables[i].text};
    return true;
}

/* ---- reading ---- */

/* Up to SIZE bytes of a value, fit for a terminal. */
static const char *printable(char *out, size_t size, const char *value)
{
    size_t i = 0;

    for (; i < size - 4 && value[i]; i++)
        out[i] = (unsigned char)value[i] < ' ' || value[i] == 0x7f ? '?' : value[i];
    strcpy(out + i, value[i] ? "..." : "");
    return out;
}

/* What is wrong with a value, without an end. */
static void describe(char *out, size_t size, const struct variable *v, const char *value,
                     const struct fault *fault)
{
    char shown[200], part[100];
    bool at = fault->where && *fault->where;

    oc_format(out, size, "%s=%s: %s%s%s%s", v->name, printable(shown, sizeof shown, value),
              fault->expected ? fault->expected : v->expected, at ? ", not '" : "",
              at ? printable(part, sizeof part, fault->where) : "", at ? "'" : "");
}

static void complain(const struct variable *v, const char *value, const struct fault *fault)
{
    char line[640], text[560];
    int len;

    describe(text, sizeof text, v, value, fault);
    len = oc_format(line, sizeof line, "onecopy: %s; onecopy is off in this process\n", text);
    oc_log_write(line, (unsigned long)len);
}

static const struct variable *find(const char *name)
{
    const struct variable *v = variables;

    while (strcmp(v->name, name) != 0)
        v++;
    return v;
}

/* The value that counts: an empty variable is as good as none. */
static const char *value_of(const struct variable *v, oc_getenv_fn *get)
{
    const char *value = get(v->name);

    return value && *value ? value : v->fallback;
}

/* A complaint is for somebody who asked for something. */
static bool is_inert(oc_getenv_fn *get)
{
    return !*value_of(find("ONECOPY_FILES"), get) ||
           !strcmp(value_of(find("ONECOPY_DISABLE"), get), "1");
}

static bool parse_all(struct oc_options *o, oc_getenv_fn *get, bool quiet)
{
    for (const struct variable *v = variables; v < variables + VARIABLES; v++) {
        struct fault fault = {0};
        const char *value = value_of(v, get);

        if (v->parse(o, value, &fault))
            continue;
        if (!quiet) {
            complain(v, value, &fault);
            return false;
        }
        v->parse(o, v->fallback, &fault);
    }
    return true;
}

/* Most sections of a pool, so that its tables stay small beside what they manage. */
enum { SECTIONS_MAX = 1 << 20 };

/* What no single variable can show. */
static bool check_relations(const struct oc_options *o, oc_getenv_fn *get)
{
    const struct variable *pool = find("ONECOPY_POOL");
    const char *section = value_of(find("ONECOPY_SECTION"), get);
    struct fault fault = {0};

    if (o->pool < o->section)
        oc_format(fault.text, sizeof fault.text,
                  "expected room for at least one section (ONECOPY_SECTION, %s)", section);
    else if (o->pool / o->section > SECTIONS_MAX || o->pool > SIZE_MAX / 4)
        oc_format(fault.text, sizeof fault.text,
                  "expected room for at most %d sections (ONECOPY_SECTION, %s)", SECTIONS_MAX,
                  section);
    else
        return true;
    fault.expected = fault.text;
    complain(pool, value_of(pool, get), &fault);
    return false;
}

bool oc_options_read(oc_getenv_fn *get)
{
    struct oc_options o = {0};
    bool inert = is_inert(get);

    /* A set-user-ID program must not do what its caller's environment says. */
    if (getauxval(AT_SECURE)) {
        oc_options.disable = true;
        return true;
    }
    if (!parse_all(&o, get, inert))
        return false;
    if (!inert && !check_relations(&o, get))
        return false;
    oc_options = o;
    oc_log_to((enum oc_log_level)o.log_level, o.log_file);
    return true;
}

bool oc_option_check(const char *name, const char *value, char *out, size_t size)
{
    struct oc_options o = {0};
    struct fault fault = {0};

    for (const struct variable *v = variables; v < variables + VARIABLES; v++) {
        if (strcmp(v->name, name) != 0)
            continue;
        if (!*value || v->parse(&o, value, &fault))
            return true;
        describe(out, size, v, value, &fault);
        return false;
    }
    oc_format(out, size, "%s is no variable of onecopy", name);
    return false;
}
