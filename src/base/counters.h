/*
 * What a process counts: calls and bytes by way of service.  Rows for reports
 * come from the one list below.
 */
#ifndef OC_COUNTERS_H
#define OC_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define OC_COUNTER_LIST(X)                                                                         \
    X(copied_calls, "reads served from sections")                                                  \
    X(copied_bytes, "bytes served from sections")                                                  \
    X(kernel_calls, "reads of matched files left to the kernel")                                   \
    X(kernel_bytes, "bytes of them")                                                               \
    X(lent_calls, "reads served by lending")                                                       \
    X(lent_bytes, "bytes mapped into callers' buffers")                                            \
    X(filled_bytes, "bytes this process read into images")                                         \
    X(compared_bytes, "bytes compared with the kernel's before use")                               \
    X(differed_bytes, "bytes in pieces where the image differed, read plainly instead")            \
    X(trusted_bytes, "bytes used without comparison")                                              \
    X(sections_mapped, "sections mapped")                                                          \
    X(sections_unmapped, "sections phased out")                                                    \
    X(guard_faults, "copies that ended in a fault and were redone by the kernel")

struct oc_counters {
#define X(name, text) _Atomic uint64_t name;
    OC_COUNTER_LIST(X)
#undef X
};

/* Add to a counter that only this thread writes: no locked instruction. */
static inline void oc_count(_Atomic uint64_t *c, uint64_t n)
{
#ifdef __x86_64__
    /* One instruction, which compilers don't make of the other. */
    __asm__("addq %1, %0" : "+m"(*c) : "er"(n));
    return;
#endif
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

#endif
