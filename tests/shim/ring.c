#include "ring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/sys.h"
#include "side.h"

static long call(const struct ring *ring, long nr, long a, long b, long c, long d)
{
    long r;

    if (!ring->seen)
        return oc_syscall(nr, a, b, c, d, 0, 0);
    r = syscall(nr, a, b, c, d, 0L, 0L);
    return r < 0 ? -errno : r;
}

static void *map(int fd, size_t len, uint64_t off)
{
    return side_mmap(RAW, NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                     (int64_t)off);
}

bool ring_make(struct ring *ring, bool seen)
{
    struct io_uring_params params;
    size_t len;

    memset(&params, 0, sizeof params);
    ring->seen = seen;
    ring->fd = (int)call(ring, SYS_io_uring_setup, 4, (long)&params, 0, 0);
    if (ring->fd < 0 || !(params.features & IORING_FEAT_SINGLE_MMAP))
        return false;
    len = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    if (len < params.sq_off.array + params.sq_entries * sizeof(unsigned))
        len = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    ring->queue = map(ring->fd, len, IORING_OFF_SQ_RING);
    ring->entries = map(ring->fd, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    ring->sq_tail = params.sq_off.tail;
    ring->sq_array = params.sq_off.array;
    ring->sq_mask = params.sq_off.ring_mask;
    ring->cq_head = params.cq_off.head;
    ring->cq_tail = params.cq_off.tail;
    ring->cq_mask = params.cq_off.ring_mask;
    ring->cqes = params.cq_off.cqes;
    return (intptr_t)ring->queue > 0 && (intptr_t)ring->entries > 0;
}

long ring_register(struct ring *ring, void *buffer, size_t len)
{
    struct iovec v = {buffer, len};

    return call(ring, SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, (long)&v, 1);
}

static unsigned *word(const struct ring *ring, unsigned offset)
{
    return (unsigned *)(void *)(ring->queue + offset);
}

long ring_write_fixed(struct ring *ring, int fd, const void *buffer, size_t len)
{
    unsigned tail = *word(ring, ring->sq_tail), slot = tail & *word(ring, ring->sq_mask), head;
    struct io_uring_sqe *entry = &ring->entries[slot];
    const struct io_uring_cqe *done;
    long result;

    memset(entry, 0, sizeof *entry);
    entry->opcode = IORING_OP_WRITE_FIXED;
    entry->fd = fd;
    entry->addr = (uintptr_t)buffer;
    entry->len = (unsigned)len;
    word(ring, ring->sq_array)[slot] = slot;
    __atomic_store_n(word(ring, ring->sq_tail), tail + 1, __ATOMIC_RELEASE);
    result = oc_syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
    if (result < 0)
        return result;
    head = *word(ring, ring->cq_head);
    if (head == __atomic_load_n(word(ring, ring->cq_tail), __ATOMIC_ACQUIRE))
        return -EAGAIN;
    done = (const struct io_uring_cqe *)(void *)(ring->queue + ring->cqes) +
           (head & *word(ring, ring->cq_mask));
    result = done->res;
    __atomic_store_n(word(ring, ring->cq_head), head + 1, __ATOMIC_RELEASE);
    return result;
}
