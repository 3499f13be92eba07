/*
 * The environment.  Input: lines NAME=VALUE.
 *
 * Checked: malformed values leave everything as it was; accepted ones are within
 * their ranges; the same environment gives the same answer twice.
 */
#include "base/options.h"

#include <string.h>

#include "arena.h"
#include "base/log.h"
#include "base/sys.h"
#include "fuzz.h"

enum { LINES = 64 };

static char *lines[LINES];
static size_t used;

static const char *lookup(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < used; i++)
        if (strncmp(lines[i], name, n) == 0 && lines[i][n] == '=')
            return lines[i] + n + 1;
    return NULL;
}

static void split(char *text)
{
    char *save = NULL;

    used = 0;
    for (char *l = strtok_r(text, "\n", &save); l && used < LINES; l = strtok_r(NULL, "\n", &save))
        lines[used++] = l;
}

static void check_ranges(void)
{
    const struct oc_options *o = &oc_options;

    if (o->disable || !o->rules.rules)
        return;
    MUST(o->section >= oc_page && (o->section & (o->section - 1)) == 0);
    MUST(o->pool >= o->section);
    MUST(!o->dir || *o->dir == '/');
    MUST(!o->log_file || *o->log_file == '/');
    MUST(o->linger <= 1000000000);
    MUST(o->log_level >= OC_LOG_OFF && o->log_level <= OC_LOG_DEBUG);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct oc_options before = oc_options, after;

    memcpy(text, data, size);
    text[size] = 0;
    split(text);
    bool taken = oc_options_read(lookup);
    after = oc_options;
    if (taken)
        check_ranges();
    else
        MUST(memcmp(&before, &after, sizeof before) == 0);
    MUST(oc_options_read(lookup) == taken);
    MUST(oc_options.rules.rules == after.rules.rules && oc_options.disable == after.disable &&
         oc_options.pool == after.pool && oc_options.section == after.section);
    memset(&oc_options, 0, sizeof oc_options);
    free(text);
    arena_clear();
    return 0;
}
