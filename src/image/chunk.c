/*
 * The chunks of an image: where they are, which are full, who is filling them.
 */
#include <stdatomic.h>

#include "base/sys.h"
#include "image/header.h"
#include "image/moment.h"
#include "image/record.h"

uint64_t oc_image_place(const struct oc_image *image, uint64_t off)
{
    return image->data + image->shift + off;
}

unsigned oc_image_shift(const struct oc_image *image)
{
    return image->shift;
}

unsigned oc_image_shift_for(const void *addr, uint64_t off)
{
    return (unsigned)(((uintptr_t)addr - off) & (oc_page - 1));
}

int oc_image_states(const struct oc_image *image, int fd, uint64_t first, uint64_t count,
                    uint8_t *state)
{
    ssize_t got = oc_sys_pread_all(fd, state, (size_t)count, OC_IMAGE_STATES_AT + first);

    (void)image;
    if (got < 0)
        return (int)got;
    return (uint64_t)got == count ? 0 : -EIO;
}

/* The lock lies on the chunk's state byte, and belongs to FD's description. */
static int lock_chunk(int fd, uint64_t chunk, short type)
{
    return oc_sys_ofd_lock(fd, type, OC_IMAGE_STATES_AT + chunk, 1);
}

static uint64_t moment_at(const struct oc_image *image, uint64_t chunk)
{
    return oc_image_moments_at(oc_chunks_of(image->id.size)) + chunk * sizeof(uint64_t);
}

int oc_image_moments(const struct oc_image *image, int fd, uint64_t first, uint64_t count,
                     uint64_t *moment)
{
    size_t len = (size_t)count * sizeof(*moment);
    ssize_t got = oc_sys_pread_all(fd, moment, len, moment_at(image, first));

    if (got < 0)
        return (int)got;
    return (size_t)got == len ? 0 : -EIO;
}

/* Under the claim, before the file is read.  False: the old one may still be there. */
static bool note_moment(const struct oc_image *image, int fd, uint64_t chunk)
{
    uint64_t known = oc_moment(), now = known ? known : 1;

    return oc_sys_pwrite_all(fd, &now, sizeof(now), moment_at(image, chunk)) == 0;
}

bool oc_image_filled_since(const struct oc_image *image, int fd, uint64_t chunk, uint64_t moment)
{
    uint64_t then = 0;

    /* Behind the look at its state, as the filler wrote it before. */
    atomic_thread_fence(memory_order_acquire);
    return moment && oc_image_moments(image, fd, chunk, 1, &then) == 0 &&
           oc_moment_is_after(then, moment) && then <= oc_sys_monotonic();
}

enum oc_claim oc_image_claim(const struct oc_image *image, int fd, uint64_t chunk)
{
    uint8_t state = 0;
    int ret = lock_chunk(fd, chunk, F_WRLCK);

    if (ret == -EAGAIN || ret == -EACCES)
        return OC_CLAIM_BUSY;
    if (ret < 0)
        return OC_CLAIM_FAILED;
    ret = oc_image_states(image, fd, chunk, 1, &state);
    if (ret == 0 && !oc_chunk_is_full(state) && note_moment(image, fd, chunk))
        return OC_CLAIMED;
    lock_chunk(fd, chunk, F_UNLCK);
    return ret == 0 && oc_chunk_is_full(state) ? OC_CLAIM_FULL : OC_CLAIM_FAILED;
}

/* The state byte that cannot be written leaves the chunk empty: nothing is lost. */
bool oc_image_unclaim(const struct oc_image *image, int fd, uint64_t chunk, bool full)
{
    static const uint8_t state = OC_CHUNK_FULL;

    (void)image;
    atomic_thread_fence(memory_order_release);
    if (full)
        full = oc_sys_pwrite_all(fd, &state, 1, OC_IMAGE_STATES_AT + chunk) == 0;
    lock_chunk(fd, chunk, F_UNLCK);
    return full;
}

void oc_image_settle(const struct oc_image *image, int fd, uint64_t chunk)
{
    static const uint8_t state = OC_CHUNK_SETTLED;

    (void)image;
    oc_sys_pwrite_all(fd, &state, 1, OC_IMAGE_STATES_AT + chunk);
}
