/*
 * How much more memory may be charged to the caller's memory cgroup?
 *
 * An image on a tmpfs is charged to whoever fills it and cannot be reclaimed.  Should
 * the program come to write to all of what it was lent, it has both, image and copy:
 * near the limit that would be its death, where without us it lived.
 */
#ifndef OC_CGROUP_H
#define OC_CGROUP_H

#include <stdint.h>

/* Bytes below the nearest limit, page cache that can be given up not counted as used;
 * UINT64_MAX: there is no limit.  Versions 1 and 2.  Async-signal-safe. */
uint64_t oc_cgroup_room(void);

#endif
