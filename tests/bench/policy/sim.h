/*
 * The simulator of section policies: what its parts know of each other.
 *
 * A trace is a list of reads.  For a section size it becomes a list of accesses to
 * keys (struct view); a key is a section of some file, neighbours in a file are
 * neighbours in number.  sim_run() plays a view against a policy and adds up misses and
 * time by struct sim_cost.  Policies see keys; only the shipped one sees what it would
 * see in the library.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NONE UINT32_MAX

struct sim_read {
    uint64_t off;
    uint32_t len;
    uint32_t file;
};

struct sim_trace {
    const char *name, *about;
    struct sim_read *reads;
    size_t n, room;
    size_t steady; /* first read of what counts as the steady state */
};

/* A trace cut into sections. */
struct sim_view {
    const struct sim_trace *trace;
    size_t section;
    uint32_t *key;  /* of read i's first byte */
    uint32_t *last; /* of its last byte: the same but where a read spans sections */
    uint32_t keys;
};

/* Nanoseconds; see mapcost.c and doc/policy.md. */
struct sim_cost {
    double kernel, kernel_byte; /* a read by the kernel */
    double copy, copy_byte;     /* the same from a section */
    double map;                 /* map and unmap a section that nobody reads */
    double fault, window;       /* the first fault in it, and each further 64 KiB */
};
extern const struct sim_cost sim_cost_default;

enum { SIM_WINDOW = 64 << 10 };

/* What a policy is made for. */
struct sim_setup {
    const struct sim_view *view;
    const struct sim_cost *cost;
    size_t slots;
    bool filter;         /* admission: only what missed often enough is mapped */
    unsigned reluctance; /* of the offline policy min+cost; 0 is 1 */
};

struct sim_policy {
    const char *name;
    /* Filtered: whether it makes sense with the common admission filter; the others
     * decide about admission themselves. */
    bool filtered, offline;
    void *(*create)(const struct sim_setup *setup);
    /* KEY is mapped and was read, at read number AT. */
    void (*hit)(void *p, uint32_t key, size_t at);
    /* KEY is not mapped and was read.  True: it is now; *evicted is the key that made
     * room, or SIM_NONE. */
    bool (*miss)(void *p, uint32_t key, size_t at, uint32_t *evicted);
    void (*destroy)(void *p);
};

struct sim_result {
    size_t reads, misses, maps;
    size_t steady_reads, steady_misses;
    double ns;
};

/* Policies, ended by a NULL. */
extern const struct sim_policy *const sim_policies[];
extern const struct sim_policy sim_lru, sim_clock, sim_twoq, sim_arc, sim_sieve, sim_s3fifo,
    sim_min, sim_cheapest, sim_shipped;

void sim_run(const struct sim_policy *policy, const struct sim_setup *setup,
             struct sim_result *result);

void sim_view_make(struct sim_view *v, const struct sim_trace *t, size_t section);
void sim_view_free(struct sim_view *v);

/* ---- traces ---- */

void sim_trace_add(struct sim_trace *t, uint32_t file, uint64_t off, uint32_t len);
void sim_trace_free(struct sim_trace *t);

struct sim_generator {
    const char *name, *about;
    bool (*make)(struct sim_trace *t, uint64_t seed, double arg);
    double arg;
};
extern const struct sim_generator sim_generators[];
bool sim_generate(struct sim_trace *t, const struct sim_generator *g, uint64_t seed);

/* ---- admission filter ---- */

struct sim_filter;
struct sim_filter *sim_filter_new(uint32_t keys, size_t slots, unsigned threshold);
void sim_filter_free(struct sim_filter *f);
bool sim_filter_missed(struct sim_filter *f, uint32_t key);
void sim_filter_evicted(struct sim_filter *f, uint32_t key);
/* So many misses are worth a mapping. */
unsigned sim_threshold(const struct sim_cost *cost, size_t section);

/* Zeroed memory, or the end of the program. */
void *sim_alloc(size_t n, size_t size);

#endif
