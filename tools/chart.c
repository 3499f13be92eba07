/* A chart: its curves, title and legend, and how it becomes a file (chart.h). */
#include "config.h"
#include "chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chart_cairo.h"
#include "chart_plot.h"
#include "facts.h"
#include "tool.h"

#define PNG_SCALE 2

/* Okabe and Ito's vermilion and blue: told apart by everyone. */
const struct chart_colour chart_side_colours[2] = {{0.835, 0.369, 0}, {0, 0.447, 0.698}};
const struct chart_colour chart_ink = {0.13, 0.13, 0.13};
const struct chart_colour chart_grey = {0.4, 0.4, 0.4};
const struct chart_colour chart_pale = {0.87, 0.87, 0.87};

bool chart_available(void)
{
    return chart_cairo_load() == NULL;
}

bool chart_kind_of(const char *path, enum chart_kind *kind)
{
    const char *ending = strrchr(path, '.'), *absent = chart_cairo_load();

    if (absent) {
        tool_error("--chart: cairo is needed: %s", absent);
        return false;
    }
    if (ending && strcasecmp(ending, ".svg") == 0)
        *kind = CHART_SVG;
    else if (ending && strcasecmp(ending, ".png") == 0)
        *kind = CHART_PNG;
    else
        tool_error("--chart: '%s' ends neither in .svg nor in .png", path);
    return ending && (strcasecmp(ending, ".svg") == 0 || strcasecmp(ending, ".png") == 0);
}

/* ---- text ---- */

void chart_font(struct chart *chart, double size, enum chart_weight weight,
                const struct chart_colour *colour)
{
    cairo.select_font_face(chart->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           weight == CHART_BOLD ? CAIRO_FONT_WEIGHT_BOLD
                                                : CAIRO_FONT_WEIGHT_NORMAL);
    cairo.set_font_size(chart->cr, size);
    cairo.set_source_rgb(chart->cr, colour->r, colour->g, colour->b);
}

double chart_text_width(struct chart *chart, const char *text)
{
    cairo_text_extents_t extents;

    cairo.text_extents(chart->cr, text, &extents);
    return extents.x_advance;
}

void chart_text(struct chart *chart, double x, double y, double align, const char *text)
{
    cairo.move_to(chart->cr, x - align * chart_text_width(chart, text), y);
    cairo.show_text(chart->cr, text);
}

/* In a WIDTH that it may be too long for: then its end is left out. */
static void text_within(struct chart *chart, double x, double y, double width, const char *text)
{
    char shown[300];
    size_t len = strlen(text);

    snprintf(shown, sizeof shown, "%s", text);
    while (len > 4 && chart_text_width(chart, shown) > width) {
        do
            len--;
        while (len > 4 && ((unsigned char)text[len] & 0xc0) == 0x80); /* whole characters */
        snprintf(shown, sizeof shown, "%.*s...", (int)len, text);
    }
    chart_text(chart, x, y, 0, shown);
}

/* ---- curves ---- */

double chart_x(const struct chart *chart, double seconds)
{
    return PLOT_LEFT + seconds / chart->x_most * (PLOT_RIGHT - PLOT_LEFT);
}

double chart_y(const struct chart *chart, double bytes)
{
    return PLOT_BOTTOM - bytes / chart->y_most * (PLOT_BOTTOM - PLOT_TOP);
}

/* After the last sample, when all had ended by themselves: nothing is left. */
static bool last_point(const struct batch *batch, double *seconds, double *bytes)
{
    size_t count = batch->series.count;

    *seconds = batch->wall_seconds;
    *bytes = 0;
    for (size_t i = 0; i < batch->n; i++)
        if (batch->instances[i].stopped)
            return false;
    return count > 0 && batch->wall_seconds > batch->series.samples[count - 1].at;
}

bool chart_point(const struct chart_curve *curve, size_t i, double *seconds, double *bytes)
{
    const struct series *series = &curve->batch->series;

    if (i == series->count)
        return last_point(curve->batch, seconds, bytes);
    if (i > series->count)
        return false;
    *seconds = series->samples[i].at;
    *bytes = (double)sample_value(&series->samples[i], MEASURE_PSS);
    return true;
}

static void trace(const struct chart *chart, const struct chart_curve *curve)
{
    double seconds, bytes;

    cairo.new_path(chart->cr);
    for (size_t i = 0; chart_point(curve, i, &seconds, &bytes); i++)
        cairo.line_to(chart->cr, chart_x(chart, seconds), chart_y(chart, bytes));
}

/* The ground below it, in a hint of its colour alone. */
static void fill_below(const struct chart *chart, const struct chart_curve *curve,
                       const struct chart_colour *c)
{
    double seconds, bytes, x = PLOT_LEFT;

    trace(chart, curve);
    for (size_t i = 0; chart_point(curve, i, &seconds, &bytes); i++)
        x = chart_x(chart, seconds);
    cairo.line_to(chart->cr, x, PLOT_BOTTOM);
    cairo.line_to(chart->cr, PLOT_LEFT, PLOT_BOTTOM);
    cairo.close_path(chart->cr);
    cairo.set_source_rgb(chart->cr, 1, 1, 1);
    cairo.fill_preserve(chart->cr);
    cairo.set_source_rgba(chart->cr, c->r, c->g, c->b, 0.13);
    cairo.fill(chart->cr);
}

static void draw_curve(const struct chart *chart, const struct chart_curve *curve)
{
    const struct chart_colour *c = &chart_side_colours[curve->side];

    trace(chart, curve);
    cairo.set_source_rgba(chart->cr, c->r, c->g, c->b, curve->shown ? 1 : 0.3);
    cairo.set_line_width(chart->cr, curve->shown ? 3 : 1);
    cairo.set_line_join(chart->cr, CAIRO_LINE_JOIN_ROUND);
    cairo.stroke(chart->cr);
}

static void add_round(struct chart *chart, size_t run, bool shown)
{
    for (size_t side = 0; side < 2 && chart->count < CHART_CURVES; side++)
        chart->curves[chart->count++] = (struct chart_curve){
            .batch = &chart->comparison->rounds[run].sides[side], .side = side, .shown = shown};
}

static void collect(struct chart *chart)
{
    size_t shown = figures_run_shown(chart->comparison);

    for (size_t i = 0; i < chart->comparison->runs && chart->count + 2 < CHART_CURVES; i++)
        if (i != shown)
            add_round(chart, i, false);
    add_round(chart, shown, true);
}

/* ---- scale ---- */

static void find_scale(struct chart *chart)
{
    double seconds, bytes;

    for (size_t c = 0; c < chart->count; c++)
        for (size_t i = 0; chart_point(&chart->curves[c], i, &seconds, &bytes); i++) {
            chart->x_most = seconds > chart->x_most ? seconds : chart->x_most;
            chart->y_most = bytes > chart->y_most ? bytes : chart->y_most;
        }
    chart->x_most = (chart->x_most > 0 ? chart->x_most : 1) * 1.02;
    chart->y_most = (chart->y_most > 0 ? chart->y_most : 1e6) * 1.16;
    bool minutes = chart->x_most > 600, gigabytes = chart->y_most > 2e10;
    chart->x_unit = minutes ? 60 : 1;
    chart->x_name = minutes ? "minutes" : "seconds";
    chart->y_unit = gigabytes ? 1e9 : 1e6;
    chart->y_name = gigabytes ? "GB" : "MB";
}

/* ---- title and legend ---- */

static const char *program_name(const struct comparison *c)
{
    const char *slash = strrchr(c->job->argv[0], '/');
    return slash ? slash + 1 : c->job->argv[0];
}

/* The one sentence. */
static void title_text(const struct chart *chart, char *text, size_t size)
{
    const struct comparison *c = chart->comparison;
    struct spread a = figures_spread(c, 0, &figure_peak_pss);
    struct spread b = figures_spread(c, 1, &figure_peak_pss);

    if (!a.known || !b.known)
        snprintf(text, size, "%zu × %s: memory over time", c->job->n, program_name(c));
    else if (c->job->sides[0].library)
        snprintf(text, size, "%zu × %s: %.0f %s with options a, %.0f %s with b", c->job->n,
                 program_name(c), a.median / chart->y_unit, chart->y_name, b.median / chart->y_unit,
                 chart->y_name);
    else
        snprintf(text, size, "%zu × %s: %.0f %s without onecopy, %.0f %s with it", c->job->n,
                 program_name(c), a.median / chart->y_unit, chart->y_name, b.median / chart->y_unit,
                 chart->y_name);
}

static void heading(struct chart *chart)
{
    const struct comparison *c = chart->comparison;
    char text[300];

    title_text(chart, text, sizeof text);
    chart_font(chart, 21, CHART_BOLD, &chart_ink);
    text_within(chart, 24, 38, CHART_WIDTH - 48, text);
    snprintf(text, sizeof text,
             "Peak of what all processes hold together; shared pages are counted once (PSS)%s",
             c->runs > 1 ? "; medians of all runs" : "");
    chart_font(chart, 14, CHART_NORMAL, &chart_grey);
    text_within(chart, 24, 62, CHART_WIDTH - 48, text);
}

static void legend_text(const struct comparison *c, size_t side, char *text, size_t size)
{
    const struct side *s = &c->job->sides[side];

    if (s->options)
        snprintf(text, size, "%s: %.150s", s->name, *s->options ? s->options : "(no options)");
    else
        snprintf(text, size, "%s onecopy", s->name);
}

static void legend(struct chart *chart)
{
    double x = PLOT_LEFT, room = (PLOT_RIGHT - PLOT_LEFT) / 2.0;
    char text[200];

    for (size_t side = 0; side < 2; side++) {
        const struct chart_colour *c = &chart_side_colours[side];
        cairo.set_source_rgb(chart->cr, c->r, c->g, c->b);
        cairo.rectangle(chart->cr, x, 82, 28, 8);
        cairo.fill(chart->cr);
        legend_text(chart->comparison, side, text, sizeof text);
        chart_font(chart, 14, CHART_NORMAL, &chart_ink);
        text_within(chart, x + 36, 91, room - 50, text);
        double used = 36 + chart_text_width(chart, text) + 32;
        x += used < room ? used : room;
    }
}

static void footer(struct chart *chart)
{
    struct facts facts;
    char text[400];

    facts_read(&facts);
    snprintf(text, sizeof text, "onecopy %s, %.10s, %s, %ld processors%s", PACKAGE_VERSION,
             chart->comparison->date, facts.system, facts.processors,
             chart->comparison->runs > 1 ? "; thin: the other runs" : "");
    chart_font(chart, 12, CHART_NORMAL, &chart_grey);
    text_within(chart, 24, CHART_HEIGHT - 14, CHART_WIDTH - 48, text);
}

static void draw(struct chart *chart)
{
    cairo.set_source_rgb(chart->cr, 1, 1, 1);
    cairo.paint(chart->cr);
    collect(chart);
    find_scale(chart);
    heading(chart);
    legend(chart);
    for (size_t i = 0; i < chart->count; i++)
        if (chart->curves[i].shown)
            fill_below(chart, &chart->curves[i], &chart_side_colours[chart->curves[i].side]);
    chart_axes(chart);
    for (size_t i = 0; i < chart->count; i++)
        draw_curve(chart, &chart->curves[i]);
    chart_labels(chart);
    footer(chart);
}

/* ---- into a file ---- */

struct bytes {
    char *data;
    size_t len;
};

static cairo_status_t append(void *to, const unsigned char *data, unsigned len)
{
    struct bytes *bytes = to;

    bytes->data = realloc(bytes->data, bytes->len + len + 1);
    if (!bytes->data)
        abort();
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
    return CAIRO_STATUS_SUCCESS;
}

/* For those who do not see the picture: cairo draws letters as shapes. */
static void add_description(struct chart *chart, struct bytes *bytes)
{
    char title[300], *whole;
    char *at = bytes->data ? strstr(bytes->data, "<svg ") : NULL,
         *end = at ? strchr(at, '>') : NULL;

    if (!end)
        return;
    title_text(chart, title, sizeof title);
    for (char *c = title; *c; c++)
        if (strchr("<>&\"", *c) || (unsigned char)*c < ' ')
            *c = ' ';
    int len = asprintf(&whole, "%.*s role=\"img\">\n<title>%s</title>%s", (int)(end - bytes->data),
                       bytes->data, title, end + 1);
    if (len < 0)
        abort();
    free(bytes->data);
    *bytes = (struct bytes){whole, (size_t)len};
}

static cairo_surface_t *make_surface(enum chart_kind kind, struct bytes *bytes)
{
    if (kind == CHART_PNG)
        return cairo.image_surface_create(CAIRO_FORMAT_RGB24, PNG_SCALE * CHART_WIDTH,
                                          PNG_SCALE * CHART_HEIGHT);
    cairo_surface_t *surface =
        cairo.svg_surface_create_for_stream(append, bytes, CHART_WIDTH, CHART_HEIGHT);
    if (cairo.surface_status(surface) == CAIRO_STATUS_SUCCESS)
        cairo.svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    return surface;
}

char *chart_draw(const struct comparison *comparison, enum chart_kind kind, size_t *len)
{
    struct bytes bytes = {0};
    struct chart chart = {.comparison = comparison};
    cairo_surface_t *surface = make_surface(kind, &bytes);

    chart.cr = cairo.create(surface);
    if (kind == CHART_PNG)
        cairo.scale(chart.cr, PNG_SCALE, PNG_SCALE);
    draw(&chart);
    cairo_status_t status = cairo.status(chart.cr);
    cairo.destroy(chart.cr);
    if (status == CAIRO_STATUS_SUCCESS && kind == CHART_PNG)
        status = cairo.surface_write_to_png_stream(surface, append, &bytes);
    cairo.surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo.surface_status(surface);
    if (status == CAIRO_STATUS_SUCCESS && kind == CHART_SVG) {
        chart.cr = NULL;
        add_description(&chart, &bytes);
    }
    cairo.surface_destroy(surface);
    if (status == CAIRO_STATUS_SUCCESS && bytes.data) {
        *len = bytes.len;
        return bytes.data;
    }
    tool_error("the chart cannot be drawn: %s", cairo.status_to_string(status));
    free(bytes.data);
    return NULL;
}
