#include "image/adopt.h"

#include <signal.h>
#include <string.h>

#include "base/counters.h"
#include "base/guard.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/thread.h"
#include "base/vma.h"
#include "file/account.h"
#include "image/fill.h"
#include "image/lent.h"
#include "image/written.h"

enum {
    PIECE = 64 << 10,
    DIFFER = 16, /* more pieces than this: something else is there */
    SAMPLE = 64,
    LOOKS = 8,
};

struct adopt {
    uintptr_t base;
    struct oc_image *image;
    struct oc_fill fill;
    void *floor;
    uint64_t lent;
};

static char *memory(const struct adopt *a, uint64_t off)
{
    return (char *)(a->base + (uintptr_t)off);
}

/* The mapping failed; should it have taken what was there, that is in the image. */
static void repair(const struct adopt *a, char *addr, size_t len, uint64_t place)
{
    if (oc_sys_fill_hole(addr, len, PROT_READ | PROT_WRITE))
        oc_sys_pread_all(a->fill.image_fd, addr, len, place);
}

/* Whole pages that were found equal. */
static void map_run(struct adopt *a, uint64_t from, uint64_t to)
{
    struct oc_lock_state st;
    char *addr = memory(a, from);
    uint64_t place = oc_image_place(a->image, from);
    size_t len = (size_t)(to - from);

    if (to - from < PIECE)
        return;
    oc_lock(&st);
    if (oc_lent_room()) {
        if (oc_image_map(a->image, a->fill.image_fd, addr, len, place)) {
            oc_lent_add(addr, len, a->image, place, a->floor);
            a->lent += len;
        } else {
            repair(a, addr, len, place);
        }
    }
    oc_unlock(&st);
}

static bool is_equal(const struct adopt *a, uint64_t at, size_t n)
{
    return oc_sys_pread_all(a->fill.image_fd, a->fill.buffer, n, oc_image_place(a->image, at)) ==
               (ssize_t)n &&
           memcmp(a->fill.buffer, memory(a, at), n) == 0;
}

static bool chunks_full(const struct adopt *a, uint64_t at, uint64_t to)
{
    for (uint64_t c = at / OC_CHUNK; c <= (to - 1) / OC_CHUNK; c++)
        if (a->fill.use[c - a->fill.first] == OC_CHUNK_PLAIN)
            return false;
    return true;
}

/* Piece by piece; runs of equal ones are mapped.  A header may be kept elsewhere, so some
 * may differ.  Returns the end of the last that was equal. */
static uint64_t replace(struct adopt *a, uint64_t from, uint64_t to)
{
    uint64_t run = from, done = from, end;
    unsigned differ = 0;

    for (uint64_t at = from; at < to && differ < DIFFER; at = end) {
        end = to - at < PIECE ? to : at + PIECE;
        if (chunks_full(a, at, end) && is_equal(a, at, (size_t)(end - at))) {
            done = end;
            continue;
        }
        map_run(a, run, at);
        run = end;
        differ++;
    }
    if (run < done)
        map_run(a, run, done);
    return done;
}

/* A close look may cost more than one step's reading would, but a block needs it only once:
 * asked again, it is affordable. */
static bool replaceable(void *addr, size_t len)
{
    enum oc_vma_verdict verdict = OC_VMA_COSTLY;

    for (int i = 0; i < LOOKS && verdict == OC_VMA_COSTLY; i++)
        verdict = oc_vma_lendable(addr, len, NULL);
    return verdict == OC_VMA_LENDABLE;
}

/* The memory is looked at, compared and replaced while nothing else of the process runs. */
static uint64_t replace_undisturbed(struct adopt *a, uint64_t from, uint64_t to)
{
    struct oc_sys_mask before;
    uint64_t done = from;

    oc_sys_hold_signals(&before);
    if (oc_sys_single_threaded() && replaceable(memory(a, from), (size_t)(to - from))) {
        a->floor = oc_vma_floor(memory(a, from));
        done = replace(a, from, to);
    }
    oc_sys_let_signals(&before);
    return done;
}

static uint64_t with_scratch(struct adopt *a, uint64_t from, uint64_t to)
{
    struct oc_fill *f = &a->fill;
    uint64_t done = from;
    size_t len;

    f->since = from;
    f->until = to;
    f->first = from / OC_CHUNK;
    f->count = (to - 1) / OC_CHUNK + 1 - f->first;
    len = (size_t)oc_page_up(OC_CHUNK + f->count);
    f->buffer = oc_sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (oc_sys_failed(f->buffer))
        return from;
    f->use = (uint8_t *)f->buffer + OC_CHUNK;
    oc_fill(f);
    done = replace_undisturbed(a, from, to);
    oc_sys_munmap(f->buffer, len);
    return done;
}

static void count(const struct adopt *a, struct oc_file *file)
{
    struct oc_thread *t = oc_thread();

    if (!t)
        return;
    oc_count(&t->count.filled_bytes, a->fill.done);
    oc_count(&t->count.lent_calls, a->lent != 0);
    oc_count(&t->count.lent_bytes, a->lent);
    if (!oc_accounting())
        return;
    oc_account_bytes(file, a->fill.file_fd, OC_ACCOUNT_FILLED, a->fill.done);
    if (a->lent) {
        oc_account_add(file, a->fill.file_fd, OC_ACCOUNT_LENT, a->lent);
        oc_account_use(file, a->fill.file_fd, "compared", "kept in memory");
    }
}

static uint64_t with_image(struct oc_file *file, struct adopt *a, const struct oc_identity *id,
                           uint64_t from, uint64_t to)
{
    const char *why = "too many mappings, or rewritten in memory";
    struct oc_lock_state st;
    uint64_t done = from;
    bool open;

    if (!atomic_exchange_explicit(&file->recalled, true, memory_order_relaxed))
        oc_written_recall(id);
    oc_lock(&st);
    open = oc_lent_room() && !oc_written_mostly(id);
    oc_unlock(&st);
    if (open)
        a->image = oc_image_open(id, (unsigned)(a->base & (oc_page - 1)), id->size,
                                 &a->fill.image_fd, &why);
    if (a->image) {
        a->fill.image = a->image;
        a->fill.file_size = id->size;
        a->fill.on_disk = file->kind == OC_FS_DISK || file->kind == OC_FS_READ_ONLY;
        done = with_scratch(a, from, to);
        oc_image_done(a->image, a->fill.image_fd);
        count(a, file);
        why = "compared";
    }
    oc_log(OC_LOG_DEBUG, "file %llu:%llu, kept in memory: %llu to %llu, %llu lent: %s",
           (unsigned long long)file->dev, (unsigned long long)file->ino, (unsigned long long)from,
           (unsigned long long)to, (unsigned long long)a->lent, why);
    return done;
}

/* Before anything is filled for it: do a few bytes of the middle lie there? */
static bool likely(int fd, uintptr_t base, uint64_t from, uint64_t to)
{
    uint64_t at = from + (to - from) / 2;
    char there[SAMPLE], right[SAMPLE];

    return to - at >= SAMPLE && oc_guard_ready() &&
           oc_guard_copy(there, (const void *)(base + (uintptr_t)at), SAMPLE) &&
           oc_sys_pread_all(fd, right, SAMPLE, at) == SAMPLE && memcmp(there, right, SAMPLE) == 0;
}

/* What moved with a block that grew is lent already.  The first gap in it at or behind *FROM,
 * and before TO; 0: no gap that is worth it. */
static uint64_t next_gap(uintptr_t base, uint64_t *from, uint64_t to)
{
    while (*from < to) {
        uintptr_t end = oc_lent_end((void *)(base + (uintptr_t)*from)), next;

        if (end) {
            *from = end - base;
            continue;
        }
        next = oc_lent_next((void *)(base + (uintptr_t)*from));
        end = next < base + to ? next : base + (uintptr_t)to;
        if (end - (base + *from) >= PIECE)
            return end - base;
        *from = end - base;
    }
    return 0;
}

uint64_t oc_adopt(struct oc_file *file, int fd, uintptr_t base, uint64_t from, uint64_t to)
{
    struct oc_identity id;
    uint64_t at, last, end, done = from;

    if (oc_identity_of(fd, &id) < 0 || id.dev != file->dev || id.ino != file->ino)
        return from;
    if (to > id.size)
        to = id.size;
    at = oc_page_up(base + from) - base;
    last = oc_page_down(base + to) - base;
    if (from >= to || at >= last)
        return from;
    if (!next_gap(base, &at, last))
        return to;
    while ((end = next_gap(base, &at, last))) {
        struct adopt a = {.base = base, .fill = {.file_fd = fd}};
        uint64_t equal = likely(fd, base, at, end) ? with_image(file, &a, &id, at, end) : at;

        if (equal > at)
            done = equal;
        at = end;
    }
    return done;
}
