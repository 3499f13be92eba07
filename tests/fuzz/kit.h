/* What the fuzzers of files share: a home that is removed at exit, and data. */
#ifndef OC_TEST_FUZZ_KIT_H
#define OC_TEST_FUZZ_KIT_H

#include <stddef.h>
#include <stdint.h>

/* A new home below /dev/shm, in force. */
extern char kit_home[64];
void kit_start(void);

/* An unnamed file of SIZE bytes there; byte AT is kit_byte(AT). A descriptor. */
int kit_file(size_t size);
uint8_t kit_byte(uint64_t at);

/* The guard and this thread, ready to copy. */
void kit_guard(void);

#endif
