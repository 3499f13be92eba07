#include "section/pool.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/counters.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/probe.h"
#include "base/rules.h"
#include "base/sys.h"
#include "file/account.h"
#include "section/policy.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

static struct oc_section *_Atomic nothing[2];
static const struct oc_pool no_pool = {
    .hash = nothing, .hash_mask = 1, .hash_shift = 63, .section_shift = 12};
const struct oc_pool *_Atomic oc_pool = &no_pool;

static struct oc_pool pool; /* oc_pool points here once it is made */
static struct oc_policy *policy;
static const void **owner;  /* of each section, the description it was mapped through */
static int owner_pid;       /* whose memory the sections are in */
static _Atomic size_t live; /* sections; changed under oc_lock, like the rest */
static _Atomic uint64_t made, grown = 16; /* sections so far, and when to say so */
static _Atomic bool dying;                /* some section is */
static _Atomic bool failed;               /* there will be no pool */

static size_t section_size(void)
{
    return (size_t)pool.section_mask + 1;
}

static char *base_of(const struct oc_section *s)
{
    return (char *)(uintptr_t)s->base;
}

static size_t slot_of(const struct oc_section *s)
{
    return (size_t)(s - pool.section);
}

static enum oc_section_state state_of(const struct oc_section *s)
{
    return atomic_load_explicit(&s->state, memory_order_relaxed) & OC_SECTION_STATE;
}

static void count(size_t counter)
{
    struct oc_thread *t = oc_thread();
    if (t)
        oc_count((_Atomic uint64_t *)((char *)&t->count + counter), 1);
}

/* ---- the table of keys; changed under oc_lock ---- */

static struct oc_section *hash_at(size_t at)
{
    return atomic_load_explicit(&pool.hash[at], memory_order_relaxed);
}

static void hash_set(size_t at, struct oc_section *s)
{
    atomic_store_explicit(&pool.hash[at], s, memory_order_release);
}

static void hash_put(struct oc_section *s, oc_section_key key)
{
    size_t at = oc_section_hash(&pool, key);
    while (hash_at(at))
        at = oc_section_hash_next(&pool, at);
    hash_set(at, s);
}

/* Close the gap, so that probing may go on stopping at the first empty place. */
static void hash_remove(const struct oc_section *s, oc_section_key key)
{
    size_t gap = oc_section_hash(&pool, key);
    while (hash_at(gap) != s) {
        if (!hash_at(gap))
            return; /* wiped by a fork */
        gap = oc_section_hash_next(&pool, gap);
    }
    for (size_t at = oc_section_hash_next(&pool, gap); hash_at(at);
         at = oc_section_hash_next(&pool, at)) {
        size_t home = oc_section_hash(&pool, atomic_load(&hash_at(at)->key));
        if (((at - home) & pool.hash_mask) < ((at - gap) & pool.hash_mask))
            continue;
        hash_set(gap, hash_at(at));
        gap = at;
    }
    hash_set(gap, NULL);
}

/* ---- making the pool; under oc_lock ---- */

/* Reserved address space counts against a limit on it, which is meant for the program. */
static bool space_is_scarce(size_t bytes)
{
    struct rlimit limit;
    return OC_SYS_4(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit) == 0 &&
           limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 64 < bytes;
}

static void *reserve(void *at, size_t bytes, int flags)
{
    return oc_sys_mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags,
                       -1, 0);
}

/* Sections lie on multiples of their size, which suits large pages. */
static char *reserve_slots(size_t bytes)
{
    size_t more = section_size() - oc_page;
    char *base = reserve(NULL, bytes + more, 0);
    if (oc_sys_failed(base))
        return NULL;
    size_t skip = -(uintptr_t)base & (size_t)pool.section_mask;
    if (skip)
        oc_sys_munmap(base, skip);
    if (more - skip)
        oc_sys_munmap(base + skip + bytes, more - skip);
    return base + skip;
}

static bool make_hash(size_t slots)
{
    unsigned bits = 3;
    while ((size_t)1 << bits < 4 * slots)
        bits++;
    size_t bytes = sizeof *pool.hash << bits;
    void *hash =
        oc_sys_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (oc_sys_failed(hash))
        return false;
    if (OC_SYS_3(SYS_madvise, hash, (size_t)oc_page_up(bytes), MADV_WIPEONFORK) != 0) {
        oc_sys_munmap(hash, bytes);
        return false;
    }
    pool.hash = hash;
    pool.hash_mask = ((size_t)1 << bits) - 1;
    pool.hash_shift = 64 - bits;
    return true;
}

static bool make_pool(void)
{
    size_t size = (size_t)oc_options.section, slots = (size_t)(oc_options.pool / size);
    char *base;
    pool.section_shift = (unsigned)__builtin_ctzll(size);
    pool.section_mask = size - 1;
    if (space_is_scarce(slots * size) || !make_hash(slots) || !(base = reserve_slots(slots * size)))
        return false;
    pool.section = oc_arena(slots * sizeof *pool.section);
    owner = oc_arena(slots * sizeof *owner);
    policy = oc_policy_new(slots, size);
    if (!pool.section || !owner || !policy)
        return false;
    for (size_t i = 0; i < slots; i++)
        pool.section[i].base = base + i * size;
    pool.slots = (unsigned)slots;
    owner_pid = oc_sys_pid();
    return true;
}

static bool have_pool(void)
{
    struct oc_lock_state ls;
    if (atomic_load_explicit(&oc_pool, memory_order_acquire) == &pool)
        return true;
    if (atomic_load_explicit(&failed, memory_order_relaxed))
        return false;
    oc_lock(&ls);
    if (oc_pool != &pool && !failed) {
        if (make_pool())
            atomic_store_explicit(&oc_pool, &pool, memory_order_release);
        else
            failed = true;
    }
    oc_unlock(&ls);
    if (failed)
        oc_log(OC_LOG_INFO, "no address space for sections: small reads are left to the kernel");
    return !failed;
}

/* ---- a section's life; transitions under oc_lock ---- */

/* Where in the file the section begins. */
static inline uint64_t offset_of(oc_section_key key)
{
    return (key & (((oc_section_key)1 << OC_SECTION_INDEX_BITS) - 1)) << pool.section_shift;
}

/* The part of a file that a section holds, and what is known of it. */
struct part {
    oc_section_key key;
    uint64_t from;
    uint64_t rest; /* of the file, from there */
    bool pinned;
    bool pass; /* a pass over the file will read all of it now */
};

/* Its address space is reserved again. */
static void become_free(struct oc_section *s)
{
    reserve(base_of(s), section_size(), MAP_FIXED);
    owner[slot_of(s)] = NULL;
    atomic_store(&s->state, OC_SECTION_FREE);
}

/* Unreachable from here on; whether somebody still copies is the next question. */
static void become_dying(struct oc_section *s)
{
    oc_section_key key = atomic_load(&s->key);
    hash_remove(s, key);
    OC_PROBE(phase_out, key >> OC_SECTION_INDEX_BITS, offset_of(key), section_size(), s->base);
    atomic_store(&s->key, 0);
    atomic_store(&s->state, OC_SECTION_DYING);
    atomic_store(&dying, true);
    oc_policy_unmapped(policy, slot_of(s));
    live--;
    count(offsetof(struct oc_counters, sections_unmapped));
}

static void become_live(struct oc_section *s, const struct part *part,
                        const struct oc_pool_source *source)
{
    uint64_t limit = part->rest < section_size() ? part->rest : section_size();
    owner[slot_of(s)] = source->owner;
    atomic_store_explicit(&s->faults_beyond, source->faults_beyond, memory_order_relaxed);
    s->pinned = part->pinned;
    s->from = part->from;
    s->limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    atomic_store(&s->state, OC_SECTION_LIVE);
    oc_policy_mapped(policy, slot_of(s), part->key);
    atomic_store_explicit(&s->key, part->key, memory_order_release);
    hash_put(s, part->key);
    live++;
    made++;
    OC_PROBE(section_map, part->key >> OC_SECTION_INDEX_BITS, part->from, section_size(), s->base);
    count(offsetof(struct oc_counters, sections_mapped));
}

/* Free what nobody copies from any more. */
static void reap(void)
{
    bool rest = false;
    if (!atomic_load(&dying) || !oc_thread_barrier())
        return;
    for (unsigned i = 0; i < pool.slots; i++) {
        struct oc_section *s = &pool.section[i];
        if (state_of(s) != OC_SECTION_DYING)
            continue;
        if (oc_thread_holds(s))
            rest = true;
        else
            become_free(s);
    }
    atomic_store(&dying, rest);
}

/* The one that is free.  A handler that interrupts a copy must not take its hazard away, and
 * one that interrupts this uses it for a while only. */
static _Atomic(const void *) *free_slot(struct oc_thread *t)
{
    if (!atomic_load_explicit(&t->hazard, memory_order_relaxed))
        return &t->hazard;
    return atomic_load_explicit(&t->second, memory_order_relaxed) ? NULL : &t->second;
}

static bool publish(_Atomic(const void *) *slot, struct oc_section *s, oc_section_key key)
{
    bool held = oc_pool_publish(slot, s, key);
    if (held && oc_thread_fence) {
        atomic_thread_fence(memory_order_seq_cst);
        held = atomic_load_explicit(&s->key, memory_order_acquire) == key;
    }
    if (!held)
        oc_pool_withdraw(slot);
    return held;
}

bool oc_pool_enter(struct oc_hold *hold, oc_file_id id, uint64_t off)
{
    const struct oc_pool *p = atomic_load_explicit(&oc_pool, memory_order_acquire);
    oc_section_key key = oc_section_key_of(id, off >> p->section_shift);
    struct oc_section *s = oc_pool_find(p, key);
    struct oc_thread *t = oc_thread();
    _Atomic(const void *) *slot = s && t ? free_slot(t) : NULL;
    if (!slot || !publish(slot, s, key))
        return false;
    size_t in = (size_t)(off & p->section_mask);
    *hold = (struct oc_hold){s, t, slot, s->base + in, (size_t)p->section_mask + 1 - in};
    return true;
}

void oc_pool_leave(const struct oc_hold *hold)
{
    oc_pool_withdraw(hold->slot);
    if (oc_pool_is_unusual(hold->section))
        oc_pool_left(hold->section, 0);
}

size_t oc_pool_left(struct oc_section *s, size_t value)
{
    struct oc_lock_state ls;
    if (state_of(s) == OC_SECTION_LIVE) {
        uint8_t flags = oc_accounting() ? OC_SECTION_USED | OC_SECTION_COUNTED : OC_SECTION_USED;
        atomic_fetch_or_explicit(&s->state, flags, memory_order_relaxed);
        if (oc_accounting() && value)
            oc_account_copied((oc_file_id)(atomic_load(&s->key) >> OC_SECTION_INDEX_BITS), value);
    } else if (state_of(s) == OC_SECTION_DYING) {
        oc_lock(&ls);
        reap();
        oc_unlock(&ls);
    }
    return value;
}

/* ---- mapping; under oc_lock ---- */

static bool take_used(size_t slot)
{
    return atomic_fetch_and(&pool.section[slot].state, OC_SECTION_STATE) & OC_SECTION_USED;
}

static bool is_pinned(size_t slot)
{
    return pool.section[slot].pinned;
}

static struct oc_section *find_free(void)
{
    static unsigned at; /* where the last one was */
    for (unsigned i = 0; i < pool.slots; i++) {
        if (state_of(&pool.section[at]) == OC_SECTION_FREE)
            return &pool.section[at];
        at = at + 1 < pool.slots ? at + 1 : 0;
    }
    return NULL;
}

static struct oc_section *make_room(void)
{
    struct oc_section *s;
    reap();
    s = find_free();
    if (s)
        return s;
    size_t slot = oc_policy_victim(policy, take_used, is_pinned);
    if (slot == SIZE_MAX)
        return NULL;
    become_dying(&pool.section[slot]);
    reap();
    return find_free();
}

/*
 * Is the file's part in the page cache?  A fault on a page that is not would read from
 * disk, one small piece at a time, out of order.  Pages are sampled, since asking for all
 * of them costs as much as many reads, and mincore answers yes to everything about files
 * that are not the user's own.
 */
static bool resident(int fd, uint64_t from, uint64_t bytes, unsigned samples)
{
    char byte;
    struct iovec iov = {&byte, 1};
    for (unsigned i = 0; i < samples; i++) {
        uint64_t at = from + oc_page_down(bytes * i / samples);
#if __SIZEOF_LONG__ == 8
        long got = oc_syscall(SYS_preadv2, fd, (long)&iov, 1, (long)at, 0, RWF_NOWAIT);
#else
        long got =
            oc_syscall(SYS_preadv2, fd, (long)&iov, 1, (long)at, (long)(at >> 32), RWF_NOWAIT);
#endif
        if (got == -EOPNOTSUPP)
            return true; /* memory itself */
        if (got != 1)
            return false;
    }
    return true;
}

/* Files that cannot be mapped, by number; a file that is pushed out is tried again. */
static _Atomic oc_file_id unmappable[64];

static _Atomic oc_file_id *unmappable_place(oc_file_id id)
{
    return &unmappable[id % (sizeof unmappable / sizeof *unmappable)];
}

static bool is_unmappable(oc_file_id id)
{
    return atomic_load_explicit(unmappable_place(id), memory_order_relaxed) == id;
}

static bool can_be_mapped(const struct oc_pool_source *source, struct part *part)
{
    struct stat st;
    if (!source->valid(source) || oc_sys_fstat(source->fd, &st) != 0 ||
        part->from >= (uint64_t)st.st_size)
        return false;
    part->rest = (uint64_t)st.st_size - part->from;
    return true;
}

static bool is_warm(const struct oc_pool_source *source, const struct part *part)
{
    enum { SAMPLES = 8, FEW = 2 };
    uint64_t bytes = part->rest < section_size() ? part->rest : section_size();
    /* In order, the kernel reads ahead for faults, too. */
    return part->pinned || resident(source->fd, part->from, bytes, part->pass ? FEW : SAMPLES);
}

static bool map_section(struct oc_section *s, const struct oc_pool_source *source, uint64_t from)
{
    char *base = base_of(s), *at = oc_sys_mmap(base, section_size(), PROT_READ,
                                               MAP_SHARED | MAP_FIXED, source->fd, from);
    if (oc_sys_failed(at)) {
        /* A lack of memory, or of mappings, may pass. */
        if ((intptr_t)at != -ENOMEM && (intptr_t)at != -EAGAIN)
            atomic_store(unmappable_place(source->id), source->id);
        become_free(s);
        return false;
    }
    /* A forked child must not hold the description open. */
    if (OC_SYS_3(SYS_madvise, base, section_size(), MADV_DONTFORK) != 0) {
        become_free(s);
        return false;
    }
    return true;
}

/* ---- what the pool is told ---- */

/* Pinned parts push out everything but each other. */
static _Atomic bool crowded;

/* NULL: it is mapped already, or can't be. */
static struct oc_section *admit(const struct oc_pool_source *source, struct part *part)
{
    struct oc_section *s = NULL;
    if (oc_pool_find(&pool, part->key) || oc_sys_pid() != owner_pid)
        return NULL;
    bool possible = can_be_mapped(source, part), warm = possible && is_warm(source, part);
    if (warm && !(s = make_room()) && part->pinned)
        atomic_store(&crowded, true);
    if (s && map_section(s, source, part->from)) {
        become_live(s, part, source);
        return s;
    }
    oc_policy_refused(policy, part->key, possible && !warm);
    return NULL;
}

/* Without a lock.  What is pinned need not be in the page cache: reading it ahead keeps its
 * faults from reading it piece by piece. */
static void admitted(const struct oc_section *s, const struct part *part)
{
    static _Atomic bool told;
    if (s && part->pinned)
        OC_SYS_3(SYS_madvise, base_of(s), section_size(), MADV_WILLNEED);
    else if (s && part->pass) /* instead of one fault after another */
        OC_SYS_3(SYS_madvise, base_of(s), section_size(), MADV_POPULATE_READ);
    if (atomic_load_explicit(&crowded, memory_order_relaxed) && !atomic_exchange(&told, true))
        oc_log(OC_LOG_ERROR,
               "the rules pin more than ONECOPY_POOL holds (%llu bytes): what does not fit is "
               "mapped like the rest",
               (unsigned long long)oc_options.pool);
}

static void admit_one(const struct oc_pool_source *source, struct part *part)
{
    struct oc_lock_state ls;
    oc_lock(&ls);
    const struct oc_section *s = admit(source, part);
    oc_unlock(&ls);
    admitted(s, part);
}

static bool pinned(const struct oc_pin *pin, uint64_t from)
{
    for (; pin; pin = pin->next)
        if (pin->from < from + section_size() && from < pin->to)
            return true;
    return false;
}

/* Reads of more than one such part of a section do not pay for its mapping. */
enum { MUCH = 32 };

/* Hints push nobody out, and say what was read in small pieces: big ones, or a pass over the file
 * in such, are no reason to believe in them. */
static bool hinted(struct oc_hints *hints, uint64_t from, size_t n)
{
    return hints && n <= section_size() / MUCH &&
           atomic_load_explicit(&live, memory_order_relaxed) < pool.slots &&
           oc_hints_take(hints, from >> pool.section_shift);
}

bool oc_pool_overlooks(void)
{
    return atomic_load_explicit(&oc_pool, memory_order_acquire) == &pool &&
           oc_policy_overlooks(policy);
}

void oc_pool_missed(const struct oc_pool_source *source, uint64_t off, size_t n, uint32_t misses)
{
    if (!have_pool() || is_unmappable(source->id))
        return;
    /* A pass has counted what it leaves behind. */
    uint64_t first = misses > 1 ? off + n - 1 : off;
    struct part part = {.from = first & ~pool.section_mask, .pass = misses > 1};
    for (; part.from < off + n; part.from += section_size()) {
        part.key = oc_section_key_of(source->id, part.from >> pool.section_shift);
        part.pinned = pinned(source->pins, part.from);
        if (oc_pool_find(&pool, part.key) ||
            !oc_policy_missed(policy, part.key, misses,
                              part.pinned || (!part.pass && hinted(source->hints, part.from, n))))
            continue;
        admit_one(source, &part);
    }
}

static void pin(const struct oc_pool_source *source, uint64_t from, uint64_t to)
{
    struct part part = {.from = from & ~pool.section_mask, .pinned = true};
    for (; part.from < to && !is_unmappable(source->id); part.from += section_size()) {
        part.key = oc_section_key_of(source->id, part.from >> pool.section_shift);
        if (oc_pool_find(&pool, part.key))
            continue;
        admit_one(source, &part);
        if (!oc_pool_find(&pool, part.key))
            return; /* nor will what follows */
    }
}

void oc_pool_pin(const struct oc_pool_source *source)
{
    if (!have_pool())
        return;
    for (const struct oc_pin *p = source->pins; p; p = p->next)
        pin(source, p->from, p->to);
}

void oc_pool_gather(oc_file_id id, struct oc_hot *hot)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < pool.slots && n < OC_HINTS_MAX; i++) {
        oc_section_key key = atomic_load(&pool.section[i].key);
        uint64_t index = key & ((UINT64_C(1) << OC_SECTION_INDEX_BITS) - 1);
        if (key >> OC_SECTION_INDEX_BITS == id && key && index < UINT32_MAX)
            hot->at[n++] = (uint32_t)index;
    }
    if (n)
        hot->n = n;
}

bool oc_pool_has_grown(void)
{
    uint64_t at = atomic_load_explicit(&grown, memory_order_relaxed);
    return atomic_load_explicit(&made, memory_order_relaxed) >= at &&
           atomic_compare_exchange_strong(&grown, &at, 2 * at);
}

void oc_pool_drop_owner(const void *of)
{
    if (!live)
        return;
    for (unsigned i = 0; i < pool.slots; i++) {
        struct oc_section *s = &pool.section[i];
        if (owner[i] == of && state_of(s) == OC_SECTION_LIVE)
            become_dying(s);
    }
    reap();
}

/* Slots FIRST to END - 1 are holes in the child's address space, unless somebody has
 * mapped something there already.  If it was a signal handler that forked, the copy that
 * it interrupted still has its section. */
static void fill_holes(unsigned first, unsigned end)
{
    char *base = base_of(&pool.section[first]);
    size_t bytes = (end - first) * section_size();
    char *got = reserve(base, bytes, MAP_FIXED_NOREPLACE);
    if (!oc_sys_failed(got) && got != base)
        oc_sys_munmap(got, bytes); /* a kernel that does not know the flag */
    for (unsigned i = first; i < end; i++) {
        struct oc_section *s = &pool.section[i];
        bool held = oc_thread_holds(s);
        owner[i] = NULL;
        if (got != base)
            atomic_store(&s->state, OC_SECTION_LOST);
        else
            atomic_store(&s->state, held ? OC_SECTION_DYING : OC_SECTION_FREE);
        if (got == base && held)
            atomic_store(&dying, true);
    }
}

void oc_pool_in_child(void)
{
    unsigned hole = 0;
    owner_pid = oc_sys_pid();
    for (unsigned i = 0; i < pool.slots; i++) {
        struct oc_section *s = &pool.section[i];
        if (state_of(s) == OC_SECTION_LIVE)
            become_dying(s);
        if (state_of(s) == OC_SECTION_DYING)
            continue; /* only now and here it says: a hole */
        if (hole < i)
            fill_holes(hole, i);
        hole = i + 1;
    }
    if (hole < pool.slots)
        fill_holes(hole, pool.slots);
}

size_t oc_pool_mapped(void)
{
    return live * section_size();
}
