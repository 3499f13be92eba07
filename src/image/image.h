/*
 * An image: a snapshot of a file's bytes in shared memory, in a file of the
 * home, placed at a chosen byte shift within a page, so that its pages can be
 * mapped over a buffer of that shift.
 *
 *   page 0..      header: magic, version, page size, identity, shift, chunk size
 *                 then a word "keep until" (linger), a byte for fillers (uncached.h), one of
 *                 users (shrink.h), and one state byte and one moment a chunk (header.h)
 *   data          byte F of the file is at  data + shift + F
 *
 * The header is made whole before the image gets its name and is the same for
 * everyone, so it is verified by comparing it to what it must be.  The state
 * byte of a chunk is 0, or OC_CHUNK_FULL (later perhaps OC_CHUNK_SETTLED) once all its bytes
 * are there; nothing ever writes to a full chunk again.  A filler claims a chunk by a write lock of
 * the open file description (F_OFD_SETLK) on the chunk's state byte: it vanishes
 * with the filler.
 *
 * All reading and writing is the kernel's, for pread and pwrite, mostly through a descriptor that
 * lives for one operation, so a hostile or truncated image gives a short read and no SIGBUS, and no
 * second mapping doubles the filler's memory.  (Fillers let the kernel read the file into large
 * pages of the image that are mapped for a moment: large.h.)
 */
#ifndef OC_IMAGE_H
#define OC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/identity.h"

#define OC_CHUNK      ((uint64_t)256 << 10) /* bytes of the file to a chunk */
#define OC_CHUNK_FULL 0xa5                  /* filled, from some moment of the file's */
/* Filled, or found to be equal, when the file was old, and its identity was still the same
 * afterwards: what it holds is the file's as long as the identity is (trust.h). */
#define OC_CHUNK_SETTLED 0x5a

static inline uint64_t oc_chunks_of(uint64_t size)
{
    return size / OC_CHUNK + (size % OC_CHUNK != 0);
}

static inline bool oc_chunk_is_full(uint8_t state)
{
    return state == OC_CHUNK_FULL || state == OC_CHUNK_SETTLED;
}

struct oc_image; /* one for each image this process uses; under oc_lock */

/*
 * This process's record for an image of the file, made or found, to be mapped where byte
 * 0 of it would be at ORIGIN (so its shift is ORIGIN's, and a new one's large pages are those
 * of that memory), with one reference for the operation and its token held; *fd is a descriptor on
 * it, open for reading and writing, for the caller to give back with oc_image_done.  NULL: not to
 * be had (no home with NEED more bytes of room, limits, a corrupt image, ...), *why says it in a
 * word.
 */
struct oc_image *oc_image_open(const struct oc_identity *id, uint64_t origin, uint64_t need,
                               int *fd, const char **why);
void oc_image_done(struct oc_image *image, int fd);

/* A reference for each lend. */
void oc_image_hold(struct oc_image *image);
/* The last reference lets the token go and unlinks the image if nobody else uses it
 * (or marks it to be kept for oc_options.linger seconds). Under oc_lock. */
void oc_image_drop(struct oc_image *image);

/* Where byte OFF of the file is in the image file. */
uint64_t oc_image_place(const struct oc_image *image, uint64_t off);
unsigned oc_image_shift(const struct oc_image *image);
/* The shift for a buffer at ADDR that takes the file's bytes from OFF on. */
unsigned oc_image_shift_for(const void *addr, uint64_t off);

/* Whole pages from PLACE (in the image's file) on, private and writable over ADDR, in one
 * mapping with what was lent before them where that can be (anchor.h). FD is open on the
 * image. Under oc_lock. False: as oc_anchor_map. */
bool oc_image_map(struct oc_image *image, int fd, void *addr, size_t len, uint64_t place);

/* Chunk numbers FIRST..FIRST+COUNT-1: their state bytes into STATE. 0 or a negated errno. */
int oc_image_states(const struct oc_image *image, int fd, uint64_t first, uint64_t count,
                    uint8_t *state);

/* The moments at which their fillers began; 1: some time. 0: never. 0 or a negated errno. */
int oc_image_moments(const struct oc_image *image, int fd, uint64_t first, uint64_t count,
                     uint64_t *moment);

enum oc_claim { OC_CLAIMED, OC_CLAIM_FULL, OC_CLAIM_BUSY, OC_CLAIM_FAILED };

/* Claim a chunk for filling, which begins now; OC_CLAIM_FULL when somebody has filled it
 * meanwhile. */
enum oc_claim oc_image_claim(const struct oc_image *image, int fd, uint64_t chunk);
/* End the claim, with the chunk marked full or left empty; true: it is full now. */
bool oc_image_unclaim(const struct oc_image *image, int fd, uint64_t chunk, bool full);

/*
 * Of a full chunk: did its filler begin to read the file after MOMENT (moment.h)?  Then it
 * holds what the file held since; false also when that is not known.
 */
bool oc_image_filled_since(const struct oc_image *image, int fd, uint64_t chunk, uint64_t moment);

/* A full chunk is settled. */
void oc_image_settle(const struct oc_image *image, int fd, uint64_t chunk);

/* The directory that the image is in. */
const char *oc_image_home(const struct oc_image *image);

/* At exit and before exec: let all tokens go, unlink what nobody else uses. Mappings stay. */
void oc_image_leave_all(void);
/* After a failed exec: take the tokens of images that still have their name back. */
void oc_image_rejoin_all(void);
/* Before fork: a child will show what is lent.  Under oc_lock. */
void oc_image_before_fork(void);
/* In the child of fork: operations of threads that are not here are over. */
void oc_image_in_child(void);

#endif
