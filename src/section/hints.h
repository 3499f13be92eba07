/*
 * Which sections of a file were worth mapping in earlier processes, and which are in
 * this one.
 *
 * The pool maps a section that is hinted at its first miss, once, and only where there is
 * room without pushing anybody out: so a wrong hint costs one mapping of a section that is
 * read, and one that is not read costs nothing.  Where hints come from: learn.h.
 *
 * Records are never given back, only to another file: a reader that lost that race has
 * hints of the wrong file.
 */
#ifndef OC_HINTS_H
#define OC_HINTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"

enum {
    OC_HINTS_MAX = 128,     /* sections: those of the default pool */
    OC_HINTS_FILTER = 2048, /* bits: most misses are of sections that are not hinted */
};

/* Sections by number, of one size. */
struct oc_hot {
    uint32_t n;
    uint32_t at[OC_HINTS_MAX];
};

struct oc_hints {
    _Atomic uint32_t n; /* of these: section + 1, or 0 when it was taken */
    _Atomic uint32_t left[OC_HINTS_MAX];
    _Atomic uint64_t filter[OC_HINTS_FILTER / 64]; /* by number: no bit, no hint */
    struct oc_hot mine; /* mapped when last looked; this and the next under oc_lock */
    oc_file_id id;      /* whose they are now */
    uint64_t dev, ino;
    uint64_t key[2]; /* the file in the ledger; 0: not known */
};

static inline void oc_hints_put(struct oc_hints *h, uint32_t place, uint32_t index)
{
    atomic_store_explicit(&h->left[place], index + 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&h->filter[index % OC_HINTS_FILTER / 64], UINT64_C(1) << index % 64,
                             memory_order_relaxed);
}

/* Is section INDEX hinted?  Yes but once. */
static inline bool oc_hints_take(struct oc_hints *h, uint64_t index)
{
    uint32_t n = atomic_load_explicit(&h->n, memory_order_relaxed), wanted = (uint32_t)index + 1;
    uint64_t bits =
        atomic_load_explicit(&h->filter[index % OC_HINTS_FILTER / 64], memory_order_relaxed);
    if (index >= UINT32_MAX || !(bits >> index % 64 & 1))
        return false;
    for (uint32_t i = 0; i < n && i < OC_HINTS_MAX; i++)
        if (atomic_load_explicit(&h->left[i], memory_order_relaxed) == wanted)
            return atomic_exchange_explicit(&h->left[i], 0, memory_order_relaxed) == wanted;
    return false;
}

#endif
