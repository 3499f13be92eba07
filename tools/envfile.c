/*
 * Reading --env-file: envfile.h.  The syntax is that of systemd.exec(5), EnvironmentFile=:
 * lines that are empty or begin with # or ; count nothing, a backslash at a line's end joins the
 * next line, quotes keep blanks, and blanks around a value that is not quoted are dropped.
 */
#include "config.h"
#include "envfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/options.h"
#include "tool.h"

#define MOST_BYTES 65536
#define BLANKS     " \t\r"

struct reader {
    const char *path;
    const char *at;
    unsigned line;
    enum settings_layer layer;
    char value[MOST_BYTES + 1];
    size_t len, solid; /* of the value; how much of it does not end in blanks to be dropped */
};

static bool wrong(const struct reader *r, unsigned line, const char *what, const char *name)
{
    char shown[100];

    snprintf(shown, sizeof shown, "%s", name);
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = '?';
    tool_error("%s:%u: %s%s%s", r->path, line, what, *name ? ": " : "", shown);
    return false;
}

static char next(struct reader *r)
{
    char c = *r->at;
    if (c) {
        r->at++;
        r->line += c == '\n';
    }
    return c;
}

static void put(struct reader *r, char c, bool solid)
{
    r->value[r->len++] = c;
    if (solid)
        r->solid = r->len;
}

/* To the end of a comment; a backslash before it takes in the next line. */
static void skip_line(struct reader *r)
{
    for (char c = next(r); c && c != '\n'; c = next(r))
        if (c == '\\')
            next(r);
}

/* Behind a backslash outside of quotes. */
static void take_escaped(struct reader *r)
{
    char c = next(r);
    if (c && c != '\n')
        put(r, c, true);
}

static bool take_quoted(struct reader *r, char quote)
{
    unsigned line = r->line;

    for (;;) {
        char c = next(r);
        if (c == quote)
            return true;
        if (!c)
            return wrong(r, line, "a quote has no end", "");
        if (c == '\\' && quote == '"') {
            c = next(r);
            if (c == '\n')
                continue;
            if (!c || !strchr("\"\\`$", c))
                put(r, '\\', true);
            if (!c)
                continue;
        }
        put(r, c, true);
    }
}

/* Behind the '='.  A quote counts as one only where a value, or its next part, begins. */
static bool take_value(struct reader *r)
{
    bool begins = true;

    r->len = r->solid = 0;
    for (;;) {
        char c = next(r);
        if (!c || c == '\n')
            break;
        if (begins && (c == '\'' || c == '"')) {
            if (!take_quoted(r, c))
                return false;
            continue;
        }
        bool blank = strchr(BLANKS, c) != NULL;
        if (blank && begins)
            continue;
        begins = false;
        if (c == '\\')
            take_escaped(r);
        else
            put(r, c, !blank);
    }
    r->value[r->solid] = '\0';
    return true;
}

static bool assign(struct reader *r, unsigned line, const char *name)
{
    char why[300];

    if (!oc_option_check(name, r->value, why, sizeof why))
        return wrong(r, line, why, "");
    settings_set_from_file(r->layer, name, r->value);
    return true;
}

/* A line that begins with a NAME. */
static bool take_line(struct reader *r)
{
    const char *from = r->at;
    unsigned line = r->line;
    size_t whole = strcspn(from, "\n"), len = strcspn(from, "=\n");
    char name[200];

    if (from[len] != '=') {
        snprintf(name, sizeof name, "%.*s", (int)whole, from);
        return wrong(r, line, "expected NAME=VALUE", name);
    }
    r->at += len + 1;
    while (len && strchr(BLANKS, from[len - 1]))
        len--;
    snprintf(name, sizeof name, "%.*s", (int)len, from);
    return take_value(r) && assign(r, line, name);
}

static bool parse(struct reader *r)
{
    for (;;) {
        r->at += strspn(r->at, BLANKS);
        char c = *r->at;
        if (!c)
            return true;
        if (c == '\n')
            next(r);
        else if (c == '#' || c == ';')
            skip_line(r);
        else if (!take_line(r))
            return false;
    }
}

/* The whole file; NULL with errno, or 0 there: something is wrong with what is in it. */
static char *read_text(const char *path)
{
    struct stat st;
    char *text = malloc(MOST_BYTES + 2);
    FILE *file = fopen(path, "re");

    if (!text)
        abort();
    size_t n = file ? fread(text, 1, MOST_BYTES + 1, file) : 0;
    bool ok = file && !ferror(file) && fstat(fileno(file), &st) == 0;
    int why = errno;
    if (file)
        fclose(file);
    text[n] = '\0';
    errno = ok ? 0 : why;
    if (ok && n <= MOST_BYTES && strlen(text) == n)
        return text;
    free(text);
    return NULL;
}

bool envfile_read(const char *path, enum settings_layer layer)
{
    struct reader *r = calloc(1, sizeof *r);
    char *text = read_text(path);

    if (!r)
        abort();
    if (!text)
        tool_error("%s: %s", path, errno ? strerror(errno) : "no text, or too long");
    *r = (struct reader){.path = path, .at = text, .line = 1, .layer = layer};
    bool ok = text && parse(r);
    free(text);
    free(r);
    return ok;
}
