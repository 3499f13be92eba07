/*
 * Letting an image go piece by piece, while a stream's second piece is read into the memory that
 * shows the first (reread.h): else both would be there in full for a moment.
 *
 * What is cut out of an image reads as zeros wherever it is mapped.  So it has to be certain that
 * nobody else has a page of it: this process made it, has not forked since, and shows it nowhere
 * else, as the kernel says; no other process has ever entered it (they leave a mark in its header),
 * and none can any more, as its name is gone.
 */
#ifndef OC_SHRINK_H
#define OC_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

struct oc_shrink {
    struct oc_image *image;
    int fd; /* -1: it is not to be */
    uintptr_t start;
    uint64_t place; /* of start */
};

/* [ADDR, ADDR+LEN) is about to be replaced.  Always to be ended. */
void oc_shrink_begin(struct oc_shrink *shrink, const void *addr, size_t len);
/* This much of it is. */
void oc_shrink_step(const struct oc_shrink *shrink, const void *addr, size_t len);
void oc_shrink_end(struct oc_shrink *shrink);

#endif
