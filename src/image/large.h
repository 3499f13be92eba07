/*
 * Large pages for images.
 *
 * Whoever lends an image has to map its pages one by one, or by the two megabytes: what counts is
 * how the image's pages were made.  So before they are filled, room for whole large pages is made
 * in the image, on a tmpfs whatever it is mounted with (MADV_COLLAPSE, Linux 6.1).  An image is
 * full from end to end, so that nothing is wasted.  Everybody whose buffer lies as the maker's does
 * has them mapped as large pages then.  A host that wants none ("never") gets none.
 *
 * What was made can stay mapped while it is filled, so that the kernel reads the file right into
 * it, without a copy between.  Only the large pages that are being filled may be written to, and
 * what lies beside may not be touched; no child inherits any of it; what cannot be had (the image
 * was cut) is an error of the read, no signal.  Who holds such a window holds the thread's signals,
 * too: a handler could fork, and the child would have nothing there, or jump away.
 */
#ifndef OC_LARGE_H
#define OC_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Large pages of an image, mapped; none where all is zero. */
struct oc_large {
    char *reserved, *at;
    size_t room;
    uint64_t from, to;        /* in the image */
    uint64_t writable, until; /* what of it may be written to */
};

/*
 * Make the large pages that begin in [FROM, TO) of the image that is open as FD, and end before
 * END, and map them in place of what W holds.  Where that is not to be had W is empty; what is
 * there already stays as it is.  False: it took long, or the host wants none: do not ask again
 * soon.
 */
bool oc_large_prepare(struct oc_large *w, int fd, uint64_t from, uint64_t to, uint64_t end);

/* Where LEN bytes from PLACE of the image are mapped, for a system call to write to until the next
 * question; or NULL. */
char *oc_large_at(struct oc_large *w, uint64_t place, size_t len);

void oc_large_release(struct oc_large *w);

#endif
