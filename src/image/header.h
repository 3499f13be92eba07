/*
 * What an image file begins with.
 *
 * The fixed part is written before the image has a name and never changes, so
 * a user compares it with what it must be.  Behind it, at fixed places, lie the
 * word "keep until", the state bytes and the moments of the chunks, which do change.
 */
#ifndef OC_HEADER_H
#define OC_HEADER_H

#include <stdint.h>

#include "file/identity.h"

#define OC_IMAGE_MAGIC   "onecopy"
#define OC_IMAGE_VERSION 3

/* Compared with memcmp: fixed width, no padding. */
struct oc_image_header {
    char magic[8];
    uint32_t version;
    uint32_t page;
    uint32_t chunk;
    uint32_t shift;
    uint64_t data; /* where the data begins: byte F of the file is at data + shift + F.  Its
                    * maker chose, within OC_IMAGE_LARGE */
    struct oc_identity id;
};

/* A large page: an image of twice that and more begins where it suits its maker's buffer,
 * so that the kernel can map both by large pages.  (What is skipped takes no memory.) */
#define OC_IMAGE_LARGE ((uint64_t)2 << 20)

/* CLOCK_BOOTTIME seconds until which an unused image stays; 0: it goes at once. */
#define OC_IMAGE_KEEP_AT ((uint64_t)256)
/* A byte: do fillers leave their bytes in the page cache (uncached.c)? */
#define OC_IMAGE_CACHE_AT ((uint64_t)264)
/* A byte: has any process but its maker ever entered it (shrink.h)? */
#define OC_IMAGE_JOINED_AT ((uint64_t)265)
/* One state byte a chunk. */
#define OC_IMAGE_STATES_AT ((uint64_t)512)

_Static_assert(sizeof(struct oc_image_header) == 32 + 80, "no padding");
_Static_assert(sizeof(struct oc_image_header) <= 256, "the word to keep follows at 256");

/* Behind them eight bytes a chunk: the moment (moment.h) at which its filler began to read. */
static inline uint64_t oc_image_moments_at(uint64_t chunks)
{
    return (OC_IMAGE_STATES_AT + chunks + 7) & ~(uint64_t)7;
}

/* Names in a home: images, and files that are to become one. */
#define OC_IMAGE_SUFFIX ".image"
#define OC_IMAGE_TEMP   ".part"
#define OC_IMAGE_NAME   40 /* 32 hex digits, the suffix, NUL */

#endif
