/* No charts: this onecopy was configured without cairo. */
#include "config.h"
#include "chart.h"

#include "tool.h"

bool chart_available(void)
{
    return false;
}

bool chart_kind_of(const char *path, enum chart_kind *kind)
{
    *kind = CHART_SVG;
    tool_error("--chart %s: this onecopy was built without cairo and cannot draw", path);
    return false;
}

char *chart_draw(const struct comparison *comparison, enum chart_kind kind, size_t *len)
{
    (void)comparison, (void)kind, (void)len;
    return NULL;
}
