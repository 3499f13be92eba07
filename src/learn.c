#include "learn.h"

#include "base/hash.h"
#include "base/lock.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "file/identity.h"
#include "image/home.h"
#include "image/hot.h"
#include "section/pool.h"

enum {
    FILES = 16, /* remembered at a time */
    ASK_AT = 3, /* misses: who reads less has nothing to gain */
    FEW = 8,    /* sections not worth writing down */
};

static struct oc_hints table[FILES];
static _Atomic bool used[FILES];

static unsigned shift_of_sections(void)
{
    return (unsigned)__builtin_ctzll(oc_options.section);
}

/* FILE's record, or one that has been there longest, emptied.  Under oc_lock. */
static struct oc_hints *claim(const struct oc_file *file, bool *known)
{
    static unsigned next;
    for (unsigned i = 0; i < FILES; i++)
        if (table[i].dev == file->dev && table[i].ino == file->ino && table[i].key[0]) {
            *known = true;
            return &table[i];
        }
    atomic_store_explicit(&used[next % FILES], true, memory_order_relaxed);
    struct oc_hints *h = &table[next++ % FILES];
    *known = false;
    atomic_store(&h->n, 0);
    h->key[0] = h->mine.n = 0;
    h->dev = file->dev;
    h->ino = file->ino;
    return h;
}

/* Under oc_lock. */
static void fill(struct oc_hints *h, const uint64_t key[2], const struct oc_hot *hot)
{
    h->key[0] = key[0];
    h->key[1] = key[1];
    for (size_t i = 0; i < sizeof h->filter / sizeof *h->filter; i++)
        atomic_store_explicit(&h->filter[i], 0, memory_order_relaxed);
    for (uint32_t i = 0; i < hot->n; i++)
        oc_hints_put(h, i, hot->at[i]);
    atomic_store(&h->n, hot->n);
}

static void ask(int fd, struct oc_file *file)
{
    struct oc_lock_state ls;
    struct oc_identity id;
    struct oc_hot hot = {0};
    bool known;
    if (oc_identity_of(fd, &id) != 0 || id.ino != file->ino)
        return;
    uint64_t key[2] = {oc_hash(&id, sizeof id, OC_HASH_SEED_1) | 1,
                       oc_hash(&id, sizeof id, OC_HASH_SEED_2)};
    int dir = oc_home_first(false);
    if (dir >= 0) {
        oc_hot_load(dir, key, shift_of_sections(), &hot);
        oc_own_close(dir);
    }
    oc_lock(&ls);
    struct oc_hints *h = claim(file, &known);
    if (!known || h->key[0] != key[0])
        fill(h, key, &hot);
    h->id = file->id;
    atomic_store_explicit(&file->hints, h, memory_order_release);
    oc_unlock(&ls);
}

void oc_learn_missed(int fd, struct oc_file *file)
{
    if (!file->mappable || atomic_load_explicit(&file->misses, memory_order_relaxed) >= ASK_AT)
        return;
    if (atomic_fetch_add_explicit(&file->misses, 1, memory_order_relaxed) + 1 == ASK_AT)
        ask(fd, file);
}

void oc_learn_closing(const struct oc_file *file)
{
    struct oc_hints *h = atomic_load(&file->hints);
    if (h && h->id == file->id)
        oc_pool_gather(file->id, &h->mine);
}

/* Copies, so that nothing is written under the lock. */
static bool take(unsigned i, uint64_t key[2], struct oc_hot *mine)
{
    struct oc_lock_state ls;
    oc_lock(&ls);
    struct oc_hints *h = &table[i];
    if (h->key[0])
        oc_pool_gather(h->id, &h->mine);
    key[0] = h->key[0];
    key[1] = h->key[1];
    *mine = h->mine;
    oc_unlock(&ls);
    return key[0] && mine->n >= FEW;
}

void oc_learn_store(void)
{
    struct oc_hot mine;
    uint64_t key[2];
    int dir = -1;
    /* Without the lock: who is just being entered has mapped nothing yet. */
    for (unsigned i = 0; i < FILES; i++) {
        if (!atomic_load_explicit(&used[i], memory_order_relaxed) || !take(i, key, &mine))
            continue;
        if (dir < 0)
            dir = oc_home_first(true);
        if (dir < 0)
            return;
        oc_hot_store(dir, key, shift_of_sections(), &mine);
    }
    if (dir >= 0)
        oc_own_close(dir);
}
