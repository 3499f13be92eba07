/* The policies once more, as their papers tell them and as slow as can be. */
#ifndef SIM_NAIVE_H
#define SIM_NAIVE_H

#include <stddef.h>

/* Misses of NAME ("lru", "clock", "2q", ...) over N keys below 64, every miss mapped. */
size_t naive_misses(const char *name, const unsigned char *keys, size_t n, size_t slots);

/* The least possible, found by trying everything: keys below 10. */
size_t naive_least_misses(const unsigned char *keys, size_t n, size_t slots);

/* Time units where a miss costs 1 and a mapping PRICE, the least possible. */
size_t naive_least_time(const unsigned char *keys, size_t n, size_t slots, size_t price);

#endif
