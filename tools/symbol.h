/* Which function of an ELF object is at a place in its file? */
#ifndef SYMBOL_H
#define SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The function that has the byte at OFFSET of the file at PATH, as far as its symbols (which may
 * be the dynamic ones alone) tell.  False: not known. */
bool symbol_at(const char *path, uint64_t offset, char *name, size_t size);

#endif
