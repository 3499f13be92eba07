#include "api/part.h"

/* Each thread counts in a place of its own, as far as there are enough.  What one adds another
 * may take away: only the sums mean anything. */
enum { SHARDS = 64 };
static struct shard {
    _Atomic uint64_t held, views, hits;
} __attribute__((aligned(64))) shards[SHARDS];

static struct shard *shard(void)
{
    static _Atomic unsigned threads;
    static __thread struct shard *mine;
    if (!mine)
        mine = &shards[atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % SHARDS];
    return mine;
}

static void add(_Atomic uint64_t *x, uint64_t n)
{
    atomic_fetch_add_explicit(x, n, memory_order_relaxed);
}

static uint64_t views_of(uint32_t use)
{
    return use & ~OC_PART_OPEN;
}

/* ---- the word ---- */

void oc_quick_hold(struct oc_part *part)
{
    if (!views_of(atomic_fetch_add_explicit(&part->use, 1, memory_order_acquire)))
        add(&shard()->held, part->size);
}

/* As oc_quick_hold, but only while it is open. */
static bool hold_open(struct oc_part *part)
{
    uint32_t use = atomic_load_explicit(&part->use, memory_order_relaxed);
    do {
        if (!(use & OC_PART_OPEN) || views_of(use) == OC_PART_OPEN - 1)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&part->use, &use, use + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    if (!views_of(use))
        add(&shard()->held, part->size);
    return true;
}

bool oc_quick_drop(struct oc_part *part)
{
    size_t size = part->size;
    uint32_t use = atomic_fetch_sub_explicit(&part->use, 1, memory_order_acq_rel);
    if (views_of(use) == 1)
        add(&shard()->held, -(uint64_t)size);
    return use == 1;
}

bool oc_quick_close(struct oc_part *part)
{
    return atomic_fetch_and_explicit(&part->use, ~OC_PART_OPEN, memory_order_acq_rel) ==
           OC_PART_OPEN;
}

/* ---- finding ---- */

static uint64_t start_of(const struct oc_part *part)
{
    return atomic_load_explicit(&part->start, memory_order_relaxed);
}

/* What the index says, which may be changing. */
static struct oc_part *look_up(struct onecopy_file *file, uint64_t offset)
{
    struct oc_part_index *index = atomic_load_explicit(&file->index, memory_order_acquire);
    size_t low = 0, high = atomic_load_explicit(&file->count, memory_order_relaxed);
    struct oc_part *found = NULL;
    if (!index || high > index->room)
        return NULL;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct oc_part *part = atomic_load_explicit(&index->at[mid], memory_order_acquire);
        if (!part)
            return NULL;
        if (start_of(part) <= offset) {
            found = part;
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return found;
}

static bool covers(const struct oc_part *part, const struct onecopy_file *file, uint64_t offset,
                   size_t length)
{
    uint64_t start = start_of(part);
    return atomic_load_explicit(&part->file_id, memory_order_relaxed) == file->id &&
           start <= offset &&
           offset + length <= start + atomic_load_explicit(&part->size, memory_order_relaxed);
}

/* Looked at again when it is held, and so stays what it is. */
static bool take(struct oc_part *part, const struct onecopy_file *file, uint64_t offset,
                 size_t length)
{
    if (!part || !covers(part, file, offset, length) || !hold_open(part))
        return false;
    if (covers(part, file, offset, length))
        return true;
    if (oc_quick_drop(part)) {
        oc_api_lock();
        oc_part_end(part);
        oc_api_unlock();
    }
    return false;
}

struct oc_part *oc_quick_get(struct onecopy_file *file, uint64_t offset, size_t length)
{
    if (!length || offset + length < offset ||
        offset + length > atomic_load_explicit(&file->size, memory_order_relaxed))
        return NULL;
    struct oc_part *part = look_up(file, offset);
    bool taken = take(part, file, offset, length);
    for (int i = 0; i < OC_PINS_AT_HAND && !taken; i++) {
        part = atomic_load_explicit(&file->pinned[i], memory_order_acquire);
        taken = take(part, file, offset, length);
    }
    if (!taken)
        return NULL;
    oc_part_hit(part);
    oc_quick_gave(true);
    return part;
}

/* ---- counting ---- */

void oc_quick_gave(bool hit)
{
    struct shard *mine = shard();
    add(&mine->views, 1);
    if (hit)
        add(&mine->hits, 1);
}

void oc_quick_took(void)
{
    add(&shard()->views, -(uint64_t)1);
}

uint64_t oc_quick_held(void)
{
    uint64_t held = 0;
    for (int i = 0; i < SHARDS; i++)
        held += atomic_load_explicit(&shards[i].held, memory_order_relaxed);
    /* Taken back by one thread before the other had counted that it was given. */
    return (int64_t)held < 0 ? 0 : held;
}

void oc_quick_recount(uint64_t held)
{
    for (int i = 0; i < SHARDS; i++)
        atomic_store_explicit(&shards[i].held, i ? 0 : held, memory_order_relaxed);
}

void oc_quick_count(uint64_t *views, uint64_t *hits)
{
    *views = *hits = 0;
    for (int i = 0; i < SHARDS; i++) {
        *views += atomic_load_explicit(&shards[i].views, memory_order_relaxed);
        *hits += atomic_load_explicit(&shards[i].hits, memory_order_relaxed);
    }
    if ((int64_t)*views < 0)
        *views = 0;
}
