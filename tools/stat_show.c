/* What is shared now, for people, as JSON, and for Prometheus: state.h. */
#include "config.h"
#include "state.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

/* ---- for people ---- */

static double megabytes(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

static void text_images(const struct state *state, FILE *out)
{
    fprintf(out, "%10s %10s %6s %6s  %s\n", "IMAGE MB", "FILE MB", "SHIFT", "USERS", "FILE");
    for (size_t i = 0; i < state->images.count; i++) {
        const struct image *image = &state->images.list[i];
        fprintf(out, "%10.1f %10.1f %6u %6zu  %s\n", megabytes(image->allocated),
                megabytes(image->header.id.size), (unsigned)image->header.shift,
                state_users(state, i), state_source(image));
    }
}

static void text_users(const struct state *state, FILE *out)
{
    fprintf(out, "\n%10s %10s %10s %8s %-15s  %s\n", "LENT MB", "SHARED MB", "COPIED MB", "PID",
            "PROGRAM", "FILE");
    for (size_t i = 0; i < state->count; i++) {
        const struct image_user *user = &state->users[i];
        for (size_t j = 0; j < user->count; j++) {
            const struct image_use *use = &user->uses[j];
            fprintf(out, "%10.1f %10.1f %10.1f %8d %-15s  %s%s\n", megabytes(use->lent),
                    megabytes(image_use_shared(use)), megabytes(use->copied), (int)user->pid,
                    user->name, state_source(&state->images.list[use->image]),
                    state_inherited(state, user, use) ? " (by fork)" : "");
        }
    }
}

static uint64_t counter(const struct image_user *user, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(user->counters, name));
}

/* "reused buffer 3, small 1" */
static void text_reasons(const struct image_user *user, FILE *out)
{
    const char *why, *comma = "";
    json_t *count;

    json_object_foreach(user->reasons, why, count)
    {
        fprintf(out, "%s%s %lld", comma, why, (long long)json_integer_value(count));
        comma = ", ";
    }
    fputc('\n', out);
}

/* Small reads that a section had, and those left to the kernel. */
static void text_counters(const struct state *state, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < state->count; i++) {
        const struct image_user *user = &state->users[i];
        uint64_t hits = counter(user, "copied_calls"), misses = counter(user, "kernel_calls");
        if (!user->counters)
            continue;
        if (!any)
            fprintf(out, "\n%10s %10s %6s %8s %8s %-15s  %s\n", "HITS", "MISSES", "RATE",
                    "SECTIONS", "PID", "PROGRAM", "BIG READS NOT LENT");
        any = true;
        fprintf(out, "%10" PRIu64 " %10" PRIu64 " ", hits, misses);
        if (hits + misses)
            fprintf(out, "%5.1f%%", 100.0 * (double)hits / (double)(hits + misses));
        else
            fprintf(out, "%6s", "-");
        fprintf(out, " %8" PRIu64 " %8d %-15s  ",
                counter(user, "sections_mapped") - counter(user, "sections_unmapped"),
                (int)user->pid, user->name);
        text_reasons(user, out);
    }
}

void stat_text(const struct state *state, FILE *out)
{
    int64_t saved = state->saved;

    if (state->images.count) {
        text_images(state, out);
        text_users(state, out);
    }
    text_counters(state, out);
    if (state->images.count || state->count)
        fputc('\n', out);
    fprintf(out,
            "%zu process%s, %zu image%s: %.1f MB lent, %.1f MB of it still shared, in images "
            "of %.1f MB: %.1f MB saved now\n",
            state->count, state->count == 1 ? "" : "es", state->images.count,
            state->images.count == 1 ? "" : "s", megabytes(state->lent),
            megabytes(state->lent - state->copied), megabytes(state->allocated),
            saved > -50000 && saved < 0 ? 0.0 : (double)saved / 1e6);
    if (state->unreadable)
        fprintf(out, "(%zu process%s could not be looked at)\n", state->unreadable,
                state->unreadable == 1 ? "" : "es");
}

/* ---- JSON ---- */

static json_t *image_json(const struct state *state, size_t i)
{
    const struct image *image = &state->images.list[i];

    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I}", "image", doctor_text(image->path), "file",
                     image->source ? doctor_text(image->source) : json_null(), "file_bytes",
                     (json_int_t)image->header.id.size, "image_bytes", (json_int_t)image->allocated,
                     "shift", (json_int_t)image->header.shift, "users",
                     (json_int_t)state_users(state, i));
}

static json_t *use_json(const struct state *state, const struct image_user *user,
                        const struct image_use *use)
{
    const struct image *image = &state->images.list[use->image];

    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "image", doctor_text(image->path),
                     "file", image->source ? doctor_text(image->source) : json_null(), "shift",
                     (json_int_t)image->header.shift, "lent_bytes", (json_int_t)use->lent,
                     "shared_bytes", (json_int_t)image_use_shared(use), "copied_bytes",
                     (json_int_t)use->copied, "resident_bytes", (json_int_t)use->resident,
                     "inherited", (int)state_inherited(state, user, use));
}

static json_t *user_json(const struct state *state, const struct image_user *user)
{
    json_t *uses = json_array();

    for (size_t j = 0; j < user->count; j++)
        json_array_append_new(uses, use_json(state, user, &user->uses[j]));
    return json_pack("{s:I, s:o, s:o, s:O?, s:O?}", "pid", (json_int_t)user->pid, "name",
                     doctor_text(user->name), "uses", uses, "counters", user->counters, "not_lent",
                     user->reasons);
}

void stat_json(const struct state *state, FILE *out)
{
    json_t *images = json_array(), *processes = json_array();

    for (size_t i = 0; i < state->images.count; i++)
        json_array_append_new(images, image_json(state, i));
    for (size_t i = 0; i < state->count; i++)
        json_array_append_new(processes, user_json(state, &state->users[i]));
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "version", PACKAGE_VERSION, "lent_bytes",
        (json_int_t)state->lent, "copied_bytes", (json_int_t)state->copied, "inherited_bytes",
        (json_int_t)state->inherited, "image_bytes", (json_int_t)state->allocated, "saved_bytes",
        (json_int_t)state->saved, "unreadable", (json_int_t)state->unreadable, "images", images,
        "processes", processes);
    json_dumpf(object, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(object);
}

/* ---- Prometheus, the text format ---- */

static void label(FILE *out, const char *name, const char *value, bool last)
{
    fprintf(out, "%s=\"", name);
    for (; *value; value++)
        if (*value == '\n')
            fputs("\\n", out);
        else
            fprintf(out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
    fputs(last ? "\"" : "\",", out);
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

/* The names are those of the first process that has any: all are of one library. */
static const json_t *counter_names(const struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->users[i].counters)
            return state->users[i].counters;
    return NULL;
}

static void of_counters(const struct state *state, FILE *out)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)counter_names(state), name, value)
    {
        fprintf(out, "# HELP onecopy_%s_total See ONECOPY_REPORT in onecopy(7).\n", name);
        fprintf(out, "# TYPE onecopy_%s_total counter\n", name);
        for (size_t i = 0; i < state->count; i++) {
            const struct image_user *user = &state->users[i];
            if (!json_object_get(user->counters, name))
                continue;
            fprintf(out, "onecopy_%s_total{", name);
            process_labels(out, user, true);
            fprintf(out, "} %" PRIu64 "\n", counter(user, name));
        }
    }
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
    total(out, "processes", "Processes that use images.", (int64_t)state->count);
    total(out, "images", "Images in the homes.", (int64_t)state->images.count);
    total(out, "saved_bytes", "Memory saved now, less what the images take.", state->saved);
    total(out, "unreadable_processes", "Processes that could not be looked at.",
          (int64_t)state->unreadable);
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
