/* What the parts of a chart share: the curves, the frame they are in, and labels. */
#ifndef CHART_PLOT_H
#define CHART_PLOT_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>

#include "figures.h"

#define CHART_WIDTH  960
#define CHART_HEIGHT 540

/* The frame that curves are drawn in; y grows downwards. */
#define PLOT_LEFT   88
#define PLOT_RIGHT  (CHART_WIDTH - 28)
#define PLOT_TOP    112
#define PLOT_BOTTOM (CHART_HEIGHT - 84)

#define CHART_CURVES 64

struct chart_colour {
    double r, g, b;
};

/* The memory of all instances of a batch over time. */
struct chart_curve {
    const struct batch *batch;
    size_t side;
    bool shown; /* the run that figures and labels are of; others are only hinted at */
};

struct chart {
    const struct comparison *comparison;
    cairo_t *cr;
    struct chart_curve curves[CHART_CURVES]; /* what is shown comes last */
    size_t count;
    double x_most, y_most;       /* of the axes: seconds, bytes */
    double x_unit, y_unit;       /* what one of the units is */
    const char *x_name, *y_name; /* of the units */
};

double chart_x(const struct chart *chart, double seconds);
double chart_y(const struct chart *chart, double bytes);

/* Points of a curve, in order; false past the last. */
bool chart_point(const struct chart_curve *curve, size_t i, double *seconds, double *bytes);

enum chart_weight { CHART_NORMAL, CHART_BOLD };
void chart_font(struct chart *chart, double size, enum chart_weight weight,
                const struct chart_colour *colour);
double chart_text_width(struct chart *chart, const char *text);
/* X is where the text begins (align 0), has its middle (0.5) or ends (1). */
void chart_text(struct chart *chart, double x, double y, double align, const char *text);

extern const struct chart_colour chart_ink, chart_grey, chart_pale, chart_side_colours[2];

/* Frame, ticks and their numbers. */
void chart_axes(struct chart *chart);

/* The peaks' and other labels, where they hide neither each other nor a curve. */
void chart_labels(struct chart *chart);

#endif
