/*
 * What is shared now, as metrics in the text format of Prometheus: state.h.  All samples of a
 * metric stand together behind its HELP and TYPE, as the format wants it.
 */
#include "config.h"
#include "state.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/counters.h"
#include "doctor.h"

/* Labels have to be UTF-8, which names of files need not be. */
static void label(FILE *out, const char *name, const char *value, bool last)
{
    json_t *text = doctor_text(value);

    fprintf(out, "%s=\"", name);
    for (value = json_string_value(text); *value; value++)
        if (*value == '\n')
            fputs("\\n", out);
        else
            fprintf(out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
    fputs(last ? "\"" : "\",", out);
    json_decref(text);
}

static void image_labels(FILE *out, const struct image *image)
{
    char shift[16];

    snprintf(shift, sizeof shift, "%u", (unsigned)image->header.shift);
    label(out, "image", image->path, false);
    label(out, "file", state_source(image), false);
    label(out, "shift", shift, true);
}

static void metric(FILE *out, const char *name, const char *text)
{
    fprintf(out, "# HELP onecopy_%s %s\n# TYPE onecopy_%s gauge\n", name, text, name);
}

static void total(FILE *out, const char *name, const char *text, int64_t value)
{
    metric(out, name, text);
    fprintf(out, "onecopy_%s %" PRId64 "\n", name, value);
}

static void process_labels(FILE *out, const struct image_user *user, bool last)
{
    char pid[16];

    snprintf(pid, sizeof pid, "%d", (int)user->pid);
    label(out, "pid", pid, false);
    label(out, "name", user->name, last);
}

enum use_value { LENT, SHARED, RESIDENT };

static uint64_t use_value(const struct image_use *use, enum use_value which)
{
    if (which == LENT)
        return use->lent;
    return which == SHARED ? image_use_shared(use) : use->resident;
}

static void of_uses(const struct state *state, FILE *out, const char *name, enum use_value which)
{
    for (size_t i = 0; i < state->count; i++)
        for (size_t j = 0; j < state->users[i].count; j++) {
            const struct image_user *user = &state->users[i];
            fprintf(out, "onecopy_%s{", name);
            process_labels(out, user, false);
            image_labels(out, &state->images.list[user->uses[j].image]);
            fprintf(out, "} %" PRIu64 "\n", use_value(&user->uses[j], which));
        }
}

static void of_images(const struct state *state, FILE *out, const char *name, bool users)
{
    for (size_t i = 0; i < state->images.count; i++) {
        const struct image *image = &state->images.list[i];
        fprintf(out, "onecopy_%s{", name);
        image_labels(out, image);
        fprintf(out, "} %" PRIu64 "\n", users ? (uint64_t)state_users(state, i) : image->allocated);
    }
}

static void of_counter(const struct state *state, FILE *out, const char *name, const char *text)
{
    fprintf(out, "# HELP onecopy_%s_total %c%s.\n# TYPE onecopy_%s_total counter\n", name,
            toupper((unsigned char)*text), text + 1, name);
    for (size_t i = 0; i < state->count; i++) {
        const struct image_user *user = &state->users[i];
        if (!json_object_get(user->counters, name))
            continue;
        fprintf(out, "onecopy_%s_total{", name);
        process_labels(out, user, true);
        fprintf(out, "} %" PRIu64 "\n", state_counter(user, name));
    }
}

static void of_counters(const struct state *state, FILE *out)
{
#define X(name, text) of_counter(state, out, #name, text);
    OC_COUNTER_LIST(X)
#undef X
}

static void of_reasons(const struct state *state, FILE *out)
{
    const char *why;
    json_t *count;

    fputs("# HELP onecopy_not_lent_total Big reads left to the kernel, by reason.\n"
          "# TYPE onecopy_not_lent_total counter\n",
          out);
    for (size_t i = 0; i < state->count; i++)
        json_object_foreach(state->users[i].reasons, why, count)
        {
            fputs("onecopy_not_lent_total{", out);
            process_labels(out, &state->users[i], false);
            label(out, "why", why, true);
            fprintf(out, "} %lld\n", (long long)json_integer_value(count));
        }
}

void stat_prometheus(const struct state *state, FILE *out)
{
    total(out, "processes", "Processes that the library serves.", (int64_t)state->count);
    total(out, "images", "Images in the homes.", (int64_t)state->images.count);
    total(out, "saved_bytes", "Memory saved now, less what the images take.", state->saved);
    total(out, "unreadable_processes", "Processes that could not be looked at.",
          (int64_t)state->unreadable);
    total(out, "uncounted_processes", "Processes whose counters could not be read.",
          (int64_t)state->uncounted);
    metric(out, "image_bytes", "Memory or disk that an image takes.");
    of_images(state, out, "image_bytes", false);
    metric(out, "image_users", "Processes that use an image.");
    of_images(state, out, "image_users", true);
    metric(out, "lent_bytes", "Bytes of an image mapped over buffers of a process.");
    of_uses(state, out, "lent_bytes", LENT);
    metric(out, "shared_bytes", "Of these, not written to since.");
    of_uses(state, out, "shared_bytes", SHARED);
    metric(out, "resident_bytes", "Of the lent bytes, in the process's page tables.");
    of_uses(state, out, "resident_bytes", RESIDENT);
    of_counters(state, out);
    of_reasons(state, out);
}
