/* The table of a comparison.  Megabytes are 10^6 bytes, the unit of file sizes in `ls --si`. */
#include "config.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "homes.h"
#include "settings.h"

#define LABEL "%-34s"

/* ---- the figures ---- */

/* Just the value, or with several runs "median (least..most)". */
static void value_text(const struct comparison *c, const struct figure *figure,
                       const struct spread *s, char *text, size_t size)
{
    char median[32], least[32], most[32];

    if (!s->known) {
        snprintf(text, size, "n/a");
        return;
    }
    figure_text(figure->unit, s->median, median, sizeof median);
    figure_text(figure->unit, s->least, least, sizeof least);
    figure_text(figure->unit, s->most, most, sizeof most);
    if (c->runs == 1)
        snprintf(text, size, "%s", median);
    else
        snprintf(text, size, "%s (%s..%s)", median, least, most);
}

static int column(const struct comparison *c)
{
    return c->runs == 1 ? 12 : 28;
}

static void row(const struct comparison *c, const struct figure *figure, FILE *out)
{
    const char *unit = figure_unit_name(figure->unit);
    double ratio = figures_ratio(c, figure);
    char text[100];

    snprintf(text, sizeof text, "%s%s%s", figure->label, *unit ? ", " : "", unit);
    fprintf(out, LABEL, text);
    for (size_t side = 0; side < 2; side++) {
        struct spread s = figures_spread(c, side, figure);
        value_text(c, figure, &s, text, sizeof text);
        fprintf(out, " %*s", column(c), text);
    }
    if (ratio >= 0)
        fprintf(out, " %8.3f", ratio);
    fputc('\n', out);
}

/* ---- what is to be said ---- */

void report_outcome(const struct comparison *c, FILE *out)
{
    const struct outcome *o = &c->outcome;

    if (o->identical)
        fprintf(out, "identical (%zu of %zu)", o->n, o->n);
    else
        fprintf(out, "NOT identical (outputs %zu, statuses %zu, of %zu)", o->same_output,
                o->same_ending, o->n);
}

/* What only one run may have had: the most of all. */
struct troubles {
    size_t left[2], unreadable;
    uint64_t images_before[2];
    bool quick, disk, full;
};

static void add_troubles(struct troubles *t, const struct round *round)
{
    const struct batch *a = &round->sides[0], *b = &round->sides[1];

    for (size_t side = 0; side < 2; side++) {
        const struct batch *batch = &round->sides[side];
        t->left[side] += batch->left_running;
        t->quick |= batch->series.count < SERIES_LEAST;
        t->full |= batch->served.full;
        if (batch->unreadable > t->unreadable)
            t->unreadable = batch->unreadable;
        if (batch->side->library && batch->images_before > t->images_before[side])
            t->images_before[side] = batch->images_before;
    }
    t->disk |= a->disk_read > b->disk_read + 1000000;
}

static void note_endings(const struct comparison *c, const struct troubles *t, FILE *out)
{
    const struct side *sides = c->job->sides;
    const struct outcome *o = &c->outcome;

    if (o->varies && !o->identical)
        fprintf(out, "The outputs differ among the instances %s%s as well.\n",
                sides[0].library ? "of " : "", sides[0].library ? "a" : "without the library");
    if (o->failed[0] || o->failed[1])
        fprintf(out, "%zu instances failed %s, %zu %s.\n", o->failed[0], sides[0].name,
                o->failed[1], sides[1].name);
    if (o->killed[0] || o->killed[1])
        fprintf(
            out,
            "%zu instances %s and %zu %s did not end when asked to (SIGTERM) and were killed.\n",
            o->killed[0], sides[0].name, o->killed[1], sides[1].name);
    if (t->left[0] || t->left[1])
        fprintf(out, "%zu processes %s and %zu %s outlived their instance and were ended.\n",
                t->left[0], sides[0].name, t->left[1], sides[1].name);
}

void report_notes(const struct comparison *c, FILE *out)
{
    const struct side *sides = c->job->sides;
    struct troubles t = {0};

    for (size_t i = 0; i < c->runs; i++)
        add_troubles(&t, &c->rounds[i]);
    note_endings(c, &t, out);
    if (t.quick)
        fputs("The command ends too quickly for its memory to be seen.\n", out);
    if (t.unreadable)
        fprintf(out, "The memory of up to %zu processes could not be read.\n", t.unreadable);
    for (size_t side = 0; side < 2; side++)
        if (t.images_before[side])
            fprintf(out,
                    "%.1f MB of images were there before the run %s and are counted as well.\n",
                    (double)t.images_before[side] / 1e6, sides[side].name);
    if (t.disk)
        fprintf(out,
                "The run %s had to read from disk what the run %s found in memory; run it "
                "again to compare times.\n",
                sides[0].name, sides[1].name);
    if (t.full)
        fputs("There were more files and processes than could be counted one by one.\n", out);
}

/* Each of the notes on a line, with "Note: " before it. */
static void notes(const struct comparison *c, FILE *out)
{
    char *text = NULL, *rest = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    if (!memory)
        abort();
    report_notes(c, memory);
    fclose(memory);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        fprintf(out, "Note: %s\n", line);
    free(text);
}

/* ---- the heading ---- */

/* An argument on one line: quoted where it has spaces, shortened where it is long. */
static void put_argument(FILE *out, const char *arg)
{
    bool quoted = !*arg || strpbrk(arg, " \t\n");
    int most = quoted ? 60 : 200, n = 0;

    fputs(quoted ? " '" : " ", out);
    for (; n < most && arg[n]; n++)
        fputc((unsigned char)arg[n] < ' ' ? ' ' : arg[n], out);
    fputs(arg[n] ? "..." : "", out);
    fputs(quoted ? "'" : "", out);
}

const char *report_files(const struct side *side)
{
    settings_use(side->layer);
    return settings_get("ONECOPY_FILES");
}

static void put_homes(const struct side *side, FILE *out)
{
    char path[OC_HOME_PATH];

    settings_use(side->layer);
    settings_read();
    if (oc_home_candidate(0, path))
        fputs(path, out);
    for (unsigned i = 1; oc_home_candidate(i, path); i++)
        fprintf(out, ", else %s", path);
}

static void put_side(const struct side *side, const char *indent, FILE *out)
{
    const char *files = report_files(side);

    fprintf(out, "%sfiles: %s\n%shome:  ", indent, files ? files : "none", indent);
    put_homes(side, out);
    fputc('\n', out);
}

static void heading(const struct comparison *c, FILE *out)
{
    const struct side *sides = c->job->sides;

    fprintf(out, "%zu x", c->job->n);
    for (char **arg = c->job->argv; *arg; arg++)
        put_argument(out, *arg);
    fputc('\n', out);
    if (!sides[0].library)
        put_side(&sides[1], "", out);
    for (size_t side = 0; side < 2 && sides[0].library; side++) {
        fprintf(out, "%s: %s\n", sides[side].name, sides[side].options);
        put_side(&sides[side], "   ", out);
    }
    if (c->runs > 1)
        fprintf(out, "%zu runs: median (least..most)\n", c->runs);
    fputc('\n', out);
}

void report_table(const struct comparison *c, FILE *out)
{
    const struct figure *figure;
    size_t i = 0;

    heading(c, out);
    fprintf(out, LABEL " %*s %*s %8s\n", "", column(c), c->job->sides[0].name, column(c),
            c->job->sides[1].name, "ratio");
    while ((figure = figures_next(c, &i)))
        row(c, figure, out);
    fputs("\nOutputs and exit statuses: ", out);
    report_outcome(c, out);
    fputc('\n', out);
    notes(c, out);
}
