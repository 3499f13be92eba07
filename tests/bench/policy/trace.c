/* Traces: growing lists of reads, and the table of what makes them. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

void sim_trace_add(struct sim_trace *t, uint32_t file, uint64_t off, uint32_t len)
{
    if (t->n == t->room) {
        struct sim_read *more;

        t->room = t->room ? 2 * t->room : 1 << 16;
        more = sim_alloc(t->room, sizeof *more);
        if (t->n)
            memcpy(more, t->reads, t->n * sizeof *more);
        free(t->reads);
        t->reads = more;
    }
    t->reads[t->n++] = (struct sim_read){off, len, file};
}

void sim_trace_free(struct sim_trace *t)
{
    free(t->reads);
    t->reads = NULL;
    t->n = t->room = 0;
}

const struct sim_generator sim_generators[] = {
    {"zipf-0.6", "460 MB in pieces of 64 KiB, popularity by Zipf's law", trace_zipf, 0.6},
    {"zipf-0.8", "the same, more skewed", trace_zipf, 0.8},
    {"zipf-1.0", "the same, more skewed", trace_zipf, 1.0},
    {"zipf-1.2", "the same, most skewed", trace_zipf, 1.2},
    {"scan-hot", "9 of 10 reads in 16 MB of hot areas, the tenth a sequential scan", trace_scan_hot,
     0},
    {"loop", "48 MB over and over, sequential reads of 4 KiB", trace_loop, 4096},
    {"loop-sparse", "48 MB over and over, 512 bytes of every 32 KiB", trace_loop, 32768},
    {"over", "40 MB at random, a little more than fits", trace_over, 0},
    {"drift", "a normally distributed hot spot of some 16 MB that moves on all the time",
     trace_drift, 0},
    {"phases", "eight programs' worth of 18 MB hot sets, one after the other and again",
     trace_phases, 0},
    {"game", "start-up pass over a third of 460 MB, a drifting hot set of 20 MB, rare far reads",
     trace_game, 0},
    {"world", "a game's world: blocks of 196 bytes, statics of 7 to 126, pictures of 1 to 40 KB",
     trace_world, 0},
    {"git", "object lookups: index bisection, then delta chains in a pack of 300 MB", trace_git, 0},
    {"tiles", "map tiles for walking viewers: a directory and tiles of 4 to 30 KB", trace_tiles, 0},
    {"tiles-shift", "the same, and other towns are the favourites after every 10000 views",
     trace_tiles, 10000},
    {"btree", "lookups in a growing table, by number or name, of ever more recent rows",
     trace_btree, 0},
    {"sqlite-point", "recorded: lookups in a database, recent rows more often", trace_recorded, 0},
    {"sqlite-scan", "recorded: range scans over an index, and lookups between", trace_recorded, 0},
    {NULL, NULL, NULL, 0},
};

bool sim_generate(struct sim_trace *t, const struct sim_generator *g, uint64_t seed)
{
    memset(t, 0, sizeof *t);
    t->name = g->name;
    t->about = g->about;
    return g->make(t, seed, g->arg);
}
