/*
 * Programs that rewrite what they loaded: every page costs them a fault and a
 * copy, and nothing is shared.  Noticed when they give the memory back or end, from a
 * few pages of it.  That file is not lent to them again; nor, for an hour, to another
 * process of the same program (the executable file, with the same first two arguments), as
 * long as the file is the same: the home's history remembers it.
 */
#ifndef OC_WRITTEN_H
#define OC_WRITTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/identity.h"
#include "image/image.h"

/* [FROM, TO) shows IMAGE, as the kernel says: look at some of its pages.  Under oc_lock. */
void oc_written_look(uintptr_t from, uintptr_t to, const struct oc_image *image);

/* Ask the homes whether another process of this program has rewritten the file. */
void oc_written_recall(const struct oc_identity *id);

/* Is most of what this program was lent of this state of the file rewritten, as far as we know?
 * Under oc_lock. */
bool oc_written_mostly(const struct oc_identity *id);

#endif
