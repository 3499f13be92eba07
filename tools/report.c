/* The table of a comparison.  Megabytes are 10^6 bytes, the unit of file sizes in `ls --si`. */
#include "config.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "homes.h"
#include "settings.h"

#define ROW "%-34s %12s %12s"

static void row(FILE *out, const char *name, const char *unit, double without, double with)
{
    char label[64], left[32] = "n/a", right[32] = "n/a", ratio[32] = "";
    int digits = strcmp(unit, "s") == 0 ? 2 : strcmp(unit, "MB") == 0 ? 1 : 0;

    snprintf(label, sizeof label, "%s%s%s", name, *unit ? ", " : "", unit);
    if (without >= 0)
        snprintf(left, sizeof left, "%.*f", digits, without);
    if (with >= 0)
        snprintf(right, sizeof right, "%.*f", digits, with);
    if (without > 0 && with >= 0)
        snprintf(ratio, sizeof ratio, " %8.3f", with / without);
    fprintf(out, ROW "%s\n", label, left, right, ratio);
}

static double peak(const struct batch *batch, enum measure measure)
{
    uint64_t bytes;
    return series_peak(&batch->series, measure, &bytes) ? (double)bytes / 1e6 : -1;
}

static double steady(const struct batch *batch, enum measure measure)
{
    uint64_t bytes;
    return series_steady(&batch->series, measure, &bytes) ? (double)bytes / 1e6 : -1;
}

double report_ratio(const struct comparison *c)
{
    double without = peak(&c->without, MEASURE_PSS), with = peak(&c->with, MEASURE_PSS);
    return without > 0 && with >= 0 ? with / without : -1;
}

static void memory_rows(const struct comparison *c, FILE *out)
{
    static const struct {
        const char *name;
        enum measure measure;
    } rows[] = {{"PSS", MEASURE_PSS}, {"RSS", MEASURE_RSS}, {"private", MEASURE_PRIVATE}};
    char label[64];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum measure m = rows[i].measure;
        snprintf(label, sizeof label, "%s of all, peak", rows[i].name);
        row(out, label, "MB", peak(&c->without, m), peak(&c->with, m));
        snprintf(label, sizeof label, "%s of all, steady", rows[i].name);
        row(out, label, "MB", steady(&c->without, m), steady(&c->with, m));
    }
    row(out, "  in it: images nobody maps", "MB", 0, peak(&c->with, MEASURE_UNMAPPED));
    row(out, "images, peak", "MB", 0, peak(&c->with, MEASURE_IMAGES));
    row(out, "largest RSS of one process", "MB", (double)batch_max_rss(&c->without) / 1e6,
        (double)batch_max_rss(&c->with) / 1e6);
    row(out, "drop of MemAvailable", "MB",
        (double)(c->without.available_before - c->without.available_least) / 1e6,
        (double)(c->with.available_before - c->with.available_least) / 1e6);
}

static void work_rows(const struct comparison *c, FILE *out)
{
    const struct batch *a = &c->without, *b = &c->with;

    row(out, "wall time", "s", a->wall_seconds, b->wall_seconds);
    row(out, "CPU time", "s", a->user_seconds + a->system_seconds,
        b->user_seconds + b->system_seconds);
    row(out, "  user", "s", a->user_seconds, b->user_seconds);
    row(out, "  system", "s", a->system_seconds, b->system_seconds);
    row(out, "page faults, minor", "", (double)a->minor_faults, (double)b->minor_faults);
    row(out, "page faults, major", "", (double)a->major_faults, (double)b->major_faults);
    row(out, "read from disk", "MB", (double)a->disk_read / 1e6, (double)b->disk_read / 1e6);
    row(out, "samples", "", (double)a->series.count, (double)b->series.count);
}

static void outcome_lines(const struct comparison *c, FILE *out)
{
    const struct outcome *o = &c->outcome;

    if (o->identical) {
        fprintf(out, "Outputs and exit statuses: identical (%zu of %zu)\n", c->job->n, c->job->n);
        return;
    }
    fprintf(out, "Outputs and exit statuses: NOT identical (outputs %zu, statuses %zu, of %zu)\n",
            o->same_output, o->same_ending, c->job->n);
    if (o->varies)
        fputs("  The outputs differ among the instances without the library as well.\n", out);
}

/* What a reader has to know to read the numbers rightly. */
static void notes(const struct comparison *c, FILE *out)
{
    const struct batch *a = &c->without, *b = &c->with;

    if (c->outcome.failed_without || c->outcome.failed_with)
        fprintf(out, "Note: %zu instances failed without, %zu with.\n", c->outcome.failed_without,
                c->outcome.failed_with);
    if (a->series.count < SERIES_LEAST || b->series.count < SERIES_LEAST)
        fputs("Note: the command ends too quickly for its memory to be seen.\n", out);
    if (a->left_running || b->left_running)
        fprintf(
            out,
            "Note: %zu processes without and %zu with outlived their instance and were ended.\n",
            a->left_running, b->left_running);
    if (a->unreadable || b->unreadable)
        fprintf(out, "Note: the memory of up to %zu processes could not be read.\n",
                a->unreadable > b->unreadable ? a->unreadable : b->unreadable);
    if (b->images_before)
        fprintf(out, "Note: %.1f MB of images were there before and are counted as well.\n",
                (double)b->images_before / 1e6);
    if (a->disk_read > b->disk_read + 1000000)
        fputs("Note: the run without had to read from disk what the run with found in memory;\n"
              "      run it again to compare times.\n",
              out);
}

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

static void heading(const struct comparison *c, FILE *out)
{
    char path[OC_HOME_PATH];
    const char *files = settings_get("ONECOPY_FILES");

    fprintf(out, "%zu x", c->job->n);
    for (char **arg = c->job->argv; *arg; arg++)
        put_argument(out, *arg);
    fprintf(out, "\nfiles: %s\nhome:  ", files ? files : "none");
    if (oc_home_candidate(0, path))
        fputs(path, out);
    for (unsigned i = 1; oc_home_candidate(i, path); i++)
        fprintf(out, ", else %s", path);
    fputs("\n\n", out);
}

void report_table(const struct comparison *c, FILE *out)
{
    heading(c, out);
    fprintf(out, ROW " %8s\n", "", "without", "with", "ratio");
    memory_rows(c, out);
    work_rows(c, out);
    fputc('\n', out);
    outcome_lines(c, out);
    notes(c, out);
}
