/*
 * Labels in a chart.  Each has a few places around its point; taken is the one where it hides the
 * least: other labels count most, then the curves.
 */
#include "config.h"
#include "chart_cairo.h"
#include "chart_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_LABELS 8
#define HEIGHT      20.0

struct box {
    double left, top, right, bottom;
};

/* Where a curve runs, column by column. */
struct track {
    double top[CHART_WIDTH], bottom[CHART_WIDTH];
};

struct labels {
    struct box taken[MOST_LABELS];
    size_t count;
    struct track tracks[2]; /* of the curves that are shown */
    size_t track_count;
    double uprights[2]; /* lines from top to bottom, by their column */
    size_t upright_count;
};

static bool overlap(const struct box *a, const struct box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* ---- where curves are ---- */

static void note_segment(struct track *track, double x1, double y1, double x2, double y2)
{
    int steps = (int)(fabs(x2 - x1) + fabs(y2 - y1) / 4) + 1;

    for (int i = 0; i <= steps; i++) {
        int x = (int)(x1 + (x2 - x1) * i / steps);
        double y = y1 + (y2 - y1) * i / steps;
        if (x < 0 || x >= CHART_WIDTH)
            continue;
        track->top[x] = fmin(track->top[x], y);
        track->bottom[x] = fmax(track->bottom[x], y);
    }
}

static void note_curve(const struct chart *chart, const struct chart_curve *curve,
                       struct track *track)
{
    double seconds, bytes, from_x = 0, from_y = 0;

    for (size_t i = 0; i < CHART_WIDTH; i++) {
        track->top[i] = INFINITY;
        track->bottom[i] = -INFINITY;
    }
    for (size_t i = 0; chart_point(curve, i, &seconds, &bytes); i++) {
        double x = chart_x(chart, seconds), y = chart_y(chart, bytes);
        if (i > 0)
            note_segment(track, from_x, from_y, x, y);
        from_x = x;
        from_y = y;
    }
}

/* Through how many columns of the box does the curve run? */
static double columns_hit(const struct track *track, const struct box *box)
{
    double hits = 0;

    for (int i = (int)box->left; i <= (int)box->right; i++)
        hits += i >= 0 && i < CHART_WIDTH && track->top[i] <= box->bottom &&
                track->bottom[i] >= box->top;
    return hits;
}

/* ---- where labels may be ---- */

static double badness(const struct labels *labels, const struct box *box)
{
    double bad = 0;

    if (box->left < PLOT_LEFT + 4 || box->right > PLOT_RIGHT || box->top < PLOT_TOP - 4 ||
        box->bottom > PLOT_BOTTOM - 2)
        bad += 100000;
    for (size_t i = 0; i < labels->count; i++)
        if (overlap(box, &labels->taken[i]))
            bad += 10000;
    for (size_t i = 0; i < labels->track_count; i++)
        bad += 10 * columns_hit(&labels->tracks[i], box);
    for (size_t i = 0; i < labels->upright_count; i++)
        if (box->left - 2 < labels->uprights[i] && labels->uprights[i] < box->right + 2)
            bad += 50;
    return bad;
}

static struct box place(struct chart *chart, struct labels *labels, double x, double y,
                        const char *text)
{
    static const struct {
        double align, up; /* the point is at this part of the width; so many heights above it */
    } places[] = {{0.5, 1.5},  {0, 1.5}, {1, 1.5},  {-0.1, 0.5}, {1.1, 0.5}, {0, -0.5}, {1, -0.5},
                  {0.5, -0.5}, {0, 2.6}, {1, 2.6},  {0.5, 2.6},  {0, -1.6},  {1, -1.6}, {0.5, -1.6},
                  {0, 3.7},    {1, 3.7}, {-0.1, 5}, {1.1, 5},    {-0.3, 8},  {1.3, 8}};
    double width = chart_text_width(chart, text) + 8, least = INFINITY;
    struct box best = {0};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        double left = x - places[i].align * width, top = y - places[i].up * HEIGHT;
        struct box box = {left, top, left + width, top + HEIGHT};
        double bad = badness(labels, &box) + (double)i;
        if (bad < least) {
            least = bad;
            best = box;
        }
    }
    if (labels->count < MOST_LABELS)
        labels->taken[labels->count++] = best;
    return best;
}

/* On a ground of its own, so that a curve behind it does not disturb. */
static void put(struct chart *chart, const struct box *box, const char *text)
{
    cairo.save(chart->cr);
    cairo.set_source_rgba(chart->cr, 1, 1, 1, 0.85);
    cairo.rectangle(chart->cr, box->left, box->top, box->right - box->left, box->bottom - box->top);
    cairo.fill(chart->cr);
    cairo.restore(chart->cr);
    chart_text(chart, box->left + 4, box->bottom - 5, 0, text);
}

static void dot(struct chart *chart, double x, double y)
{
    cairo.new_path(chart->cr);
    cairo.arc(chart->cr, x, y, 4.5, 0, 2 * M_PI);
    cairo.fill(chart->cr);
}

static bool find_peak(const struct chart_curve *curve, double *seconds, double *bytes)
{
    double at, value;

    *seconds = 0;
    *bytes = -1;
    for (size_t i = 0; chart_point(curve, i, &at, &value); i++)
        if (value > *bytes) {
            *seconds = at;
            *bytes = value;
        }
    return *bytes >= 0;
}

static void label_peak(struct chart *chart, struct labels *labels, const struct chart_curve *curve)
{
    const struct side *side = curve->batch->side;
    double seconds, bytes;
    char text[100];

    if (!find_peak(curve, &seconds, &bytes))
        return;
    double x = chart_x(chart, seconds), y = chart_y(chart, bytes);
    snprintf(text, sizeof text, "%s: peak %.*f %s", side->name, bytes / chart->y_unit < 100 ? 1 : 0,
             bytes / chart->y_unit, chart->y_name);
    chart_font(chart, 15, CHART_BOLD, &chart_side_colours[curve->side]);
    struct box box = place(chart, labels, x, y, text);
    put(chart, &box, text);
    dot(chart, x, y);
}

/* When everything was loaded, as the program said (--until). */
static void draw_ready(struct chart *chart, struct labels *labels, const struct chart_curve *curve)
{
    static const double dashes[] = {3, 4};
    double x = chart_x(chart, curve->batch->ready_seconds);

    if (curve->batch->ready_seconds < 0)
        return;
    labels->uprights[labels->upright_count++] = x;
    chart_font(chart, 13, CHART_NORMAL, &chart_side_colours[curve->side]);
    cairo.save(chart->cr);
    cairo.set_dash(chart->cr, dashes, 2, 0);
    cairo.set_line_width(chart->cr, 1.5);
    cairo.move_to(chart->cr, x, PLOT_BOTTOM);
    cairo.line_to(chart->cr, x, PLOT_TOP);
    cairo.stroke(chart->cr);
    cairo.restore(chart->cr);
}

static void label_ready(struct chart *chart, struct labels *labels, const struct chart_curve *curve)
{
    char text[100];

    if (curve->batch->ready_seconds < 0)
        return;
    chart_font(chart, 13, CHART_NORMAL, &chart_side_colours[curve->side]);
    snprintf(text, sizeof text, "%s: ready after %.2f s", curve->batch->side->name,
             curve->batch->ready_seconds);
    struct box box =
        place(chart, labels, chart_x(chart, curve->batch->ready_seconds), PLOT_TOP + 8, text);
    put(chart, &box, text);
}

typedef void label_fn(struct chart *, struct labels *, const struct chart_curve *);

void chart_labels(struct chart *chart)
{
    static label_fn *const kinds[] = {draw_ready, label_peak, label_ready};
    struct labels *labels = calloc(1, sizeof *labels);

    if (!labels)
        abort();
    for (size_t i = 0; i < chart->count; i++)
        if (chart->curves[i].shown)
            note_curve(chart, &chart->curves[i], &labels->tracks[labels->track_count++]);
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
        for (size_t i = 0; i < chart->count; i++)
            if (chart->curves[i].shown)
                kinds[kind](chart, labels, &chart->curves[i]);
    free(labels);
}
