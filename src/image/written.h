/*
 * Programs that rewrite what they loaded: every page costs them a fault and a
 * copy, and nothing is shared.  Noticed when they give the memory back, from a
 * few pages of it; that file is not lent to them again.
 */
#ifndef OC_WRITTEN_H
#define OC_WRITTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/identity.h"

/* [FROM, TO) was lent of the file ID and is still mapped: look at some of its pages.
 * Under oc_lock. */
void oc_written_look(uintptr_t from, uintptr_t to, const struct oc_identity *id);

/* Has this process rewritten most of what it was lent of the file?  Under oc_lock. */
bool oc_written_mostly(uint64_t dev, uint64_t ino);

#endif
