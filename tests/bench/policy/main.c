/*
 * simulate: play every policy against every trace; tables in Markdown, and JSON.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "trace.h"

static const char usage[] =
    "usage: simulate [OPTION...]\n"
    "  --pool MB,...      pool sizes (24,32)\n"
    "  --section KB,...   section sizes (256)\n"
    "  --trace NAME       only this trace\n"
    "  --policy NAME      only this policy; +a is with the admission filter\n"
    "  --seed N           of the generated traces (1)\n"
    "  --cost NS,...      as mapcost prints it: kernel, per byte, copy, per byte, map,\n"
    "                     first fault, further window\n"
    "  --recorded DIR     where the recorded traces are\n"
    "  --json FILE        all results\n"
    "  --dump             print the trace instead: file, offset, length\n";

enum { SIZES = 8, ROWS = 32, TRACES = 32 };

struct options {
    size_t pool[SIZES], section[SIZES];
    size_t pools, sections;
    const char *trace, *policy, *json;
    uint64_t seed;
    bool dump;
    struct sim_cost cost;
};

/* One policy, with or without the filter; results by trace, pool, section. */
struct row {
    char name[24];
    const struct sim_policy *policy;
    bool filter;
    struct sim_result result[TRACES][SIZES][SIZES];
};

static struct {
    struct row row[ROWS];
    size_t rows, traces;
    const char *trace[TRACES];
} table;

static void make_rows(const struct options *o)
{
    for (const struct sim_policy *const *p = sim_policies; *p; p++)
        for (int filter = 0; filter <= (*p)->filtered; filter++) {
            struct row *row = &table.row[table.rows];

            snprintf(row->name, sizeof row->name, "%s%s", (*p)->name, filter ? "+a" : "");
            row->policy = *p;
            row->filter = filter;
            if (!o->policy || !strcmp(o->policy, row->name))
                table.rows++;
        }
}

/* The one policy that has a knob gets the best setting for each trace. */
static void play(const struct row *row, struct sim_setup *setup, struct sim_result *best)
{
    static const unsigned reluctance[] = {1, 4, 16};

    setup->filter = row->filter;
    sim_run(row->policy, setup, best);
    for (size_t i = 1; row->policy == &sim_cheapest && i < 3; i++) {
        struct sim_result r;

        setup->reluctance = reluctance[i];
        sim_run(row->policy, setup, &r);
        if (r.ns < best->ns)
            *best = r;
    }
    setup->reluctance = 0;
}

static void play_trace(const struct options *o, const struct sim_trace *t, size_t nth)
{
    for (size_t s = 0; s < o->sections; s++) {
        struct sim_view v;

        sim_view_make(&v, t, o->section[s]);
        for (size_t p = 0; p < o->pools; p++)
            for (size_t i = 0; i < table.rows; i++) {
                struct sim_setup setup = {
                    .view = &v, .cost = &o->cost, .slots = o->pool[p] / o->section[s]};

                play(&table.row[i], &setup, &table.row[i].result[nth][p][s]);
            }
        sim_view_free(&v);
    }
}

/* ---- output ---- */

static double best_ns(size_t t, size_t p, size_t s)
{
    double best = 0;

    for (size_t i = 0; i < table.rows; i++) {
        double ns = table.row[i].result[t][p][s].ns;

        if (!table.row[i].policy->offline && (best == 0 || ns < best))
            best = ns;
    }
    return best;
}

static void print_head(const char *first)
{
    printf("\n| %s |", first);
    for (size_t i = 0; i < table.rows; i++)
        printf(" %s |", table.row[i].name);
    printf("\n|---|");
    for (size_t i = 0; i < table.rows; i++)
        printf("--:|");
    putchar('\n');
}

static void print_times(const struct options *o, size_t p, size_t s)
{
    printf("\n### Time, relative to the best that cannot foresee: pool %zu MB, sections %zu KB\n",
           o->pool[p] >> 20, o->section[s] >> 10);
    print_head("trace");
    for (size_t t = 0; t < table.traces; t++) {
        printf("| %s |", table.trace[t]);
        for (size_t i = 0; i < table.rows; i++)
            printf(" %.2f |", table.row[i].result[t][p][s].ns / best_ns(t, p, s));
        putchar('\n');
    }
}

static void print_misses(const struct options *o, size_t p, size_t s)
{
    printf("\n### Misses, %% of the reads: pool %zu MB, sections %zu KB\n", o->pool[p] >> 20,
           o->section[s] >> 10);
    print_head("trace");
    for (size_t t = 0; t < table.traces; t++) {
        printf("| %s |", table.trace[t]);
        for (size_t i = 0; i < table.rows; i++) {
            const struct sim_result *r = &table.row[i].result[t][p][s];

            printf(" %.3g |", 100 * (double)r->misses / (double)r->reads);
        }
        putchar('\n');
    }
}

/* The first row's policy over the section sizes. */
static void print_sizes(const struct options *o, size_t p)
{
    printf("\n### %s: milliseconds by section size, pool %zu MB\n\n| trace |", table.row[0].name,
           o->pool[p] >> 20);
    for (size_t s = 0; s < o->sections; s++)
        printf(" %zu KB |", o->section[s] >> 10);
    printf("\n|---|");
    for (size_t s = 0; s < o->sections; s++)
        printf("--:|");
    putchar('\n');
    for (size_t t = 0; t < table.traces; t++) {
        printf("| %s |", table.trace[t]);
        for (size_t s = 0; s < o->sections; s++)
            printf(" %.1f |", table.row[0].result[t][p][s].ns / 1e6);
        putchar('\n');
    }
}

static void print_tables(const struct options *o)
{
    for (size_t p = 0; p < o->pools; p++) {
        if (o->sections > 1)
            print_sizes(o, p);
        for (size_t s = 0; s < o->sections && o->sections == 1; s++) {
            print_times(o, p, s);
            print_misses(o, p, s);
        }
    }
}

static void json_cell(FILE *out, const struct options *o, const struct row *row, size_t t, size_t p,
                      size_t s, const char *separator)
{
    const struct sim_result *r = &row->result[t][p][s];

    fprintf(out,
            "%s\n  {\"trace\": \"%s\", \"pool\": %zu, \"section\": %zu, \"policy\": \"%s\", "
            "\"offline\": %s, \"reads\": %zu, \"misses\": %zu, \"steady_reads\": %zu, "
            "\"steady_misses\": %zu, \"maps\": %zu, \"ms\": %.3f, \"relative\": %.4f}",
            separator, table.trace[t], o->pool[p], o->section[s], row->name,
            row->policy->offline ? "true" : "false", r->reads, r->misses, r->steady_reads,
            r->steady_misses, r->maps, r->ns / 1e6, r->ns / best_ns(t, p, s));
}

static bool write_json(const struct options *o)
{
    FILE *out = fopen(o->json, "w");
    const char *separator = "[";

    if (!out)
        return false;
    for (size_t t = 0; t < table.traces; t++)
        for (size_t p = 0; p < o->pools; p++)
            for (size_t s = 0; s < o->sections; s++)
                for (size_t i = 0; i < table.rows; i++, separator = ",")
                    json_cell(out, o, &table.row[i], t, p, s, separator);
    fputs("\n]\n", out);
    return fclose(out) == 0;
}

static void dump(const struct sim_trace *t)
{
    for (size_t i = 0; i < t->n; i++)
        printf("%u %llu %u\n", t->reads[i].file, (unsigned long long)t->reads[i].off,
               t->reads[i].len);
}

/* ---- options ---- */

static size_t parse_sizes(const char *text, size_t unit, size_t *out)
{
    size_t n = 0;
    char *end;

    do {
        out[n++] = strtoul(text, &end, 10) * unit;
        if (end == text || !out[n - 1] || n == SIZES)
            return 0;
        text = end + 1;
    } while (*end == ',');
    return *end ? 0 : n;
}

static bool parse_cost(const char *text, struct sim_cost *c)
{
    return sscanf(text, "%lf,%lf,%lf,%lf,%lf,%lf,%lf", &c->kernel, &c->kernel_byte, &c->copy,
                  &c->copy_byte, &c->map, &c->fault, &c->window) == 7;
}

static bool take(struct options *o, int c)
{
    switch (c) {
    case 'p':
        return (o->pools = parse_sizes(optarg, 1 << 20, o->pool));
    case 's':
        return (o->sections = parse_sizes(optarg, 1 << 10, o->section));
    case 't':
        return (o->trace = optarg);
    case 'P':
        return (o->policy = optarg);
    case 'S':
        return (o->seed = strtoull(optarg, NULL, 0));
    case 'c':
        return parse_cost(optarg, &o->cost);
    case 'r':
        return (trace_recorded_dir = optarg);
    case 'j':
        return (o->json = optarg);
    case 'd':
        return (o->dump = true);
    default:
        return false;
    }
}

static bool parse(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"pool", required_argument, NULL, 'p'},     {"section", required_argument, NULL, 's'},
        {"trace", required_argument, NULL, 't'},    {"policy", required_argument, NULL, 'P'},
        {"seed", required_argument, NULL, 'S'},     {"cost", required_argument, NULL, 'c'},
        {"recorded", required_argument, NULL, 'r'}, {"json", required_argument, NULL, 'j'},
        {"dump", no_argument, NULL, 'd'},           {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        if (!take(o, c))
            return false;
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct options o = {.pool = {24 << 20, 32 << 20},
                        .section = {256 << 10},
                        .pools = 2,
                        .sections = 1,
                        .seed = 1,
                        .cost = sim_cost_default};

    if (!parse(&o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    make_rows(&o);
    for (const struct sim_generator *g = sim_generators; g->name; g++) {
        struct sim_trace t;

        if (o.trace && strcmp(o.trace, g->name) != 0)
            continue;
        if (!sim_generate(&t, g, o.seed)) {
            fprintf(stderr, "simulate: cannot make trace %s\n", g->name);
            return 1;
        }
        table.trace[table.traces] = g->name;
        if (o.dump)
            dump(&t);
        else
            play_trace(&o, &t, table.traces++);
        sim_trace_free(&t);
    }
    print_tables(&o);
    if (o.json && !write_json(&o)) {
        perror(o.json);
        return 1;
    }
    return 0;
}
