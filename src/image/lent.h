/*
 * The book of lent memory, for the one who lends.  Others use lend.h.
 */
#ifndef OC_LENT_H
#define OC_LENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

/* May one more mapping be made?  Kept far below vm.max_map_count.  Under oc_lock. */
bool oc_lent_room(void);

/* [ADDR, ADDR+LEN) now shows IMAGE from PLACE (an offset in its file) on; FLOOR is where the
 * anonymous memory began that the buffer lies in.  Takes a reference.  Under oc_lock, after
 * oc_lent_room. */
void oc_lent_add(void *addr, size_t len, struct oc_image *image, uint64_t place, void *floor);

/* Is the memory before ADDR in the book, as IMAGE's up to PLACE?  It may be stale. */
bool oc_lent_continues(const void *addr, const struct oc_image *image, uint64_t place);

/* What the book says is lent in one piece of all of [ADDR, ADDR+LEN): the image, and *place of ADDR
 * in it.  NULL: nothing such.  It may be stale.  Under oc_lock. */
struct oc_image *oc_lent_image(const void *addr, size_t len, uint64_t *place);

/* The end of what the book says is lent at ADDR; 0: nothing.  It may be stale. */
uintptr_t oc_lent_end(const void *addr);
/* Where the first thing lent behind ADDR begins; UINTPTR_MAX: nowhere. */
uintptr_t oc_lent_next(const void *addr);

/* WITH, private anonymous memory, takes the place of [ADDR, ADDR+LEN), whole pages that are lent in
 * one piece and may be read and written.  False: they are not, and are as they were.  WITH is not
 * the caller's any more. */
bool oc_lent_replace(void *addr, size_t len, void *with);

/* Is some of it in the book?  It may be stale.  Takes no lock. */
bool oc_lent_overlaps(const void *addr, size_t len);

#endif
