/* Moments of a batch, thinned out as it goes on: moments.h. */
#include "config.h"
#include "moments.h"

#include <math.h>
#include <stdlib.h>

bool moments_wanted(struct moments *moments)
{
    if (moments->step == 0)
        moments->step = 1;
    return moments->passed++ % moments->step == 0;
}

/* Half of them go, and from now on half as many come. */
static void thin_out(struct moments *moments)
{
    for (size_t i = 0; i < moments->count; i++) {
        if (i % 2 == 0)
            moments->list[i / 2] = moments->list[i];
        else
            free(moments->list[i].shares);
    }
    moments->count = (moments->count + 1) / 2;
    moments->step *= 2;
}

void moments_add(struct moments *moments, const struct moment *moment)
{
    if (moments->count == MOMENTS)
        thin_out(moments);
    moments->list[moments->count++] = *moment;
}

const struct moment *moments_nearest(const struct moments *moments, double at)
{
    const struct moment *best = NULL;

    for (size_t i = 0; i < moments->count; i++)
        if (!best || fabs(moments->list[i].at - at) < fabs(best->at - at))
            best = &moments->list[i];
    return best;
}
