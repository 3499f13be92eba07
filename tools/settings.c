/* Options that stand for ONECOPY_ variables: one table, see settings.h. */
#include "config.h"
#include "settings.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "envfile.h"
#include "globs.h"
#include "tool.h"
#include "words.h"

enum kind {
    TEXT,
    GLOBS, /* repeatable; each occurrence adds to a list joined by ':' */
    FOLDER /* made absolute, as the library wants it */
};

static const struct setting {
    const char *option; /* NULL: only a variable */
    const char *variable;
    const char *argument;
    enum kind kind;
} settings[] = {
    {"files", "ONECOPY_FILES", "GLOB[,OPTION]...", GLOBS},
    {"exclude", "ONECOPY_EXCLUDE", "GLOB", GLOBS},
    {"min-size", "ONECOPY_MIN_SIZE", "SIZE", TEXT},
    {"pool", "ONECOPY_POOL", "SIZE", TEXT},
    {"section", "ONECOPY_SECTION", "SIZE", TEXT},
    {"lend", "ONECOPY_LEND", "on|off", TEXT},
    {"lend-min", "ONECOPY_LEND_MIN", "SIZE", TEXT},
    {"dir", "ONECOPY_DIR", "DIR", FOLDER},
    {"image-max", "ONECOPY_IMAGE_MAX", "SIZE", TEXT},
    {"linger", "ONECOPY_LINGER", "SECONDS", TEXT},
    {"log", "ONECOPY_LOG", "LEVEL[,FILE]", TEXT},
    {"report", "ONECOPY_REPORT", "FILE", TEXT},
    {NULL, "ONECOPY_DISABLE", NULL, TEXT},
};
#define SETTINGS    (sizeof settings / sizeof settings[0])
#define FIRST_VALUE 1000
#define ENV_FILE    (FIRST_VALUE + (int)SETTINGS)

_Static_assert(SETTINGS + 2 < SETTINGS_OPTIONS, "SETTINGS_OPTIONS is too small");

static struct layer {
    char *typed[SETTINGS], *from_file[SETTINGS];
} layers[SETTINGS_LAYERS];

static enum settings_layer in_use = SETTINGS_COMMON;

static struct option option_of(size_t i)
{
    return (struct option){settings[i].option, required_argument, NULL, FIRST_VALUE + (int)i};
}

void settings_options(struct option options[], size_t used)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].option)
            options[used++] = option_of(i);
    options[used++] = (struct option){"env-file", required_argument, NULL, ENV_FILE};
    options[used] = (struct option){NULL, 0, NULL, 0};
}

/* SETTINGS: there is none of that name. */
static size_t find_option(const char *name, size_t len)
{
    size_t i = 0;

    while (i < SETTINGS && (!settings[i].option || strlen(settings[i].option) != len ||
                            memcmp(settings[i].option, name, len) != 0))
        i++;
    return i;
}

struct option settings_option(const char *name)
{
    return option_of(find_option(name, strlen(name)));
}

static size_t find_variable(const char *name, size_t len)
{
    size_t i = 0;

    while (i < SETTINGS &&
           (strlen(settings[i].variable) != len || memcmp(settings[i].variable, name, len) != 0))
        i++;
    return i;
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

static void keep(struct layer *layer, size_t i, const char *arg)
{
    char **value = &layer->typed[i];

    if (settings[i].kind == GLOBS) {
        *value = joined(*value, globs_absolute(arg));
        return;
    }
    free(*value);
    *value = settings[i].kind == FOLDER ? absolute(arg) : strdup(arg);
}

bool settings_take(int opt, const char *arg)
{
    if (opt == ENV_FILE)
        return envfile_read(arg, SETTINGS_COMMON);
    if (opt < FIRST_VALUE || opt >= FIRST_VALUE + (int)SETTINGS)
        return false;
    keep(&layers[SETTINGS_COMMON], (size_t)(opt - FIRST_VALUE), arg);
    return true;
}

bool settings_set_from_file(enum settings_layer layer, const char *variable, const char *value)
{
    size_t i = find_variable(variable, strlen(variable));

    if (i == SETTINGS)
        return false;
    free(layers[layer].from_file[i]);
    layers[layer].from_file[i] = strdup(value);
    return true;
}

/* ---- a set of options in one text ---- */

/* "--NAME=VALUE", or "--NAME" and NEXT; *used: how many of the two.  False: with a message. */
static bool take_option_word(enum settings_layer layer, const char *what, const char *word,
                             const char *next, size_t *used)
{
    size_t len = strcspn(word + 2, "=");
    const char *value = word[2 + len] ? word + 2 + len + 1 : next;
    bool file = len == 8 && memcmp(word + 2, "env-file", len) == 0;
    size_t i = file ? 0 : find_option(word + 2, len);

    if (i == SETTINGS) {
        tool_error("%s: unknown option '%.*s'", what, (int)len + 2, word);
        return false;
    }
    if (!value) {
        tool_error("%s: option '%s' requires an argument", what, word);
        return false;
    }
    *used = word[2 + len] ? 1 : 2;
    if (file)
        return envfile_read(value, layer);
    keep(&layers[layer], i, value);
    return true;
}

static bool take_variable_word(enum settings_layer layer, const char *what, const char *word)
{
    size_t len = strcspn(word, "="), i = find_variable(word, len);

    if (i == SETTINGS || !word[len]) {
        tool_error("%s: '%s' is neither an option of 'onecopy run' nor VARIABLE=VALUE", what, word);
        return false;
    }
    free(layers[layer].typed[i]);
    layers[layer].typed[i] = strdup(word + len + 1);
    return true;
}

bool settings_take_words(enum settings_layer layer, const char *what, const char *text)
{
    char **words = words_split(text);
    bool ok = words != NULL;
    size_t used;

    if (!ok)
        tool_error("%s: a quote or backslash has no end in '%s'", what, text);
    for (char **word = words; ok && *word; word += used) {
        used = 1;
        ok = strncmp(*word, "--", 2) == 0 ? take_option_word(layer, what, *word, word[1], &used)
                                          : take_variable_word(layer, what, *word);
    }
    words_free(words);
    return ok;
}

/* ---- what is in force ---- */

void settings_use(enum settings_layer layer)
{
    in_use = layer;
}

/* The value that a layer has; NULL: none. */
static const char *layer_value(enum settings_layer layer, size_t i)
{
    const char *typed = layers[layer].typed[i];
    return typed ? typed : layers[layer].from_file[i];
}

static const char *given_value(size_t i)
{
    const char *value = layer_value(in_use, i);
    return value ? value : layer_value(SETTINGS_COMMON, i);
}

const char *settings_get(const char *variable)
{
    size_t i = find_variable(variable, strlen(variable));
    const char *value = i < SETTINGS ? given_value(i) : NULL;

    return value ? value : getenv(variable);
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
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = given_value(i);
        if (value)
            setenv(settings[i].variable, value, 1);
    }
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
        if (settings[i].option)
            help_line(out, &settings[i]);
    fputs("Before them:\n"
          "  --env-file FILE            read variables from FILE, lines of NAME=VALUE as for\n"
          "                             systemd's EnvironmentFile=; options win over them\n",
          out);
}
