/*
 * The size sweep as a picture: what a read takes by the kernel, by memcpy and by onecopy, over
 * its size, both axes logarithmic; and beside it how many times faster than the kernel's it is.
 *
 *   sweep TITLE OUT.svg <table      lines of: bytes, ns by onecopy, by the kernel, by memcpy
 */
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1100, HEIGHT = 470, MOST = 64, CURVES = 3 };

struct panel {
    double left, right, top, bottom;
    double x0, x1, y0, y1; /* of the axes, as powers of two and of ten */
    const char *name;
};

static const char *const curve_names[CURVES] = {"onecopy", "kernel", "memcpy"};
/* Okabe and Ito's blue, vermilion and green: told apart by everyone. */
static const double colours[CURVES][3] = {{0, 0.447, 0.698}, {0.835, 0.369, 0}, {0, 0.62, 0.451}};

static size_t rows;
static double bytes[MOST], ns[CURVES][MOST];
static cairo_t *cr;

static void text(double x, double y, double align, double size, const char *s)
{
    cairo_text_extents_t e;
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, s, &e);
    cairo_move_to(cr, x - align * e.x_advance, y);
    cairo_show_text(cr, s);
}

static double x_of(const struct panel *p, double b)
{
    return p->left + (log2(b) - p->x0) / (p->x1 - p->x0) * (p->right - p->left);
}

static double y_of(const struct panel *p, double y)
{
    return p->bottom - (log10(y) - p->y0) / (p->y1 - p->y0) * (p->bottom - p->top);
}

static void line(double x1, double y1, double x2, double y2, double grey, double width)
{
    cairo_set_source_rgb(cr, grey, grey, grey);
    cairo_set_line_width(cr, width);
    cairo_move_to(cr, x1, y1);
    cairo_line_to(cr, x2, y2);
    cairo_stroke(cr);
}

static void size_text(double b, char *out, size_t room)
{
    const char *unit = b >= 1 << 20 ? "M" : b >= 1024 ? "K" : "";
    snprintf(out, room, "%.0f%s", b >= 1 << 20 ? b / (1 << 20) : b >= 1024 ? b / 1024 : b, unit);
}

static void time_text(double t, char *out, size_t room)
{
    const char *unit = t >= 1e6 ? "ms" : t >= 1e3 ? "us" : "ns";
    snprintf(out, room, "%g %s", t >= 1e6 ? t / 1e6 : t >= 1e3 ? t / 1e3 : t, unit);
}

static void x_axis(const struct panel *p)
{
    char s[32];
    for (double e = p->x0; e <= p->x1; e += 4) {
        double x = x_of(p, exp2(e));
        line(x, p->top, x, p->bottom, 0.88, 1);
        size_text(exp2(e), s, sizeof s);
        cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
        text(x, p->bottom + 18, 0.5, 13, s);
    }
    text((p->left + p->right) / 2, p->bottom + 40, 0.5, 13, "bytes a read");
}

static void y_tick(const struct panel *p, double at, const char *s)
{
    line(p->left, y_of(p, at), p->right, y_of(p, at), at == 1 ? 0.4 : 0.88, 1);
    cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
    text(p->left - 8, y_of(p, at) + 4, 1, 13, s);
}

static void frame(const struct panel *p)
{
    cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
    text(p->left, p->top - 12, 0, 14, p->name);
    line(p->left, p->top, p->left, p->bottom, 0.13, 1);
    line(p->left, p->bottom, p->right, p->bottom, 0.13, 1);
}

/* BY: what each value is divided into, or NULL. */
static void curve(const struct panel *p, int c, const double *by)
{
    cairo_set_source_rgb(cr, colours[c][0], colours[c][1], colours[c][2]);
    cairo_new_path(cr);
    cairo_set_line_width(cr, c == 0 ? 3 : 2);
    for (size_t i = 0; i < rows; i++)
        cairo_line_to(cr, x_of(p, bytes[i]), y_of(p, by ? by[i] / ns[c][i] : ns[c][i]));
    cairo_stroke(cr);
    for (size_t i = 0; i < rows; i++) {
        cairo_arc(cr, x_of(p, bytes[i]), y_of(p, by ? by[i] / ns[c][i] : ns[c][i]), c ? 2.5 : 3.5,
                  0, 2 * 3.14159265);
        cairo_fill(cr);
    }
}

static void legend(double x, double y)
{
    for (int c = 0; c < CURVES; c++) {
        cairo_set_source_rgb(cr, colours[c][0], colours[c][1], colours[c][2]);
        cairo_rectangle(cr, x + 110 * c, y - 9, 22, 5);
        cairo_fill(cr);
        cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
        text(x + 110 * c + 30, y, 0, 14, curve_names[c]);
    }
}

static void times_panel(struct panel p)
{
    char s[32];
    frame(&p);
    x_axis(&p);
    for (double e = p.y0; e <= p.y1; e++) {
        time_text(pow(10, e), s, sizeof s);
        y_tick(&p, pow(10, e), s);
    }
    for (int c = CURVES - 1; c >= 0; c--)
        curve(&p, c, NULL);
}

static void ratio_panel(struct panel p)
{
    static const double ticks[] = {0.5, 1, 2, 5, 10, 20, 50, 100};
    char s[32];
    double most = 2;
    for (size_t i = 0; i < rows; i++)
        most = fmax(most, ns[1][i] / ns[2][i] * 1.15);
    p.y1 = log10(most);
    frame(&p);
    x_axis(&p);
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks && ticks[i] <= most; i++) {
        snprintf(s, sizeof s, "%g", ticks[i]);
        y_tick(&p, ticks[i], s);
    }
    curve(&p, 2, ns[1]);
    curve(&p, 0, ns[1]);
}

static void background(const char *title)
{
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
    text(70, 34, 0, 18, title);
    legend(70, 64);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    while (rows < MOST &&
           scanf("%lf%lf%lf%lf", &bytes[rows], &ns[0][rows], &ns[1][rows], &ns[2][rows]) == 4)
        rows++;
    if (rows < 2)
        return 2;
    double last = ceil(log2(bytes[rows - 1]));
    double most = log10(fmax(ns[0][rows - 1], ns[1][rows - 1]));
    cairo_surface_t *surface = cairo_svg_surface_create(argv[2], WIDTH, HEIGHT);
    cr = cairo_create(surface);
    background(argv[1]);
    times_panel((struct panel){70, 520, 110, 400, 0, last, 0, ceil(most), "time of a read"});
    ratio_panel(
        (struct panel){610, 1070, 110, 400, 0, last, log10(0.5), 2, "times as fast as the kernel"});
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    return cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS;
}
