/*
 * Directories and files for the tests of images: made under /dev/shm or /tmp,
 * removed again.
 */
#ifndef OC_TEST_SCRATCH_H
#define OC_TEST_SCRATCH_H

#include <stdbool.h>
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

/* From now on system call NR fails with ERROR where its argument ARG, under MASK, is VALUE
 * (mask 0, value 0: always).  For forked children: there is no way back.  False: the kernel
 * does not let us. */
bool scratch_forbid(long nr, unsigned arg, uint32_t mask, uint32_t value, int error);

#endif
