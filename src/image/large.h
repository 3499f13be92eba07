/*
 * Large pages for buffers that asked for them (MADV_HUGEPAGE).
 *
 * The advice is lost with the buffer's own pages; what counts then is how the image's pages were
 * made.  So before they are filled, room for whole large pages is made in the image, on a tmpfs
 * whatever it is mounted with (MADV_COLLAPSE, Linux 6.1).  Everybody whose buffer lies as the
 * maker's does has them mapped as large pages then.
 */
#ifndef OC_LARGE_H
#define OC_LARGE_H

#include <stdint.h>

/* Whole large pages in [FROM, TO) of the image that is open as FD.  Where that is not to be had, or
 * the host wants none, nothing happens; what is there already stays as it is. */
void oc_large_prepare(int fd, uint64_t from, uint64_t to);

#endif
