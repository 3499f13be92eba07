/* The frame of a chart: units, grid, ticks and their numbers. */
#include "config.h"
#include "chart_cairo.h"
#include "chart_plot.h"

#include <math.h>
#include <stdio.h>

/* 1, 2 or 5 times a power of ten, about MOST / COUNT. */
static double nice_step(double most, double count)
{
    double power = pow(10, floor(log10(most / count)));
    double rest = most / count / power;

    return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

static void number_text(double value, double step, char *text, size_t size)
{
    int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(text, size, "%.*f", digits, value);
}

static void line(cairo_t *cr, double x1, double y1, double x2, double y2)
{
    cairo.move_to(cr, x1, y1);
    cairo.line_to(cr, x2, y2);
    cairo.stroke(cr);
}

static void colour(cairo_t *cr, const struct chart_colour *c)
{
    cairo.set_source_rgb(cr, c->r, c->g, c->b);
}

static void y_axis(struct chart *chart)
{
    double most = chart->y_most / chart->y_unit, step = nice_step(most, 6);
    char text[32];

    for (double at = 0; at <= most * 1.0001; at += step) {
        double y = floor(chart_y(chart, at * chart->y_unit)) + 0.5;
        colour(chart->cr, &chart_pale);
        cairo.set_line_width(chart->cr, 1);
        if (at > 0)
            line(chart->cr, PLOT_LEFT, y, PLOT_RIGHT, y);
        chart_font(chart, 14, CHART_NORMAL, &chart_ink);
        number_text(at, step, text, sizeof text);
        chart_text(chart, PLOT_LEFT - 10, y + 5, 1, text);
    }
}

static void x_axis(struct chart *chart)
{
    double most = chart->x_most / chart->x_unit, step = nice_step(most, 8);
    char text[32];

    for (double at = 0; at <= most * 1.0001; at += step) {
        double x = floor(chart_x(chart, at * chart->x_unit)) + 0.5;
        colour(chart->cr, &chart_ink);
        cairo.set_line_width(chart->cr, 1);
        line(chart->cr, x, PLOT_BOTTOM, x, PLOT_BOTTOM + 5);
        chart_font(chart, 14, CHART_NORMAL, &chart_ink);
        number_text(at, step, text, sizeof text);
        chart_text(chart, x, PLOT_BOTTOM + 22, 0.5, text);
    }
}

static void names(struct chart *chart)
{
    char text[100];

    chart_font(chart, 14, CHART_NORMAL, &chart_ink);
    snprintf(text, sizeof text, "time since the start, %s", chart->x_name);
    chart_text(chart, (PLOT_LEFT + PLOT_RIGHT) / 2.0, PLOT_BOTTOM + 46, 0.5, text);
    snprintf(text, sizeof text, "memory of all processes, %s", chart->y_name);
    cairo.save(chart->cr);
    cairo.translate(chart->cr, 26, (PLOT_TOP + PLOT_BOTTOM) / 2.0);
    cairo.rotate(chart->cr, -M_PI / 2);
    chart_text(chart, 0, 0, 0.5, text);
    cairo.restore(chart->cr);
}

void chart_axes(struct chart *chart)
{
    y_axis(chart);
    x_axis(chart);
    colour(chart->cr, &chart_ink);
    cairo.set_line_width(chart->cr, 1);
    line(chart->cr, PLOT_LEFT, PLOT_BOTTOM + 0.5, PLOT_RIGHT, PLOT_BOTTOM + 0.5);
    names(chart);
}
