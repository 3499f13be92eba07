/* Options that stand for ONECOPY_ variables: one table, see settings.h. */
#include "config.h"
#include "settings.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "globs.h"
#include "tool.h"

enum kind {
    TEXT,
    GLOBS, /* repeatable; each occurrence adds to a list joined by ':' */
    FOLDER /* made absolute, as the library wants it */
};

static struct setting {
    const char *option;
    const char *variable;
    const char *argument;
    enum kind kind;
    char *value;
} settings[] = {
    {"files", "ONECOPY_FILES", "GLOB[,OPTION]...", GLOBS, NULL},
    {"exclude", "ONECOPY_EXCLUDE", "GLOB", GLOBS, NULL},
    {"min-size", "ONECOPY_MIN_SIZE", "SIZE", TEXT, NULL},
    {"pool", "ONECOPY_POOL", "SIZE", TEXT, NULL},
    {"section", "ONECOPY_SECTION", "SIZE", TEXT, NULL},
    {"lend", "ONECOPY_LEND", "on|off", TEXT, NULL},
    {"lend-min", "ONECOPY_LEND_MIN", "SIZE", TEXT, NULL},
    {"dir", "ONECOPY_DIR", "DIR", FOLDER, NULL},
    {"image-max", "ONECOPY_IMAGE_MAX", "SIZE", TEXT, NULL},
    {"linger", "ONECOPY_LINGER", "SECONDS", TEXT, NULL},
    {"log", "ONECOPY_LOG", "LEVEL[,FILE]", TEXT, NULL},
    {"report", "ONECOPY_REPORT", "FILE", TEXT, NULL},
};
#define SETTINGS    (sizeof settings / sizeof settings[0])
#define FIRST_VALUE 1000

_Static_assert(SETTINGS < SETTINGS_OPTIONS, "SETTINGS_OPTIONS is too small");

static struct option option_of(size_t i)
{
    return (struct option){settings[i].option, required_argument, NULL, FIRST_VALUE + (int)i};
}

void settings_options(struct option options[], size_t used)
{
    for (size_t i = 0; i < SETTINGS; i++)
        options[used + i] = option_of(i);
    options[used + SETTINGS] = (struct option){NULL, 0, NULL, 0};
}

struct option settings_option(const char *name)
{
    size_t i = 0;

    while (strcmp(settings[i].option, name) != 0)
        i++;
    return option_of(i);
}

/* LIST:ITEM, or ITEM when there is no list yet. */
static char *joined(char *list, char *item)
{
    char *both = NULL;
    if (!list)
        return item;
    if (asprintf(&both, "%s:%s", list, item) < 0)
        abort();
    free(list);
    free(item);
    return both;
}

static char *absolute(const char *path)
{
    char here[PATH_MAX], *whole = NULL;

    if (*path == '/' || !*path || !getcwd(here, sizeof here))
        return strdup(path);
    if (asprintf(&whole, "%s/%s", here, path) < 0)
        abort();
    return whole;
}

bool settings_take(int opt, const char *arg)
{
    if (opt < FIRST_VALUE || opt >= FIRST_VALUE + (int)SETTINGS)
        return false;
    struct setting *setting = &settings[opt - FIRST_VALUE];
    if (setting->kind == GLOBS) {
        setting->value = joined(setting->value, globs_absolute(arg));
        return true;
    }
    free(setting->value);
    setting->value = setting->kind == FOLDER ? absolute(arg) : strdup(arg);
    return true;
}

const char *settings_get(const char *variable)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].value && strcmp(settings[i].variable, variable) == 0)
            return settings[i].value;
    return getenv(variable);
}

static bool has_files(void)
{
    const char *files = settings_get("ONECOPY_FILES");
    return files && *files;
}

/* The library says nothing about mistakes while it has nothing to do; somebody who types
 * options wants to hear of them at once. */
static const char *as_if_needed(const char *variable)
{
    if (strcmp(variable, "ONECOPY_DISABLE") == 0)
        return NULL;
    if (strcmp(variable, "ONECOPY_FILES") == 0 && !has_files())
        return "*";
    return settings_get(variable);
}

bool settings_read(void)
{
    return oc_options_read(as_if_needed);
}

bool settings_check(void)
{
    if (!settings_read())
        return false;
    if (!has_files())
        tool_error("warning: neither --files nor ONECOPY_FILES names any file, so none is shared");
    return true;
}

void settings_export(void)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].value)
            setenv(settings[i].variable, settings[i].value, 1);
}

void settings_clear(void)
{
    struct oc_option_text row;
    for (size_t i = 0; oc_options_text(i, &row); i++)
        unsetenv(row.name);
}

static void help_line(FILE *out, const struct setting *setting)
{
    struct oc_option_text row;
    char left[64];

    snprintf(left, sizeof left, "--%s %s", setting->option, setting->argument);
    for (size_t i = 0; oc_options_text(i, &row); i++)
        if (strcmp(row.name, setting->variable) == 0)
            fprintf(out, "  %-26s %s%s%s%s\n", left, row.text, *row.fallback ? " [" : "",
                    row.fallback, *row.fallback ? "]" : "");
}

void settings_help(FILE *out)
{
    fputs("Each of these sets the variable of the same name (ONECOPY_FILES and so on):\n", out);
    for (size_t i = 0; i < SETTINGS; i++)
        help_line(out, &settings[i]);
}
