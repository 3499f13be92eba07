/*
 * The partial-mapping cache: sections of matched files, mapped in a bounded
 * pool of address space, from which small reads are copied.
 *
 * Address space: one reservation of oc_options.pool bytes, cut into slots of
 * oc_options.section bytes.  A slot holds a section: the file's bytes
 * [index * section, (index + 1) * section), mapped read-only and MADV_DONTFORK
 * through the descriptor that asked for it, and recorded with its description:
 * a mapping keeps the open file description alive (flock locks, ETXTBSY, busy
 * mounts), so all sections of a description go when its last descriptor does.
 *
 * Readers take no lock: look the key up in a small hash table, publish the slot
 * as this thread's hazard, look again, copy, clear the hazard.  Whoever unmaps
 * clears the key first and then asks oc_thread_hazard; a slot that is in use is
 * left dying and unmapped by whoever finds it free next (the leaving reader
 * included).  Mapping and unmapping happen under oc_lock.
 */
#ifndef OC_POOL_H
#define OC_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/thread.h"
#include "file/file.h"

/* File id and section index in one word; 0 is nobody's key. */
typedef uint64_t oc_section_key;
#define OC_SECTION_INDEX_BITS 36

enum oc_section_state {
    OC_SECTION_FREE,
    OC_SECTION_LIVE,
    OC_SECTION_DYING, /* unreachable, but somebody is still copying */
};

struct oc_section {
    _Atomic oc_section_key key; /* 0: not to be found any more */
    const char *_Atomic base;   /* its place in the reservation, the same for ever */
    _Atomic bool used;          /* read since the policy last asked */
    _Atomic enum oc_section_state state;
    const void *owner; /* the description it was mapped through; under oc_lock */
};

/*
 * What readers look at.  hash holds slot numbers + 1; a reader that misses an
 * entry while the table changes only asks the kernel once more.
 */
struct oc_pool {
    struct oc_section *section;
    _Atomic uint32_t *hash;
    uint32_t hash_mask;
    unsigned section_shift; /* log2 of the section size */
    _Atomic unsigned slots; /* 0: there is no pool (yet) */
};
extern struct oc_pool oc_pool;

static inline oc_section_key oc_section_key_of(oc_file_id id, uint64_t off)
{
    return (oc_section_key)id << OC_SECTION_INDEX_BITS | off >> oc_pool.section_shift;
}

static inline uint32_t oc_section_hash(oc_section_key key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & oc_pool.hash_mask;
}

static inline struct oc_section *oc_pool_find(oc_section_key key)
{
    uint32_t at = oc_section_hash(key), slot;
    while ((slot = atomic_load_explicit(&oc_pool.hash[at], memory_order_acquire))) {
        struct oc_section *s = &oc_pool.section[slot - 1];
        if (atomic_load_explicit(&s->key, memory_order_acquire) == key)
            return s;
        at = (at + 1) & oc_pool.hash_mask;
    }
    return NULL;
}

/* The slow end of a copy: the section died meanwhile. */
void oc_pool_reap(void);

/*
 * The section that holds byte OFF of the file, published as this thread's hazard; *at is
 * the mapped address of that byte and *room how many bytes follow it in the section.
 * *saved keeps the hazard of a copy that a signal handler interrupted.  NULL: not mapped.
 */
static inline struct oc_section *oc_pool_enter(oc_file_id id, uint64_t off, const char **at,
                                               size_t *room, const void **saved)
{
    struct oc_thread *t;
    if (!atomic_load_explicit(&oc_pool.slots, memory_order_acquire) || !(t = oc_thread()))
        return NULL;
    oc_section_key key = oc_section_key_of(id, off);
    struct oc_section *s = oc_pool_find(key);
    if (!s)
        return NULL;
    *saved = atomic_load_explicit(&t->hazard, memory_order_relaxed);
    atomic_store_explicit(&t->hazard, s, memory_order_relaxed);
    if (__builtin_expect(oc_thread_fence, 0))
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&s->key, memory_order_acquire) != key) {
        atomic_store_explicit(&t->hazard, *saved, memory_order_release);
        return NULL;
    }
    size_t in = (size_t)(off & (((uint64_t)1 << oc_pool.section_shift) - 1));
    *at = atomic_load_explicit(&s->base, memory_order_relaxed) + in;
    *room = ((size_t)1 << oc_pool.section_shift) - in;
    if (!atomic_load_explicit(&s->used, memory_order_relaxed))
        atomic_store_explicit(&s->used, true, memory_order_relaxed);
    return s;
}

static inline void oc_pool_leave(struct oc_section *s, const void *saved)
{
    atomic_store_explicit(&oc_thread_self->hazard, saved, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&s->state, memory_order_relaxed) != OC_SECTION_LIVE,
                         0))
        oc_pool_reap();
}

/* Through what a section is mapped. */
struct oc_pool_source {
    oc_file_id id;
    int fd;            /* the program's descriptor */
    const void *owner; /* its description */
    /* Asked under oc_lock: does fd still stand for owner, and owner for the file? */
    bool (*valid)(const struct oc_pool_source *source);
};

/*
 * A small read of N bytes at OFF missed and the kernel served it: remember, and map the
 * section when it has proved worth it.  Never maps ranges that are not in the page cache.
 */
void oc_pool_missed(const struct oc_pool_source *source, uint64_t off, size_t n);

/* Unmap what was mapped through OWNER.  Under oc_lock. */
void oc_pool_drop_owner(const void *owner);

/* In the child of fork: the pool's mappings are not there. */
void oc_pool_in_child(void);

/* Bytes of address space now mapped as sections. */
size_t oc_pool_mapped(void);

#endif
