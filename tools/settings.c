/* Options that stand for ONECOPY_ variables: one table, see settings.h. */
#include "config.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "globs.h"
#include "tool.h"

static struct setting {
    const char *option;
    const char *variable;
    const char *argument;
    bool globs; /* repeatable; each occurrence adds to a list joined by ':' */
    char *value;
} settings[] = {
    {"files", "ONECOPY_FILES", "GLOB[,OPTION]...", true, NULL},
    {"exclude", "ONECOPY_EXCLUDE", "GLOB", true, NULL},
    {"min-size", "ONECOPY_MIN_SIZE", "SIZE", false, NULL},
    {"pool", "ONECOPY_POOL", "SIZE", false, NULL},
    {"section", "ONECOPY_SECTION", "SIZE", false, NULL},
    {"lend", "ONECOPY_LEND", "on|off", false, NULL},
    {"lend-min", "ONECOPY_LEND_MIN", "SIZE", false, NULL},
    {"dir", "ONECOPY_DIR", "DIR", false, NULL},
    {"linger", "ONECOPY_LINGER", "SECONDS", false, NULL},
    {"log", "ONECOPY_LOG", "LEVEL[,FILE]", false, NULL},
    {"report", "ONECOPY_REPORT", "FILE", false, NULL},
};
#define SETTINGS    (sizeof settings / sizeof settings[0])
#define FIRST_VALUE 1000

_Static_assert(SETTINGS < SETTINGS_OPTIONS, "SETTINGS_OPTIONS is too small");

void settings_options(struct option options[], size_t used)
{
    for (size_t i = 0; i < SETTINGS; i++)
        options[used + i] =
            (struct option){settings[i].option, required_argument, NULL, FIRST_VALUE + (int)i};
    options[used + SETTINGS] = (struct option){NULL, 0, NULL, 0};
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

bool settings_take(int opt, const char *arg)
{
    if (opt < FIRST_VALUE || opt >= FIRST_VALUE + (int)SETTINGS)
        return false;
    struct setting *setting = &settings[opt - FIRST_VALUE];
    if (setting->globs) {
        setting->value = joined(setting->value, globs_absolute(arg));
    } else {
        free(setting->value);
        setting->value = strdup(arg);
    }
    return true;
}

const char *settings_get(const char *variable)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].value && strcmp(settings[i].variable, variable) == 0)
            return settings[i].value;
    return getenv(variable);
}

bool settings_read(void)
{
    return oc_options_read(settings_get);
}

bool settings_check(void)
{
    if (!settings_read())
        return false;
    if (oc_options.rules.rules == 0)
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
