/* Textbook patterns of reading. */
#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "trace.h"

enum { PIECE = 64 << 10 };
#define WHOLE (460 * MB)

static uint32_t some_length(struct sim_random *r)
{
    static const uint32_t lengths[] = {64, 256, 512, 1024, 4096};

    return lengths[sim_below(r, 5)];
}

/* Pieces are shifted against section borders, as real data is. */
bool trace_zipf(struct sim_trace *t, uint64_t seed, double skew)
{
    struct sim_random r = {seed};
    struct sim_zipf z;
    uint32_t pieces = WHOLE / PIECE - 1, *where = sim_shuffle(&r, pieces);

    sim_zipf_new(&z, pieces, skew);
    for (int i = 0; i < 3000000; i++) {
        uint32_t len = some_length(&r);
        uint64_t at = (uint64_t)where[sim_zipf_draw(&z, &r)] * PIECE + 20000;

        sim_trace_add(t, 0, at + sim_below(&r, PIECE - len), len);
    }
    t->steady = t->n / 2;
    sim_zipf_free(&z);
    free(where);
    return true;
}

bool trace_scan_hot(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};
    uint64_t scan = 0;

    (void)unused;
    for (int i = 0; i < 3000000; i++) {
        uint32_t len = some_length(&r);

        if (sim_below(&r, 10)) {
            sim_trace_add(t, 0, sim_below(&r, 8) * 55 * MB + 700000 + sim_below(&r, 2 * MB), len);
        } else {
            sim_trace_add(t, 0, scan, 4096);
            scan = (scan + 4096) % WHOLE;
        }
    }
    t->steady = t->n / 2;
    return true;
}

bool trace_loop(struct sim_trace *t, uint64_t seed, double stride)
{
    size_t n = 48 * MB / (size_t)stride;

    (void)seed;
    for (size_t i = 0; i < 800000; i++)
        sim_trace_add(t, 0, 100 * MB + i % n * (size_t)stride, stride > 4096 ? 512 : 4096);
    t->steady = t->n / 2;
    return true;
}

static double normal(struct sim_random *r)
{
    return sqrt(-2 * log(1 - sim_unit(r))) * cos(2 * M_PI * sim_unit(r));
}

/* 2.3 standard deviations each way are 98 %: 16 MB at 3.5 MB. */
bool trace_drift(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};
    const int n = 3000000;

    (void)unused;
    for (int i = 0; i < n; i++) {
        double at = 30e6 + 400e6 * i / n + normal(&r) * 3.5e6;

        sim_trace_add(t, 0, (uint64_t)at, some_length(&r));
    }
    t->steady = t->n / 2;
    return true;
}

/* Each phase has 9 areas of 2 MB anywhere, and starts abruptly. */
bool trace_phases(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};
    uint64_t area[8][9];

    (void)unused;
    for (int p = 0; p < 8; p++)
        for (int a = 0; a < 9; a++)
            area[p][a] = sim_below(&r, WHOLE - 3 * MB);
    for (int p = 0; p < 16; p++)
        for (int i = 0; i < 200000; i++)
            sim_trace_add(t, 0, area[p % 8][sim_below(&r, 9)] + sim_below(&r, 2 * MB),
                          some_length(&r));
    t->steady = t->n / 2;
    return true;
}

/* A working set that doesn't fit, without any order: a part of it is all one can keep. */
bool trace_over(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};

    (void)unused;
    for (int i = 0; i < 2000000; i++)
        sim_trace_add(t, 0, 70 * MB + sim_below(&r, 40 * MB), some_length(&r));
    t->steady = t->n / 2;
    return true;
}
