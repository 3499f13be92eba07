/* A small seeded generator: the same trace from the same seed everywhere. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdint.h>

struct sim_random {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t sim_next(struct sim_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline uint64_t sim_below(struct sim_random *r, uint64_t n)
{
    return sim_next(r) % n;
}

/* 0 <= x < 1 */
static inline double sim_unit(struct sim_random *r)
{
    return (double)(sim_next(r) >> 11) / 9007199254740992.0;
}

/* Ranks 0 .. n - 1, rank k with a probability as 1 / (k + 1)^skew. */
struct sim_zipf {
    double *sum;
    uint32_t n;
};
void sim_zipf_new(struct sim_zipf *z, uint32_t n, double skew);
uint32_t sim_zipf_draw(const struct sim_zipf *z, struct sim_random *r);
void sim_zipf_free(struct sim_zipf *z);

/* A permutation of 0 .. n - 1; freed by the caller. */
uint32_t *sim_shuffle(struct sim_random *r, uint32_t n);

#endif
