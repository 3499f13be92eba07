/*
 * What the program wished of a signal, where the kernel has a handler of ours.
 *
 * Changed under oc_lock.  A handler reads it without: a sequence number tells whether it was
 * changed meanwhile.
 */
#ifndef OC_WISH_H
#define OC_WISH_H

#include <stdatomic.h>
#include <stdint.h>

struct oc_wish {
    uintptr_t handler;
    uint64_t mask;
    int flags;
};

struct oc_wished {
    _Atomic unsigned sequence;
    _Atomic uintptr_t handler;
    _Atomic uint64_t mask;
    _Atomic int flags;
};

static inline struct oc_wish oc_wish_read(struct oc_wished *d)
{
    struct oc_wish w;
    unsigned before;
    do {
        before = atomic_load_explicit(&d->sequence, memory_order_acquire);
        w.handler = atomic_load_explicit(&d->handler, memory_order_relaxed);
        w.mask = atomic_load_explicit(&d->mask, memory_order_relaxed);
        w.flags = atomic_load_explicit(&d->flags, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
    } while ((before & 1) || before != atomic_load_explicit(&d->sequence, memory_order_relaxed));
    return w;
}

/* Under oc_lock. */
static inline void oc_wish_write(struct oc_wished *d, struct oc_wish w)
{
    unsigned sequence = atomic_load_explicit(&d->sequence, memory_order_relaxed);
    atomic_store_explicit(&d->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&d->handler, w.handler, memory_order_relaxed);
    atomic_store_explicit(&d->mask, w.mask, memory_order_relaxed);
    atomic_store_explicit(&d->flags, w.flags, memory_order_relaxed);
    atomic_store_explicit(&d->sequence, sequence + 2, memory_order_release);
}

#endif
