/* The table of figures: figures.h. */
#include "config.h"
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what they are ---- */

static double peak(const struct batch *batch, enum measure measure)
{
    uint64_t bytes;
    return series_peak(&batch->series, measure, &bytes) ? (double)bytes : -1;
}

static double steady(const struct batch *batch, enum measure measure)
{
    uint64_t bytes;
    return series_steady(&batch->series, measure, &bytes) ? (double)bytes : -1;
}

#define GETTER(name, value)                                                                        \
    static double name(const struct batch *b)                                                      \
    {                                                                                              \
        return (double)(value);                                                                    \
    }
GETTER(peak_pss, peak(b, MEASURE_PSS))
GETTER(steady_pss, steady(b, MEASURE_PSS))
GETTER(peak_rss, peak(b, MEASURE_RSS))
GETTER(steady_rss, steady(b, MEASURE_RSS))
GETTER(peak_private, peak(b, MEASURE_PRIVATE))
GETTER(steady_private, steady(b, MEASURE_PRIVATE))
GETTER(unmapped, peak(b, MEASURE_UNMAPPED))
GETTER(images, peak(b, MEASURE_IMAGES))
GETTER(max_rss, batch_max_rss(b))
GETTER(drop, b->available_before - b->available_least)
GETTER(ready, b->ready_seconds)
GETTER(wall, b->wall_seconds)
GETTER(cpu, b->user_seconds + b->system_seconds)
GETTER(user, b->user_seconds)
GETTER(system_time, b->system_seconds)
GETTER(minor, b->minor_faults)
GETTER(major, b->major_faults)
GETTER(disk, b->disk_read)
GETTER(samples, b->series.count)

const struct figure figure_peak_pss = {"peak_pss_bytes", "PSS of all, peak", FIGURE_BYTES, false,
                                       peak_pss};
const struct figure figure_steady_pss = {"steady_pss_bytes", "PSS of all, steady", FIGURE_BYTES,
                                         false, steady_pss};

static const struct figure rest[] = {
    {"peak_rss_bytes", "RSS of all, peak", FIGURE_BYTES, false, peak_rss},
    {"steady_rss_bytes", "RSS of all, steady", FIGURE_BYTES, false, steady_rss},
    {"peak_private_bytes", "private of all, peak", FIGURE_BYTES, false, peak_private},
    {"steady_private_bytes", "private of all, steady", FIGURE_BYTES, false, steady_private},
    {"unmapped_image_bytes", "  of it: images not in use", FIGURE_BYTES, true, unmapped},
    {"image_bytes", "images, peak", FIGURE_BYTES, true, images},
    {"max_rss_bytes", "largest RSS of one process", FIGURE_BYTES, false, max_rss},
    {"mem_available_drop_bytes", "drop of MemAvailable", FIGURE_BYTES, false, drop},
    {"ready_seconds", "time until all were ready", FIGURE_SECONDS, false, ready},
    {"wall_seconds", "wall time", FIGURE_SECONDS, false, wall},
    {"cpu_seconds", "CPU time", FIGURE_SECONDS, false, cpu},
    {"user_seconds", "  user", FIGURE_SECONDS, false, user},
    {"system_seconds", "  system", FIGURE_SECONDS, false, system_time},
    {"minor_faults", "page faults, minor", FIGURE_COUNT, false, minor},
    {"major_faults", "page faults, major", FIGURE_COUNT, false, major},
    {"disk_read_bytes", "read from disk", FIGURE_BYTES, false, disk},
    {"samples", "samples", FIGURE_COUNT, false, samples},
};

static const struct figure *figure_at(size_t i)
{
    if (i < 2)
        return i == 0 ? &figure_peak_pss : &figure_steady_pss;
    return i - 2 < sizeof rest / sizeof rest[0] ? &rest[i - 2] : NULL;
}

const struct figure *figures_next(const struct comparison *c, size_t *i)
{
    const struct figure *figure = figure_at((*i)++);

    if (figure && figure->of == ready && !c->job->until)
        figure = figure_at((*i)++);
    return figure;
}

/* ---- over the runs ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct spread figures_spread(const struct comparison *c, size_t side, const struct figure *figure)
{
    double *values = calloc(c->runs, sizeof *values);
    struct spread s = {0};

    if (!values)
        abort();
    for (size_t i = 0; i < c->runs; i++) {
        const struct batch *batch = &c->rounds[i].sides[side];
        double value = figure->library && !batch->side->library ? 0 : figure->of(batch);
        if (value >= 0)
            values[s.known++] = value;
    }
    qsort(values, s.known, sizeof *values, ascending);
    if (s.known) {
        s.median = (values[(s.known - 1) / 2] + values[s.known / 2]) / 2;
        s.least = values[0];
        s.most = values[s.known - 1];
    }
    free(values);
    return s;
}

double figures_ratio(const struct comparison *c, const struct figure *figure)
{
    struct spread a = figures_spread(c, 0, figure), b = figures_spread(c, 1, figure);
    return a.known && b.known && a.median > 0 ? b.median / a.median : -1;
}

struct ranked {
    double ratio;
    size_t run;
};

static int by_ratio(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->ratio > y->ratio) - (x->ratio < y->ratio);
}

size_t figures_run_shown(const struct comparison *c)
{
    struct ranked *ranked = calloc(c->runs, sizeof *ranked);

    if (!ranked)
        abort();
    for (size_t i = 0; i < c->runs; i++) {
        double a = peak_pss(&c->rounds[i].sides[0]), b = peak_pss(&c->rounds[i].sides[1]);
        ranked[i] = (struct ranked){a > 0 && b >= 0 ? b / a : 1e9, i};
    }
    qsort(ranked, c->runs, sizeof *ranked, by_ratio);
    size_t run = ranked[(c->runs - 1) / 2].run;
    free(ranked);
    return run;
}

/* ---- text ---- */

const char *figure_unit_name(enum figure_unit unit)
{
    return unit == FIGURE_BYTES ? "MB" : unit == FIGURE_SECONDS ? "s" : "";
}

void figure_text(enum figure_unit unit, double value, char *text, size_t size)
{
    if (unit == FIGURE_BYTES)
        snprintf(text, size, "%.1f", value / 1e6);
    else
        snprintf(text, size, "%.*f", unit == FIGURE_SECONDS ? 2 : 0, value);
}

const struct moment *figures_moment(const struct batch *batch)
{
    const struct sample *sample = series_sample(&batch->series, true);

    if (!sample)
        sample = series_sample(&batch->series, false);
    return sample ? moments_nearest(&batch->moments, sample->at) : NULL;
}
