/* A comparison as JSON: bytes, seconds, and null for what was never seen. */
#include "config.h"
#include "report.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "homes.h"
#include "settings.h"

static json_t *peak(const struct batch *batch, enum measure measure)
{
    uint64_t bytes;
    return series_peak(&batch->series, measure, &bytes) ? json_integer((json_int_t)bytes)
                                                        : json_null();
}

static json_t *steady(const struct batch *batch, enum measure measure)
{
    uint64_t bytes;
    return series_steady(&batch->series, measure, &bytes) ? json_integer((json_int_t)bytes)
                                                          : json_null();
}

static void put_measure(json_t *object, const struct batch *batch, const char *name,
                        enum measure measure)
{
    char key[64];

    snprintf(key, sizeof key, "peak_%s_bytes", name);
    json_object_set_new(object, key, peak(batch, measure));
    snprintf(key, sizeof key, "steady_%s_bytes", name);
    json_object_set_new(object, key, steady(batch, measure));
}

static json_t *process(const struct instance *it)
{
    json_t *object =
        json_pack("{s:f, s:f, s:I, s:I, s:I, s:I}", "wall_seconds", it->wall_seconds, "cpu_seconds",
                  (double)(it->usage.ru_utime.tv_sec + it->usage.ru_stime.tv_sec) +
                      (double)(it->usage.ru_utime.tv_usec + it->usage.ru_stime.tv_usec) / 1e6,
                  "max_rss_bytes", (json_int_t)it->usage.ru_maxrss * 1024, "minor_faults",
                  (json_int_t)it->usage.ru_minflt, "major_faults", (json_int_t)it->usage.ru_majflt,
                  "output_bytes", (json_int_t)outcome_output_bytes(it));

    if (WIFSIGNALED(it->status))
        json_object_set_new(object, "signal", json_integer(WTERMSIG(it->status)));
    else
        json_object_set_new(object, "exit_status", json_integer(WEXITSTATUS(it->status)));
    return object;
}

static json_t *batch_json(const struct batch *b)
{
    json_t *processes = json_array();
    json_t *object = json_pack(
        "{s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "wall_seconds", b->wall_seconds,
        "cpu_seconds", b->user_seconds + b->system_seconds, "user_seconds", b->user_seconds,
        "system_seconds", b->system_seconds, "minor_faults", (json_int_t)b->minor_faults,
        "major_faults", (json_int_t)b->major_faults, "disk_read_bytes", (json_int_t)b->disk_read,
        "mem_available_drop_bytes", (json_int_t)(b->available_before - b->available_least),
        "samples", (json_int_t)b->series.count);
    json_object_set_new(object, "max_rss_bytes", json_integer((json_int_t)batch_max_rss(b)));

    put_measure(object, b, "pss", MEASURE_PSS);
    put_measure(object, b, "rss", MEASURE_RSS);
    put_measure(object, b, "private", MEASURE_PRIVATE);
    for (size_t i = 0; i < b->n; i++)
        json_array_append_new(processes, process(&b->instances[i]));
    json_object_set_new(object, "processes", processes);
    return object;
}

static json_t *with_json(const struct batch *b)
{
    json_t *object = batch_json(b);

    json_object_set_new(object, "image_bytes", peak(b, MEASURE_IMAGES));
    json_object_set_new(object, "unmapped_image_bytes", peak(b, MEASURE_UNMAPPED));
    json_object_set_new(object, "image_bytes_before", json_integer((json_int_t)b->images_before));
    return object;
}

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

char *report_json(const struct comparison *c)
{
    double ratio = report_ratio(c);
    json_t *object = json_object();
    char *out;

    json_object_set_new(object, "version", json_string(PACKAGE_VERSION));
    json_object_set_new(object, "n", json_integer((json_int_t)c->job->n));
    json_object_set_new(object, "command", strings(c->job->argv));
    json_object_set_new(object, "files", text(settings_get("ONECOPY_FILES")));
    json_object_set_new(object, "without", batch_json(&c->without));
    json_object_set_new(object, "with", with_json(&c->with));
    json_object_set_new(object, "pss_ratio", ratio >= 0 ? json_real(ratio) : json_null());
    json_object_set_new(object, "outputs_identical", json_boolean(c->outcome.identical));
    out = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    return out;
}
