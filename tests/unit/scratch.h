/*
 * Directories and files for the tests of images: made under /dev/shm or /tmp,
 * removed again.
 */
#ifndef OC_TEST_SCRATCH_H
#define OC_TEST_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* A new directory, 0700, below PARENT; the path is static and good until the next call. */
const char *scratch_make(const char *parent);

/* Remove a directory and the files in it. */
void scratch_remove(const char *dir);

/* Files in DIR whose name ends with SUFFIX; the name of the last one in NAME (may be NULL). */
int scratch_count(const char *dir, const char *suffix, char name[256]);

/* A new unnamed file in DIR of SIZE reproducible bytes; a descriptor, open for both. */
int scratch_file(const char *dir, uint64_t size, unsigned seed);
unsigned char scratch_byte(unsigned seed, uint64_t at);

#endif
