/*
 * Filling an image without leaving a second copy of the bytes in the page cache.
 *
 * Only where the file is trusted: nobody reads it again then while the image is there.  What is
 * compared is read again by each process that comes, and wants its cache.  And once only
 * for each state of a file, unless images linger: who fills an image of it a second time, after the
 * first has gone, belongs to programs that run one after another, to which the cache is worth more
 * than the memory.
 *
 * Nothing leaves the cache that was there before.
 */
#ifndef OC_UNCACHED_H
#define OC_UNCACHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"

/* Are fillers of the image, which is open as FD, to leave no copy?  The first to ask decides for
 * all. */
bool oc_uncached_wanted(const struct oc_image *image, int fd);

/* As oc_sys_pread_all; -EOPNOTSUPP, before anything is read, when the kernel or the file
 * system cannot do it so.  (Linux 6.14: RWF_DONTCACHE.) */
ssize_t oc_uncached_pread_all(int fd, void *buf, size_t n, uint64_t off);

/* The second way, by hand.  Is none of the range in the cache?  False also when that cannot be
 * told. (Linux 6.5: cachestat.) */
bool oc_uncached_is_cold(int fd, uint64_t off, uint64_t len);
/* Let the clean pages of the range go; where it has others, nothing is done. */
void oc_uncached_drop(int fd, uint64_t off, uint64_t len);

#endif
