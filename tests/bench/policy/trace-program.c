/* Reads after the manner of programs that we looked at. */
#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "trace.h"

/*
 * A game server: at start-up a third of the 460 MB file, lump by lump (a header of 16
 * bytes, a body); then ten areas of 2 MB near players, an area given up for the one
 * beside it or far away every 400000 reads, and one read in 4000 anywhere.
 */
bool trace_game(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};
    const uint64_t whole = 460 * MB;
    uint64_t area[10], at = 0;

    (void)unused;
    while (at < whole / 3) {
        uint32_t body = 256 + (uint32_t)sim_below(&r, 8192);

        sim_trace_add(t, 0, at, 16);
        sim_trace_add(t, 0, at + 16, body);
        at += 16 + body;
    }
    for (int a = 0; a < 10; a++)
        area[a] = sim_below(&r, whole - 2 * MB);
    for (int i = 0; i < 6000000; i++) {
        if (i % 400000 == 399999) {
            uint64_t *a = &area[sim_below(&r, 10)];

            *a = sim_below(&r, 2) && *a < whole - 5 * MB ? *a + 2 * MB
                                                         : sim_below(&r, whole - 2 * MB);
        }
        if (!sim_below(&r, 4000))
            sim_trace_add(t, 0, sim_below(&r, whole - 4096), 512);
        else
            sim_trace_add(t, 0, area[sim_below(&r, 10)] + sim_below(&r, 2 * MB - 1024),
                          64 + (uint32_t)sim_below(&r, 512));
        if (i == 100000)
            t->steady = t->n;
    }
    return true;
}

/* ---- a world ---- */

/* 896 by 512 blocks of 196 bytes, their statics (7 bytes each), and 16000 pictures. */
enum { COLUMNS = 896, ROWS = 512, MAP_BLOCK = 196, STATICS = 131, PICTURES = 16000, APART = 19500 };
enum { PLAYERS = 10, SIGHT = 5, STEPS = 600000 };

static void see_block(struct sim_trace *t, uint32_t x, uint32_t y)
{
    uint64_t block = x % COLUMNS * (uint64_t)ROWS + y % ROWS;

    sim_trace_add(t, 0, block * MAP_BLOCK, MAP_BLOCK);
    sim_trace_add(t, 0, 90 * MB + block * STATICS, 7 * (1 + (uint32_t)(block * 40503 >> 8) % 18));
}

/* Of 1 to 40 KB; few are seen often. */
static void see_picture(struct sim_trace *t, struct sim_random *r)
{
    uint64_t u = sim_below(r, 1024), nth = u * u / 1024 * u / 1024 * PICTURES / 1024;
    uint64_t size = nth * 2654435761u % 1024;

    sim_trace_add(t, 0, 150 * MB + nth * APART, 1024 + (uint32_t)(size * size * 39 / 1024));
}

/*
 * A game's world with records as large as such games' files have them: at start-up all blocks of
 * the map and what stands on them, a third of 460 MB; then ten players who walk about, and
 * see a row or a column of new blocks with each step, and sometimes a picture.
 */
bool trace_world(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};
    uint32_t x[PLAYERS], y[PLAYERS];

    (void)unused;
    for (uint32_t i = 0; i < COLUMNS * ROWS; i++)
        see_block(t, i / ROWS, i % ROWS);
    for (int p = 0; p < PLAYERS; p++) {
        x[p] = (uint32_t)sim_below(&r, COLUMNS);
        y[p] = (uint32_t)sim_below(&r, ROWS);
    }
    for (int i = 0; i < STEPS; i++) {
        uint32_t p = (uint32_t)sim_below(&r, PLAYERS);
        bool across = sim_below(&r, 2), back = sim_below(&r, 2);

        *(across ? &x[p] : &y[p]) += back ? (uint32_t)-1 : 1;
        if (!sim_below(&r, 20000))
            x[p] = (uint32_t)sim_below(&r, COLUMNS);
        for (uint32_t n = 0; n < SIGHT; n++)
            see_block(t, x[p] + (across ? 0 : n), y[p] + (across ? n : 0));
        if (!sim_below(&r, 64))
            see_picture(t, &r);
        if (i == STEPS / 20)
            t->steady = t->n;
    }
    return true;
}

/* ---- git ---- */

enum { OBJECTS = 1000000, HASH = 20 };

/* Find an object: the fan-out table, then bisection in the sorted names. */
static void look_up(struct sim_trace *t, uint64_t object)
{
    uint64_t rank = object * 2654435761u % OBJECTS;
    uint64_t lo = rank / (OBJECTS / 256) * (OBJECTS / 256), hi = lo + OBJECTS / 256;

    sim_trace_add(t, 0, 8 + rank / (OBJECTS / 256) * 4, 8);
    while (hi - lo > 1) {
        uint64_t mid = (lo + hi) / 2;

        sim_trace_add(t, 0, 1032 + mid * HASH, HASH);
        if (mid <= rank)
            lo = mid;
        else
            hi = mid;
    }
    sim_trace_add(t, 0, 1032 + OBJECTS * (HASH + 4) + rank * 4, 4);
}

/* The pack: commits in its first 6 %, then trees, then files; bases lie near. */
static void read_object(struct sim_trace *t, struct sim_random *r, uint64_t object)
{
    uint64_t at = object * 300;

    for (uint64_t depth = sim_below(r, 5) + 1; depth; depth--) {
        sim_trace_add(t, 1, at, 32);
        sim_trace_add(t, 1, at + 32, 200 + (uint32_t)sim_below(r, 3000));
        at = at > 400000 ? at - sim_below(r, 400000) : at;
    }
}

/* A history walk: commits from new to old, for each a few trees and files of the
 * directories that change most. */
bool trace_git(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};
    struct sim_zipf dirs;

    (void)unused;
    sim_zipf_new(&dirs, 4000, 0.9);
    for (uint64_t commit = 0; commit < 40000; commit++) {
        look_up(t, commit % 60000);
        read_object(t, &r, commit % 60000);
        for (int i = 0; i < 3; i++) {
            uint64_t dir = sim_zipf_draw(&dirs, &r) * 2654435761u % 4000;
            uint64_t object = 60000 + dir * 235 + sim_below(&r, 235);

            look_up(t, object);
            read_object(t, &r, object);
        }
    }
    t->steady = t->n / 2;
    sim_zipf_free(&dirs);
    return true;
}

/* ---- tiles ---- */

enum { LEVELS = 8, VIEWERS = 40 };

struct viewer {
    uint32_t x, y, level; /* tile numbers at that level */
    int patience;
};

/* Tiles lie in Morton order within a level, 16 KB of room each, levels one after another:
 * 4^7 tiles at the last. */
static uint64_t tile_at(uint32_t x, uint32_t y, uint32_t level)
{
    uint64_t n = 0, before = 0;

    for (uint32_t b = 0; b < level; b++) {
        n |= (uint64_t)(x >> b & 1) << (2 * b) | (uint64_t)(y >> b & 1) << (2 * b + 1);
        before += (uint64_t)1 << (2 * b);
    }
    return before + n;
}

static void view(struct sim_trace *t, struct sim_random *r, const struct viewer *v)
{
    uint32_t side = 1u << v->level;

    for (uint32_t dy = 0; dy < 3; dy++)
        for (uint32_t dx = 0; dx < 3; dx++) {
            uint64_t tile = tile_at((v->x + dx) % side, (v->y + dy) % side, v->level);

            sim_trace_add(t, 0, 512 + tile * 17, 17);
            sim_trace_add(t, 1, tile * 20000, 4000 + (uint32_t)sim_below(r, 16000));
        }
}

enum { TOWNS = 500, NEXT_FAVOURITES = 61 };

static void arrive(struct viewer *v, struct sim_random *r, const struct sim_zipf *towns,
                   uint64_t period)
{
    uint64_t town = (sim_zipf_draw(towns, r) + period * NEXT_FAVOURITES) % TOWNS + 1;

    v->level = LEVELS - 1 - (uint32_t)sim_below(r, 4);
    v->x = (uint32_t)(town * 40503 % 128) >> (LEVELS - 1 - v->level);
    v->y = (uint32_t)(town * 30011 % 128) >> (LEVELS - 1 - v->level);
    v->patience = 5 + (int)sim_below(r, 40);
}

/* With a PERIOD others become the favourite towns after so many views. */
bool trace_tiles(struct sim_trace *t, uint64_t seed, double period)
{
    struct sim_random r = {seed};
    struct sim_zipf towns;
    struct viewer viewers[VIEWERS] = {{0}};

    sim_zipf_new(&towns, TOWNS, 1.0);
    for (int i = 0; i < 80000; i++) {
        struct viewer *v = &viewers[sim_below(&r, VIEWERS)];

        if (v->patience-- <= 0) {
            arrive(v, &r, &towns, period > 0 ? (uint64_t)(i / period) : 0);
        } else {
            v->x = (v->x + (uint32_t)sim_below(&r, 3) - 1) & ((1u << v->level) - 1);
            v->y = (v->y + (uint32_t)sim_below(&r, 3) - 1) & ((1u << v->level) - 1);
        }
        view(t, &r, v);
    }
    t->steady = t->n / 2;
    sim_zipf_free(&towns);
    return true;
}

/* ---- tables that grow ---- */

enum { PAGE = 4096, ROW = 300, A_LEAF = 100, NAME_LEAVES = 12000, LOOKUPS = 400000 };

/* The path to a leaf: the root, a page of the level below, the leaf. */
static void descend(struct sim_trace *t, uint32_t tree, uint64_t leaf)
{
    sim_trace_add(t, tree, 0, PAGE);
    sim_trace_add(t, tree, (1 + leaf / 200) * PAGE, PAGE);
    sim_trace_add(t, tree, (200 + leaf) * PAGE, PAGE);
}

static uint64_t some_row(struct sim_random *r, uint64_t rows, double mean_age)
{
    double age = -log(1 - sim_unit(r)) * mean_age;

    return sim_below(r, 16) && age < (double)rows ? rows - 1 - (uint64_t)age : sim_below(r, rows);
}

/*
 * Lookups in a table that grows from 90 to 300 MB, by number (a B-tree whose leaves lie in order)
 * or, one in four, by name (another whose leaves lie anywhere).  At first any row is asked for,
 * then more and more only recent ones, in the end the last 128th.
 */
bool trace_btree(struct sim_trace *t, uint64_t seed, double unused)
{
    struct sim_random r = {seed};

    (void)unused;
    for (uint64_t i = 0; i < LOOKUPS; i++) {
        uint64_t rows = 300000 + i * 7 / 4;
        uint64_t row = some_row(&r, rows, (double)rows / exp2(7.0 * (double)i / LOOKUPS));

        if (sim_below(&r, 4))
            descend(t, 1, row / A_LEAF);
        else
            descend(t, 2, row * 2654435761u % NAME_LEAVES);
        sim_trace_add(t, 0, row * ROW, ROW);
    }
    t->steady = t->n / 2;
    return true;
}
