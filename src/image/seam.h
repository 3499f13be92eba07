/*
 * Seams: the page in which one lend ends and the next one begins is read, half by
 * half, into memory of the program's own.  Once both halves are there it may be the
 * image's page after all.
 */
#ifndef OC_SEAM_H
#define OC_SEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"

/*
 * May PAGE, an address, be replaced by IMAGE's page at PLACE?  Only when the page before
 * it is lent of IMAGE, just before PLACE, the bytes are equal, and no other thread could
 * be writing to them in between.  IMAGE_FD is open on the image, SCRATCH has room for a page.
 * Takes the lock.
 */
bool oc_seam_heals(char *page, const struct oc_image *image, int image_fd, uint64_t place,
                   char *scratch);

#endif
