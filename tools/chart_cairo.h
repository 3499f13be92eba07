/*
 * cairo's functions, looked up when a chart is to be drawn: with cairo come some twenty other
 * libraries, and loading them takes longer than all else that `onecopy run` does.
 */
#ifndef CHART_CAIRO_H
#define CHART_CAIRO_H

#include <cairo-svg.h>
#include <stdbool.h>

#define CHART_CAIRO(use)                                                                           \
    use(arc) use(close_path) use(create) use(destroy) use(fill) use(fill_preserve)                 \
        use(image_surface_create) use(line_to) use(move_to) use(new_path) use(paint)               \
            use(rectangle) use(restore) use(rotate) use(save) use(scale) use(select_font_face)     \
                use(set_dash) use(set_font_size) use(set_line_join) use(set_line_width)            \
                    use(set_source_rgb) use(set_source_rgba) use(show_text) use(status)            \
                        use(status_to_string) use(stroke) use(surface_destroy) use(surface_finish) \
                            use(surface_status) use(surface_write_to_png_stream)                   \
                                use(svg_surface_create_for_stream)                                 \
                                    use(svg_surface_set_document_unit) use(text_extents)           \
                                        use(translate)

struct chart_cairo {
#define CHART_CAIRO_FIELD(name) __typeof__(cairo_##name) *name;
    CHART_CAIRO(CHART_CAIRO_FIELD)
#undef CHART_CAIRO_FIELD
};

extern struct chart_cairo cairo;

/* NULL, or why they are not to be had. */
const char *chart_cairo_load(void);

#endif
