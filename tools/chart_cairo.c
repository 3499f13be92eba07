#include "config.h"
#include "chart_cairo.h"

#include <dlfcn.h>
#include <stddef.h>

struct chart_cairo cairo;

static const struct {
    const char *name;
    size_t at;
} functions[] = {
#define CHART_CAIRO_ROW(name) {"cairo_" #name, offsetof(struct chart_cairo, name)},
    CHART_CAIRO(CHART_CAIRO_ROW)
#undef CHART_CAIRO_ROW
};

const char *chart_cairo_load(void)
{
    void *library = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return dlerror();
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void **function = (void **)((char *)&cairo + functions[i].at);
        *function = dlsym(library, functions[i].name);
        if (!*function)
            return dlerror();
    }
    return NULL;
}
