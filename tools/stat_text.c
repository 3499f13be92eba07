/* What is shared now, for people: state.h. */
#include "config.h"
#include "state.h"

#include <inttypes.h>
#include <jansson.h>

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
                state_users(state, i), state_plain(state_source(image)));
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
                    user->name, state_plain(state_source(&state->images.list[use->image])),
                    state_inherited(state, user, use) ? " (by fork)" : "");
        }
    }
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
        uint64_t hits = state_counter(user, "copied_calls"),
                 misses = state_counter(user, "kernel_calls");
        if (hits + misses + state_counter(user, "sections_mapped") == 0 &&
            json_object_size(user->reasons) == 0)
            continue; /* nothing but lending, or not known */
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
                state_counter(user, "sections_mapped") - state_counter(user, "sections_unmapped"),
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
    if (state->uncounted)
        fprintf(out, "(the counters of %zu process%s could not be read, see onecopy(1))\n",
                state->uncounted, state->uncounted == 1 ? "" : "es");
    if (state->unreadable)
        fprintf(out, "(%zu process%s could not be looked at)\n", state->unreadable,
                state->unreadable == 1 ? "" : "es");
}
