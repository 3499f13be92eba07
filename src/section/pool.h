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
 * clears the key first and then asks oc_thread_barrier and oc_thread_holds; a slot
 * that is in use is left dying and unmapped by whoever finds it free next (the leaving reader
 * included).  Mapping and unmapping happen under oc_lock.
 *
 * The hash table is MADV_WIPEONFORK: a child whose fork nobody told us of, and
 * in which the sections are missing, finds nothing.
 */
#ifndef OC_POOL_H
#define OC_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/small.h"
#include "base/thread.h"
#include "file/file.h"
#include "section/hints.h"

enum oc_section_state {
    OC_SECTION_FREE,
    OC_SECTION_LIVE,
    OC_SECTION_DYING, /* unreachable, but somebody is still copying */
    OC_SECTION_LOST,  /* after a fork: its address space is somebody else's */
    OC_SECTION_STATE = 3,
    OC_SECTION_USED = 4,    /* a flag beside the state: read since the policy last asked */
    OC_SECTION_COUNTED = 8, /* another: every read is to be told to the file's account */
};

struct oc_section {
    _Atomic oc_section_key key; /* 0: not to be found any more */
    const char *base;           /* its place in the reservation, the same for ever */
    uint64_t from;              /* its place in the file */
    uint32_t limit;             /* bytes of it that were in the file when it was mapped */
    _Atomic uint8_t state;      /* enum oc_section_state; changed under oc_lock, but for USED */
    bool pinned;                /* under oc_lock */
    _Atomic bool faults_beyond; /* the file's (see hit.h), until one was met here */
};

/* What readers look at.  A reader that misses an entry while the table changes only asks
 * the kernel once more. */
struct oc_pool {
    struct oc_section *_Atomic *hash;
    size_t hash_mask;       /* its places - 1 */
    unsigned hash_shift;    /* 64 - log2 of its places */
    unsigned section_shift; /* log2 of the section size */
    uint64_t section_mask;  /* section size - 1 */
    struct oc_section *section;
    unsigned slots;
};
/* One that is empty, until the first section is mapped. */
extern const struct oc_pool *_Atomic oc_pool __attribute__((visibility("hidden")));

static inline size_t oc_section_hash(const struct oc_pool *p, oc_section_key key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> p->hash_shift);
}

static inline size_t oc_section_hash_next(const struct oc_pool *p, size_t at)
{
    return (at + 1) & p->hash_mask;
}

static inline struct oc_section *oc_pool_find(const struct oc_pool *p, oc_section_key key)
{
    size_t at = oc_section_hash(p, key);
    for (;;) {
        struct oc_section *s = atomic_load_explicit(&p->hash[at], memory_order_acquire);
        if (!s || atomic_load_explicit(&s->key, memory_order_acquire) == key)
            return s;
        at = oc_section_hash_next(p, at);
    }
}

/* A section that this thread copies from. */
struct oc_hold {
    struct oc_section *section;
    struct oc_thread *thread;
    _Atomic(const void *) *slot; /* of the thread's hazards */
    const char *at;              /* the byte asked for, mapped */
    size_t room;                 /* bytes from there to the section's end */
};

/* This thread copies from S from now on.  False: S is no longer KEY's, and may go.  For who
 * knows that oc_thread_fence is not set: else a fence belongs between the two. */
static inline __attribute__((always_inline)) bool
oc_pool_publish(_Atomic(const void *) *slot, struct oc_section *s, oc_section_key key)
{
    atomic_store_explicit(slot, s, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return __builtin_expect(oc_small_is_long(&s->key, key), 1);
}

/* It copies no more. */
static inline __attribute__((always_inline)) void oc_pool_withdraw(_Atomic(const void *) *slot)
{
    atomic_store_explicit(slot, NULL, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

/* After the release: does the section want oc_pool_left, which notes that it was used, or
 * lets it go when it was phased out meanwhile? */
static inline bool oc_pool_is_unusual(const struct oc_section *s)
{
    return __builtin_expect(!oc_small_is_byte(&s->state, OC_SECTION_LIVE | OC_SECTION_USED), 0);
}

/* Returns VALUE, so that it can be the last call of a function that does. */
size_t oc_pool_left(struct oc_section *s, size_t value);

/* The two ends of a copy, with all that belongs to them.  False: byte OFF (below 2^48) of
 * the file is not mapped. */
bool oc_pool_enter(struct oc_hold *hold, oc_file_id id, uint64_t off);
void oc_pool_leave(const struct oc_hold *hold);

/* Through what a section is mapped. */
struct oc_pool_source {
    oc_file_id id;
    int fd;                    /* the program's descriptor */
    const void *owner;         /* its description */
    bool faults_beyond;        /* loads from whole pages beyond the file's end fault */
    const struct oc_pin *pins; /* the rule's: parts that are never phased out */
    struct oc_hints *hints;    /* parts that others found worth mapping, or NULL */
    /* Asked under oc_lock: does fd still stand for owner, and owner for the file? */
    bool (*valid)(const struct oc_pool_source *source);
};

/* A small read missed: may oc_pool_missed be left out this time? */
bool oc_pool_overlooks(void);

/*
 * A small read of N bytes at OFF missed and the kernel served it, as MISSES in all will (run.h):
 * remember, and map the section when it has proved worth it.  Never maps what is not in the page
 * cache (as far as some samples tell).
 */
void oc_pool_missed(const struct oc_pool_source *source, uint64_t off, size_t n, uint32_t misses);

/* The file was opened: map the parts that the rule pins now, and have them read ahead in order
 * where they are cold.  What does not fit is told once, and treated like the rest. */
void oc_pool_pin(const struct oc_pool_source *source);

/* Which sections of a file are mapped; left as it was when none is.  Under oc_lock. */
void oc_pool_gather(oc_file_id id, struct oc_hot *hot);

/* Has the number of sections mapped so far doubled since this last said yes?  Once each time. */
bool oc_pool_has_grown(void);

/* Unmap what was mapped through OWNER.  Under oc_lock. */
void oc_pool_drop_owner(const void *owner);

/* In the child of fork: the pool's mappings are not there.  Under oc_lock. */
void oc_pool_in_child(void);

/* Bytes of address space now mapped as sections. */
size_t oc_pool_mapped(void);

#endif
