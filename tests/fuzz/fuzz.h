/*
 * What a fuzzer is: one function that takes any bytes, drives a part of the core
 * with them, and aborts when a promise is broken.  libFuzzer calls it (fuzz.sh
 * --long), or main.c, which replays the corpus and mutates it a little by a seed.
 */
#ifndef OC_TEST_FUZZ_H
#define OC_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Stays on in every build: what is checked here is the point. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stdout, "# %s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
            fflush(stdout);                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The input, eaten from the front; zeros when it is used up. */
struct feed {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t feed_byte(struct feed *f)
{
    if (!f->left)
        return 0;
    f->left--;
    return *f->at++;
}

static inline uint32_t feed_word(struct feed *f)
{
    uint32_t low = feed_byte(f);

    return low | (uint32_t)feed_byte(f) << 8;
}

#endif
