/*
 * Lends that go on where the last one of the image ended become one mapping with it.
 *
 * The kernel merges neighbouring mappings only of the same open file description, and
 * no descriptor is kept from call to call.  But a mapping keeps the description: so one
 * page behind the last lend, the anchor, is mapped at a place of its own (PROT_NONE:
 * never touched by anyone), and the next lend is made by growing it and moving it
 * over the buffer, all but its last page, which is the next anchor.
 *
 * One for each image in use; all under oc_lock.
 */
#ifndef OC_ANCHOR_H
#define OC_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oc_anchor {
    char *page; /* NULL: none */
    uint64_t place;
};

/*
 * Map LEN bytes at PLACE of the file FD, which has END bytes, private and writable over
 * ADDR; whole pages all.  False: the memory is as it was, or (older kernels, at the limit of
 * mappings) there is none.
 */
bool oc_anchor_map(struct oc_anchor *anchor, int fd, uint64_t end, void *addr, size_t len,
                   uint64_t place);

void oc_anchor_drop(struct oc_anchor *anchor);

#endif
