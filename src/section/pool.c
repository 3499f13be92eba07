#include "section/pool.h"

#include <string.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "section/policy.h"

struct oc_pool oc_pool;

static struct oc_policy *policy;
static size_t live;
static _Atomic bool dying; /* some section is */
static bool failed;        /* no memory for a pool: for good */

static size_t section_size(void)
{
    return (size_t)1 << oc_pool.section_shift;
}

static size_t slot_of(const struct oc_section *s)
{
    return (size_t)(s - oc_pool.section);
}

static void count(size_t counter)
{
    struct oc_thread *t = oc_thread();
    if (t)
        oc_count((_Atomic uint64_t *)((char *)&t->count + counter), 1);
}

/* ---- the table of keys; changed under oc_lock ---- */

static void hash_put(const struct oc_section *s, oc_section_key key)
{
    uint32_t at = oc_section_hash(key);
    while (atomic_load_explicit(&oc_pool.hash[at], memory_order_relaxed))
        at = (at + 1) & oc_pool.hash_mask;
    atomic_store_explicit(&oc_pool.hash[at], (uint32_t)slot_of(s) + 1, memory_order_release);
}

/* Close the gap, so that probing may go on stopping at the first empty place. */
static void hash_remove(oc_section_key key, size_t slot)
{
    uint32_t gap = oc_section_hash(key), at, home;
    while (atomic_load_explicit(&oc_pool.hash[gap], memory_order_relaxed) != slot + 1)
        gap = (gap + 1) & oc_pool.hash_mask;
    for (at = gap;;) {
        uint32_t moved;
        at = (at + 1) & oc_pool.hash_mask;
        moved = atomic_load_explicit(&oc_pool.hash[at], memory_order_relaxed);
        if (!moved)
            break;
        home = oc_section_hash(
            atomic_load_explicit(&oc_pool.section[moved - 1].key, memory_order_relaxed));
        if (((at - home) & oc_pool.hash_mask) < ((at - gap) & oc_pool.hash_mask))
            continue;
        atomic_store_explicit(&oc_pool.hash[gap], moved, memory_order_release);
        gap = at;
    }
    atomic_store_explicit(&oc_pool.hash[gap], 0, memory_order_release);
}

/* ---- making the pool; under oc_lock ---- */

static unsigned log2_of(uint64_t x)
{
    return 63 - (unsigned)__builtin_clzll(x);
}

static bool make_pool(void)
{
    size_t size = (size_t)oc_options.section, slots = (size_t)(oc_options.pool / size);
    uint32_t places = 8;
    if (failed)
        return false;
    failed = true;
    while (places < 4 * slots)
        places *= 2;
    char *base = oc_sys_mmap(NULL, slots * size, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (oc_sys_failed(base))
        return false;
    oc_pool.section = oc_arena(slots * sizeof *oc_pool.section);
    oc_pool.hash = oc_arena(places * sizeof *oc_pool.hash);
    policy = oc_policy_new(slots);
    if (!oc_pool.section || !oc_pool.hash || !policy)
        return false;
    for (size_t i = 0; i < slots; i++)
        atomic_store(&oc_pool.section[i].base, base + i * size);
    oc_pool.hash_mask = places - 1;
    oc_pool.section_shift = log2_of(size);
    oc_thread_prepare();
    failed = false;
    atomic_store_explicit(&oc_pool.slots, (unsigned)slots, memory_order_release);
    return true;
}

/* ---- a section's life; transitions under oc_lock ---- */

/* Its address space is reserved again. */
static void become_free(struct oc_section *s)
{
    char *base = (char *)(uintptr_t)atomic_load(&s->base);
    oc_sys_mmap(base, section_size(), PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    s->owner = NULL;
    atomic_store(&s->state, OC_SECTION_FREE);
}

/* Unreachable from here on; whether somebody still copies is the next question. */
static void become_dying(struct oc_section *s)
{
    oc_section_key key = atomic_load(&s->key);
    size_t slot = slot_of(s);
    hash_remove(key, slot);
    atomic_store(&s->key, 0);
    atomic_store(&s->state, OC_SECTION_DYING);
    oc_policy_unmapped(policy, slot);
    live--;
    count(offsetof(struct oc_counters, sections_unmapped));
}

static void become_live(struct oc_section *s, oc_section_key key, const void *owner)
{
    s->owner = owner;
    atomic_store(&s->used, false);
    atomic_store(&s->state, OC_SECTION_LIVE);
    oc_policy_mapped(policy, slot_of(s), key);
    atomic_store_explicit(&s->key, key, memory_order_release);
    hash_put(s, key);
    live++;
    count(offsetof(struct oc_counters, sections_mapped));
}

/* Free what nobody copies from any more. */
static void reap(void)
{
    bool rest = false;
    if (!atomic_load(&dying) || !oc_thread_barrier())
        return;
    for (unsigned i = 0; i < oc_pool.slots; i++) {
        struct oc_section *s = &oc_pool.section[i];
        if (atomic_load(&s->state) != OC_SECTION_DYING)
            continue;
        if (oc_thread_holds(s))
            rest = true;
        else
            become_free(s);
    }
    atomic_store(&dying, rest);
}

void oc_pool_reap(void)
{
    struct oc_lock_state ls;
    oc_lock(&ls);
    reap();
    oc_unlock(&ls);
}

/* ---- mapping; under oc_lock ---- */

static bool take_used(size_t slot)
{
    return atomic_exchange(&oc_pool.section[slot].used, false);
}

static bool never_pinned(size_t slot)
{
    (void)slot;
    return false;
}

static struct oc_section *find_free(void)
{
    for (unsigned i = 0; i < oc_pool.slots; i++)
        if (atomic_load(&oc_pool.section[i].state) == OC_SECTION_FREE)
            return &oc_pool.section[i];
    return NULL;
}

static struct oc_section *make_room(void)
{
    struct oc_section *s = find_free();
    if (s)
        return s;
    reap();
    size_t slot = oc_policy_victim(policy, take_used, never_pinned);
    if (slot != SIZE_MAX) {
        become_dying(&oc_pool.section[slot]);
        atomic_store(&dying, true);
        reap();
    }
    return find_free();
}

/* Are all pages of the file that the section covers in the page cache?  A fault on one
 * that is not would read from disk, one small piece at a time, out of order. */
static bool resident(const char *base, size_t bytes)
{
    unsigned char there[256];
    size_t step = sizeof there * oc_page;
    for (size_t at = 0; at < bytes; at += step) {
        size_t n = bytes - at < step ? bytes - at : step;
        if (OC_SYS_3(SYS_mincore, base + at, n, there) != 0)
            return false;
        for (size_t i = 0; i < (n + oc_page - 1) / oc_page; i++)
            if (!(there[i] & 1))
                return false;
    }
    return true;
}

static bool map_section(struct oc_section *s, int fd, uint64_t from)
{
    struct stat st;
    char *base = (char *)(uintptr_t)atomic_load(&s->base);
    size_t size = section_size();
    if (oc_sys_fstat(fd, &st) != 0 || from >= (uint64_t)st.st_size)
        return false;
    size_t inside =
        (uint64_t)st.st_size - from < size ? (size_t)((uint64_t)st.st_size - from) : size;
    if (oc_sys_failed(oc_sys_mmap(base, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, from))) {
        become_free(s);
        return false;
    }
    /* A forked child must not hold the description open; and MADV_DONTFORK is refused by no
     * kernel that has it. */
    if (OC_SYS_3(SYS_madvise, base, size, MADV_DONTFORK) != 0 || !resident(base, inside)) {
        become_free(s);
        return false;
    }
    return true;
}

/* ---- what the pool is told ---- */

static void admit(const struct oc_pool_source *from, oc_section_key key, uint64_t at)
{
    struct oc_section *s;
    if (oc_pool_find(key) || !from->valid(from))
        return;
    s = make_room();
    if (s && map_section(s, from->fd, at))
        become_live(s, key, from->owner);
    else
        oc_policy_refused(policy, key);
}

static bool have_pool(void)
{
    struct oc_lock_state ls;
    if (atomic_load_explicit(&oc_pool.slots, memory_order_acquire))
        return true;
    oc_lock(&ls);
    bool made = atomic_load(&oc_pool.slots) || make_pool();
    oc_unlock(&ls);
    return made;
}

void oc_pool_missed(const struct oc_pool_source *from, uint64_t off, size_t n)
{
    struct oc_lock_state ls;
    if (!have_pool())
        return;
    uint64_t mask = section_size() - 1;
    for (uint64_t at = off & ~mask; at < off + n; at += section_size()) {
        oc_section_key key = oc_section_key_of(from->id, at);
        if (oc_pool_find(key) || !oc_policy_missed(policy, key))
            continue;
        oc_lock(&ls);
        admit(from, key, at);
        oc_unlock(&ls);
    }
}

void oc_pool_drop_owner(const void *owner)
{
    bool any = false;
    if (!live)
        return;
    for (unsigned i = 0; i < oc_pool.slots; i++) {
        struct oc_section *s = &oc_pool.section[i];
        if (s->owner == owner && atomic_load(&s->state) == OC_SECTION_LIVE) {
            become_dying(s);
            any = true;
        }
    }
    if (any) {
        atomic_store(&dying, true);
        reap();
    }
}

void oc_pool_in_child(void)
{
    unsigned slots = atomic_load(&oc_pool.slots);
    for (unsigned i = 0; i < slots; i++) {
        struct oc_section *s = &oc_pool.section[i];
        if (atomic_load(&s->state) == OC_SECTION_LIVE)
            become_dying(s);
        if (atomic_load(&s->state) == OC_SECTION_DYING)
            become_free(s);
    }
    atomic_store(&dying, false);
}

size_t oc_pool_mapped(void)
{
    return live * section_size();
}
