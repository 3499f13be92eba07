/*
 * FNV-1a with a finisher (Stafford's mix 13): for names and tables, not against
 * people who choose what is hashed.
 */
#ifndef OC_HASH_H
#define OC_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Different seeds give independent halves of a wider hash. */
#define OC_HASH_SEED_1 UINT64_C(0xcbf29ce484222325)
#define OC_HASH_SEED_2 UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t oc_hash(const void *bytes, size_t n, uint64_t seed)
{
    uint64_t h = seed;
    for (const uint8_t *p = bytes; n--; p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

#endif
