/* A comparison as JSON: bytes, seconds, and null for what was never seen. */
#include "config.h"
#include "report.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "facts.h"

/* Arguments need not be UTF-8; JSON has to be. */
static json_t *text(const char *value)
{
    json_t *string = value ? json_string(value) : json_null();
    return string ? string : json_string("(not UTF-8)");
}

static json_t *strings(char **list)
{
    json_t *array = json_array();
    for (; *list; list++)
        json_array_append_new(array, text(*list));
    return array;
}

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *seconds(double value)
{
    return value >= 0 ? json_real(value) : json_null();
}

static json_t *value_json(const struct figure *figure, double value)
{
    return figure->unit == FIGURE_SECONDS ? json_real(value) : json_integer(llround(value));
}

/* ---- figures ---- */

static void put_figures(json_t *object, const struct comparison *c, size_t side)
{
    const struct figure *figure;
    size_t i = 0;

    while ((figure = figures_next(c, &i))) {
        struct spread s = figures_spread(c, side, figure);
        if (figure->library && !c->job->sides[side].library)
            continue;
        json_object_set_new(object, figure->key,
                            s.known ? value_json(figure, s.median) : json_null());
    }
}

/* {figure: [least, most]} */
static json_t *spreads(const struct comparison *c, size_t side)
{
    json_t *object = json_object();
    const struct figure *figure;
    size_t i = 0;

    while ((figure = figures_next(c, &i))) {
        struct spread s = figures_spread(c, side, figure);
        if (s.known && (!figure->library || c->job->sides[side].library))
            json_object_set_new(
                object, figure->key,
                json_pack("[o, o]", value_json(figure, s.least), value_json(figure, s.most)));
    }
    return object;
}

/* A comparison of one run, as a view of one of many. */
static json_t *runs(const struct comparison *c)
{
    json_t *array = json_array();

    for (size_t i = 0; i < c->runs; i++) {
        struct comparison one = {.job = c->job, .runs = 1, .rounds = &c->rounds[i]};
        json_t *object = json_object();
        double ratio = figures_ratio(&one, &figure_peak_pss);
        for (size_t side = 0; side < 2; side++) {
            json_t *figures = json_object();
            put_figures(figures, &one, side);
            json_object_set_new(object, c->job->sides[side].name, figures);
        }
        json_object_set_new(object, "pss_ratio", seconds(ratio));
        json_object_set_new(object, "outputs_identical",
                            json_boolean(c->rounds[i].outcome.identical));
        json_array_append_new(array, object);
    }
    return array;
}

/* ---- one run in detail ---- */

static json_t *series(const struct series *series)
{
    json_t *array = json_array();

    for (size_t i = 0; i < series->count; i++) {
        const struct sample *s = &series->samples[i];
        json_array_append_new(
            array, json_pack("{s:f, s:I, s:I, s:I, s:I, s:b}", "seconds", s->at, "pss_bytes",
                             (json_int_t)sample_value(s, MEASURE_PSS), "rss_bytes",
                             (json_int_t)sample_value(s, MEASURE_RSS), "private_bytes",
                             (json_int_t)sample_value(s, MEASURE_PRIVATE), "image_bytes",
                             (json_int_t)s->images, "all_running", s->complete));
    }
    return array;
}

static const struct {
    const char *calls, *bytes;
} ways[OC_ACCOUNT_WAYS] = {
    [OC_ACCOUNT_LENT] = {"lent_calls", "lent_bytes"},
    [OC_ACCOUNT_COPIED] = {"copied_calls", "copied_bytes"},
    [OC_ACCOUNT_KERNEL] = {"kernel_calls", "kernel_bytes"},
    [OC_ACCOUNT_FILLED] = {NULL, "filled_bytes"},
    [OC_ACCOUNT_COMPARED] = {NULL, "compared_bytes"},
    [OC_ACCOUNT_DIFFERED] = {NULL, "differed_bytes"},
    [OC_ACCOUNT_TRUSTED] = {NULL, "trusted_bytes"},
};

static void put_ways(json_t *object, const struct served_count *counts)
{
    for (size_t way = 0; way < OC_ACCOUNT_WAYS; way++) {
        if (ways[way].calls)
            json_object_set_new(object, ways[way].calls, integer(counts[way].calls));
        json_object_set_new(object, ways[way].bytes, integer(counts[way].bytes));
    }
}

static json_t *file(const struct served_file *f)
{
    json_t *refusals = json_array();
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "path", text(f->path), "device",
                               integer(f->dev), "inode", integer(f->ino), "bytes", integer(f->size),
                               "processes", integer(f->processes), "use", text(f->use));

    for (size_t i = 0; i < f->refusal_count; i++)
        json_array_append_new(refusals, json_pack("{s:s, s:o, s:o}", "why", f->refusals[i].why,
                                                  "reads", integer(f->refusals[i].count.calls),
                                                  "bytes", integer(f->refusals[i].count.bytes)));
    put_ways(object, f->way);
    json_object_set_new(object, "not_lent", refusals);
    return object;
}

static json_t *files(const struct served *served)
{
    json_t *array = json_array();

    for (size_t i = 0; i < served->count; i++)
        json_array_append_new(array, file(&served->files[i]));
    return array;
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static void put_ending(json_t *object, const struct instance *it)
{
    if (WIFSIGNALED(it->status))
        json_object_set_new(object, "signal", json_integer(WTERMSIG(it->status)));
    else
        json_object_set_new(object, "exit_status", json_integer(WEXITSTATUS(it->status)));
    json_object_set_new(object, "stopped", json_boolean(it->stopped));
    json_object_set_new(object, "killed", json_boolean(it->killed));
}

static json_t *process(const struct comparison *c, const struct batch *batch, size_t i)
{
    const struct instance *it = &batch->instances[i];
    const struct moment *moment = figures_moment(batch);
    const struct rusage *usage = &it->usage;
    json_t *object =
        json_pack("{s:f, s:f, s:I, s:I, s:I, s:I}", "wall_seconds", it->wall_seconds, "cpu_seconds",
                  cpu_seconds(usage), "max_rss_bytes", (json_int_t)usage->ru_maxrss * 1024,
                  "minor_faults", (json_int_t)usage->ru_minflt, "major_faults",
                  (json_int_t)usage->ru_majflt, "output_bytes", (json_int_t)it->output_bytes);

    put_ending(object, it);
    if (c->job->until)
        json_object_set_new(object, "ready_seconds", seconds(it->ready_seconds));
    json_object_set_new(object, "pss_bytes", moment ? integer(moment->shares[i].pss) : json_null());
    json_object_set_new(object, "rss_bytes", moment ? integer(moment->shares[i].rss) : json_null());
    json_object_set_new(object, "private_bytes",
                        moment ? integer(moment->shares[i].private) : json_null());
    if (batch->served.known)
        put_ways(object, batch->served.instances[i]);
    return object;
}

static json_t *side_json(const struct comparison *c, size_t side)
{
    const struct batch *shown = &c->rounds[figures_run_shown(c)].sides[side];
    json_t *object = json_object(), *processes = json_array();

    put_figures(object, c, side);
    for (size_t i = 0; i < shown->n; i++)
        json_array_append_new(processes, process(c, shown, i));
    json_object_set_new(object, "processes", processes);
    json_object_set_new(object, "series", series(&shown->series));
    if (shown->side->library) {
        json_object_set_new(object, "image_bytes_before", integer(shown->images_before));
        json_object_set_new(object, "files",
                            shown->served.known ? files(&shown->served) : json_null());
    }
    if (shown->side->options)
        json_object_set_new(object, "options", text(shown->side->options));
    return object;
}

/* ---- all ---- */

static json_t *machine(void)
{
    struct facts f;

    facts_read(&f);
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "host", text(f.host), "system",
                     text(f.system), "distribution", text(f.distribution), "processor",
                     text(f.processor), "processors", (json_int_t)f.processors, "memory_bytes",
                     integer(f.memory));
}

static void put_request(json_t *object, const struct comparison *c)
{
    const struct job *job = c->job;

    json_object_set_new(object, "version", json_string(PACKAGE_VERSION));
    json_object_set_new(object, "date", text(c->date));
    json_object_set_new(object, "machine", machine());
    json_object_set_new(object, "repeat", text(c->repeat));
    json_object_set_new(object, "n", integer(job->n));
    json_object_set_new(object, "runs", integer(c->runs));
    json_object_set_new(object, "command", strings(job->argv));
    json_object_set_new(object, "files", text(report_files(&job->sides[1])));
    json_object_set_new(object, "until", text(job->until));
    json_object_set_new(object, "hold_seconds", job->hold > 0 ? json_real(job->hold) : json_null());
    json_object_set_new(object, "sides",
                        json_pack("[s, s]", job->sides[0].name, job->sides[1].name));
}

char *report_json(const struct comparison *c)
{
    json_t *object = json_object(), *spread = json_object();
    char *out;

    put_request(object, c);
    for (size_t side = 0; side < 2; side++) {
        json_object_set_new(object, c->job->sides[side].name, side_json(c, side));
        json_object_set_new(spread, c->job->sides[side].name, spreads(c, side));
    }
    json_object_set_new(object, "spread", spread);
    json_object_set_new(object, "per_run", runs(c));
    json_object_set_new(object, "run_shown", integer(figures_run_shown(c) + 1));
    json_object_set_new(object, "pss_ratio", seconds(figures_ratio(c, &figure_peak_pss)));
    json_object_set_new(object, "outputs_identical", json_boolean(c->outcome.identical));
    out = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    return out;
}
