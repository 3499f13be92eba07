/* Zipf's law by its cumulated table; shuffles. */
#include "random.h"

#include <math.h>
#include <stdlib.h>

#include "sim.h"

void sim_zipf_new(struct sim_zipf *z, uint32_t n, double skew)
{
    double sum = 0;

    z->n = n;
    z->sum = sim_alloc(n, sizeof *z->sum);
    for (uint32_t k = 0; k < n; k++)
        z->sum[k] = sum += pow(k + 1, -skew);
    for (uint32_t k = 0; k < n; k++)
        z->sum[k] /= sum;
}

uint32_t sim_zipf_draw(const struct sim_zipf *z, struct sim_random *r)
{
    double x = sim_unit(r);
    uint32_t lo = 0, hi = z->n - 1;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (z->sum[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void sim_zipf_free(struct sim_zipf *z)
{
    free(z->sum);
}

uint32_t *sim_shuffle(struct sim_random *r, uint32_t n)
{
    uint32_t *p = sim_alloc(n, sizeof *p);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = (uint32_t)sim_below(r, i + 1);

        p[i] = p[j];
        p[j] = i;
    }
    return p;
}
