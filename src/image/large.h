/*
 * Large pages for images.
 *
 * Whoever lends an image has to map its pages one by one, or by the two megabytes: what counts is
 * how the image's pages were made.  So before they are filled, room for whole large pages is made
 * in the image, on a tmpfs whatever it is mounted with (MADV_COLLAPSE, Linux 6.1).  An image is
 * full from end to end, so that nothing is wasted.  Everybody whose buffer lies as the maker's does
 * has them mapped as large pages then.  A host that wants none ("never") gets none.
 */
#ifndef OC_LARGE_H
#define OC_LARGE_H

#include <stdbool.h>
#include <stdint.h>

/* The large pages that begin in [FROM, TO) of the image that is open as FD, and end before END.
 * Where that is not to be had nothing happens; what is there already stays as it is.  False: it
 * took long, or the host wants none: do not ask again soon. */
bool oc_large_prepare(int fd, uint64_t from, uint64_t to, uint64_t end);

#endif
