/*
 * Memory for what is made at start and never freed: parsed options, tables.
 * From mmap, zeroed, 16-byte aligned; NULL when the kernel gives none.  The
 * caller holds the lock or is alone.  Async-signal-safe.
 */
#ifndef OC_ARENA_H
#define OC_ARENA_H

#include <stddef.h>

void *oc_arena(size_t size);
char *oc_arena_copy(const char *text, size_t len); /* NUL added */

#endif
