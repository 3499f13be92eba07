/*
 * What an image file begins with.
 *
 * The fixed part is written before the image has a name and never changes, so
 * a user compares it with what it must be.  Behind it, at fixed places, lie the
 * word "keep until" and the state bytes, which do change.
 */
#ifndef OC_HEADER_H
#define OC_HEADER_H

#include <stdint.h>

#include "file/identity.h"

#define OC_IMAGE_MAGIC   "onecopy"
#define OC_IMAGE_VERSION 1

/* Compared with memcmp: fixed width, no padding. */
struct oc_image_header {
    char magic[8];
    uint32_t version;
    uint32_t page;
    uint32_t chunk;
    uint32_t shift;
    uint64_t data; /* where the data begins: byte F of the file is at data + shift + F */
    struct oc_identity id;
};

/* CLOCK_BOOTTIME seconds until which an unused image stays; 0: it goes at once. */
#define OC_IMAGE_KEEP_AT ((uint64_t)256)
/* One state byte a chunk. */
#define OC_IMAGE_STATES_AT ((uint64_t)512)

_Static_assert(sizeof(struct oc_image_header) == 32 + 80, "no padding");
_Static_assert(sizeof(struct oc_image_header) <= 256, "the word to keep follows at 256");

/* Names in a home: images, and files that are to become one. */
#define OC_IMAGE_SUFFIX ".image"
#define OC_IMAGE_TEMP   ".part"
#define OC_IMAGE_NAME   40 /* 32 hex digits, the suffix, NUL */

#endif
