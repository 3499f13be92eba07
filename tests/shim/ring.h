/*
 * A small io_uring with one registered buffer, whose pages it pins.
 */
#ifndef OC_TEST_RING_H
#define OC_TEST_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring {
    int fd;
    bool seen; /* made by syscall(), which the library sees; else by the bare instruction */
    char *queue;
    struct io_uring_sqe *entries;
    unsigned sq_tail, sq_array, sq_mask, cq_head, cq_tail, cq_mask, cqes; /* offsets in the queue */
};

/* False: the kernel does not have it, or does not let us. */
bool ring_make(struct ring *ring, bool seen);
/* 0 or a negated errno. */
long ring_register(struct ring *ring, void *buffer, size_t len);
/* IORING_OP_WRITE_FIXED at the start of the file: the number of bytes or a negated errno. */
long ring_write_fixed(struct ring *ring, int fd, const void *buffer, size_t len);

#endif
