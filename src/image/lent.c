/*
 * The book of lent memory: which image is mapped where.
 *
 * A sorted array, changed under oc_lock, searched without: a sequence number
 * that is odd during changes tells a searcher that it may have been misled, and
 * it then asks under the lock.  The book is allowed to be wrong in one direction
 * only, by naming memory that is no longer ours (libc frees big blocks by a
 * munmap of its own): so before anything is done to memory, the kernel is asked
 * whether our image is still mapped there.
 */
#include "image/lent.h"

#include <string.h>

#include "base/lines.h"
#include "base/lock.h"
#include "base/maps.h"
#include "base/own.h"
#include "base/spare.h"
#include "base/sys.h"
#include "base/vma.h"
#include "image/lend.h"
#include "image/over.h"
#include "image/record.h"
#include "image/written.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum {
    LENT_MAX = 8192,     /* mappings made by lending */
    SLOTS = 2 * LENT_MAX /* records: cutting one in two takes another */
};

struct lent {
    uintptr_t start, end;
    struct oc_image *image;
    uint64_t place;    /* of start, in the image's file */
    unsigned mappings; /* about so many make it up */
};

static struct lent book[SLOTS];
static unsigned records;
static unsigned mappings;
static _Atomic unsigned sequence;
static _Atomic uint64_t bytes;
static _Atomic bool ever;

_Atomic uintptr_t oc_lent_lo = UINTPTR_MAX;
_Atomic uintptr_t oc_lent_hi = 0;
_Atomic uintptr_t oc_lent_block_lo = UINTPTR_MAX;

uint64_t oc_lent_bytes(void)
{
    return atomic_load_explicit(&bytes, memory_order_relaxed);
}

bool oc_lent_ever(void)
{
    return atomic_load_explicit(&ever, memory_order_relaxed);
}

/* ---- searching ---- */

/* The first record that ends behind ADDR.  Safe, if not right, beside a writer. */
static size_t first_after(uintptr_t addr)
{
    size_t low = 0, high = __atomic_load_n(&records, __ATOMIC_RELAXED);

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (__atomic_load_n(&book[mid].end, __ATOMIC_RELAXED) > addr)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

bool oc_lent_overlaps(const void *addr, size_t len)
{
    unsigned before = atomic_load_explicit(&sequence, memory_order_acquire);
    size_t i;
    bool found;

    if (!oc_lent_maybe(addr, len))
        return false;
    i = first_after((uintptr_t)addr);
    found = i < __atomic_load_n(&records, __ATOMIC_RELAXED) &&
            __atomic_load_n(&book[i].start, __ATOMIC_RELAXED) < (uintptr_t)addr + len;
    atomic_thread_fence(memory_order_acquire);
    return found || before & 1 || atomic_load_explicit(&sequence, memory_order_relaxed) != before;
}

/* ---- changing, under the lock ---- */

static void begin_change(void)
{
    atomic_fetch_add_explicit(&sequence, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void end_change(void)
{
    atomic_store_explicit(&oc_lent_lo, records ? book[0].start : UINTPTR_MAX, memory_order_relaxed);
    atomic_store_explicit(&oc_lent_hi, records ? book[records - 1].end : 0, memory_order_relaxed);
    if (!records)
        atomic_store_explicit(&oc_lent_block_lo, UINTPTR_MAX, memory_order_relaxed);
    atomic_fetch_add_explicit(&sequence, 1, memory_order_release);
}

static void count_bytes(uintptr_t from, uintptr_t to, bool added)
{
    if (added)
        atomic_fetch_add_explicit(&bytes, to - from, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&bytes, to - from, memory_order_relaxed);
}

static void insert(size_t i, const struct lent *record)
{
    memmove(&book[i + 1], &book[i], (records - i) * sizeof(book[0]));
    book[i] = *record;
    records++;
    oc_image_hold(record->image);
}

/* Records [from, to) go. */
static void erase(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        count_bytes(book[i].start, book[i].end, false);
        mappings -= book[i].mappings;
        oc_image_unhold(book[i].image);
    }
    memmove(&book[from], &book[to], (records - to) * sizeof(book[0]));
    records -= (unsigned)(to - from);
}

/* A hole in the middle of a record.  With no slot left it stays as it is: wrong, but in
 * the direction that is allowed. */
static void split(size_t i, uintptr_t from, uintptr_t to)
{
    struct lent rest = book[i];

    if (records == SLOTS)
        return;
    rest.place += to - rest.start;
    rest.start = to;
    rest.mappings = 1;
    book[i].end = from;
    count_bytes(from, to, false);
    mappings++;
    insert(i + 1, &rest);
}

static void cut_records(uintptr_t from, uintptr_t to)
{
    size_t i = first_after(from), j;

    if (book[i].start < from && book[i].end > to) {
        split(i, from, to);
    } else {
        if (book[i].start < from) {
            count_bytes(from, book[i].end, false);
            book[i++].end = from;
        }
        for (j = i; j < records && book[j].end <= to; j++)
            ;
        if (j < records && book[j].start < to) {
            count_bytes(book[j].start, to, false);
            book[j].place += to - book[j].start;
            book[j].start = to;
        }
        erase(i, j);
    }
}

/* Nothing of [from, to) is lent any more; images of which nothing else is are left. */
static void cut(uintptr_t from, uintptr_t to)
{
    size_t i = first_after(from);

    if (i == records || book[i].start >= to)
        return;
    begin_change();
    cut_records(from, to);
    end_change();
    oc_image_leave_unused();
    if (!records)
        oc_lend_rest();
}

bool oc_lent_room(void)
{
    static unsigned most; /* an eighth of what the kernel allows */

    if (!most) {
        struct oc_lines lines;
        const char *line;
        uint64_t limit = 65530;
        int fd = oc_own_open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC, 0);

        if (fd >= 0) {
            oc_lines_begin(&lines, fd);
            line = oc_lines_next(&lines);
            if (!line || !oc_scan_dec(&line, &limit))
                limit = 65530;
            oc_own_close(fd);
        }
        most = limit / 8 < LENT_MAX ? (unsigned)(limit / 8) + 1 : LENT_MAX;
    }
    return mappings < most && records < LENT_MAX;
}

/* Does RECORD go on where START would begin? */
static bool joins(const struct lent *record, uintptr_t start, const struct oc_image *image,
                  uint64_t place)
{
    return record->end == start && record->image == image &&
           record->place + (record->end - record->start) == place;
}

bool oc_lent_continues(const void *addr, const struct oc_image *image, uint64_t place)
{
    struct oc_lock_state st;
    size_t i;
    bool found;

    oc_lock(&st);
    i = first_after((uintptr_t)addr);
    found = i && joins(&book[i - 1], (uintptr_t)addr, image, place);
    oc_unlock(&st);
    return found;
}

/* Is what was mapped at START one mapping with what is before it? */
static bool merged(uintptr_t start)
{
    struct oc_map map;
    bool one = false;
    int fd = oc_maps_open();

    if (fd >= 0) {
        one = oc_maps_find(fd, start, &map) == 0 && map.start < start;
        oc_own_close(fd);
    }
    return one;
}

struct oc_image *oc_lent_image(const void *addr, size_t len, uint64_t *place)
{
    uintptr_t from = (uintptr_t)addr;
    size_t i = first_after(from);

    if (i == records || book[i].start > from || book[i].end < from + len)
        return NULL;
    *place = book[i].place + (from - book[i].start);
    return book[i].image;
}

uintptr_t oc_lent_end(const void *addr)
{
    struct oc_lock_state st;
    uintptr_t end = 0;
    size_t i;

    oc_lock(&st);
    i = first_after((uintptr_t)addr);
    if (i < records && book[i].start <= (uintptr_t)addr)
        end = book[i].end;
    oc_unlock(&st);
    return end;
}

uintptr_t oc_lent_next(const void *addr)
{
    struct oc_lock_state st;
    uintptr_t next;
    size_t i;

    oc_lock(&st);
    i = first_after((uintptr_t)addr);
    if (i < records && book[i].start <= (uintptr_t)addr)
        i++;
    next = i < records ? book[i].start : UINTPTR_MAX;
    oc_unlock(&st);
    return next;
}

void oc_lent_add(void *addr, size_t len, struct oc_image *image, uint64_t place, void *floor)
{
    atomic_store_explicit(&ever, true, memory_order_relaxed);
    uintptr_t start = (uintptr_t)addr;
    struct lent record = {
        .start = start, .end = start + len, .image = image, .place = place, .mappings = 1};
    size_t i;

    cut(start, start + len); /* what was there is stale */
    begin_change();
    i = first_after(start);
    if (i && joins(&book[i - 1], start, image, place)) {
        record.mappings = !merged(start);
        book[i - 1].end = start + len;
        book[i - 1].mappings += record.mappings;
    } else {
        insert(i, &record);
    }
    mappings += record.mappings;
    count_bytes(start, start + len, true);
    if ((uintptr_t)floor < atomic_load_explicit(&oc_lent_block_lo, memory_order_relaxed))
        atomic_store_explicit(&oc_lent_block_lo, (uintptr_t)floor, memory_order_relaxed);
    end_change();
}

/* ---- what the kernel says ---- */

/* A piece of memory, within one mapping, in which a record is still true. */
struct piece {
    uintptr_t start, end;
    int prot;
    struct oc_image *image;
    uint64_t place;
};

/* 0: go on. A negated errno: stop here. */
typedef int act_fn(const struct piece *piece, void *arg);

static bool still_true(const struct lent *record, const struct oc_map *map, uintptr_t at)
{
    const struct oc_image_file *file = &record->image->file;

    return map->ino == file->map_ino && map->dev == file->map_dev && !map->shared &&
           map->off + (at - map->start) == record->place + (at - record->start);
}

/* The first true piece of the record at or behind *at and before TO; moves *at behind it,
 * or behind the record when there is none. */
static int next_piece(int fd, const struct lent *record, uintptr_t *at, uintptr_t to,
                      struct piece *piece)
{
    struct oc_map map;
    int ret;

    if (to > record->end)
        to = record->end;
    piece->start = piece->end = *at = *at > record->start ? *at : record->start;
    ret = oc_maps_find(fd, *at, &map);
    if (ret < 0 && ret != -ENOENT)
        return ret;
    if (ret == -ENOENT || map.start >= to) {
        *at = to;
        return 0;
    }
    piece->start = *at > map.start ? *at : (uintptr_t)map.start;
    piece->end = to < map.end ? to : (uintptr_t)map.end;
    *at = piece->end;
    if (!still_true(record, &map, piece->start))
        piece->end = piece->start;
    piece->prot = map.prot;
    piece->image = record->image;
    piece->place = record->place + (piece->start - record->start);
    return 0;
}

/* What to do with each piece that is truly lent in [from, to), which may change the book there. */
struct walk {
    uintptr_t from, to;
    act_fn *act;
    void *arg;
    uintptr_t done; /* how far it got */
};

static int walk(int fd, void *p)
{
    struct walk *w = p;
    uintptr_t at = w->from;
    int ret = 0;

    while (ret == 0 && at < w->to) {
        size_t i = first_after(at);
        struct piece piece;

        if (i == records || book[i].start >= w->to) {
            at = w->to;
        } else {
            struct lent record = book[i];

            ret = next_piece(fd, &record, &at, w->to, &piece);
            if (ret == 0 && piece.start < piece.end)
                ret = w->act(&piece, w->arg);
        }
        if (ret == 0)
            w->done = at;
    }
    return ret;
}

/* Not where no descriptor is left. */
static int for_each_piece(uintptr_t from, uintptr_t to, act_fn *act, void *arg)
{
    struct walk w = {from, to, act, arg, from};
    int ret, fd = oc_maps_open();

    if (fd < 0)
        return fd;
    ret = walk(fd, &w);
    oc_own_close(fd);
    return ret;
}

/* There, too: for an ACT that needs none. */
static int for_each_piece_in_any_case(uintptr_t from, uintptr_t to, act_fn *act, void *arg,
                                      uintptr_t *done)
{
    struct walk w = {from, to, act, arg, from};
    int ret = oc_spare_with("/proc/self/maps", walk, &w);

    *done = w.done;
    return ret;
}

/* ---- was it rewritten? ---- */

static int look_at_piece(const struct piece *piece, void *arg)
{
    (void)arg;
    oc_written_look(piece->start, piece->end, piece->image);
    return 0;
}

static void look_at_record(const struct lent *record, uintptr_t from, uintptr_t to)
{
    for_each_piece(record->start > from ? record->start : from, record->end < to ? record->end : to,
                   look_at_piece, NULL);
}

/* The longest record of the range stands for it. */
static void look_at_writes(uintptr_t from, uintptr_t to)
{
    const struct lent *best = NULL;

    for (size_t i = first_after(from); i < records && book[i].start < to; i++)
        if (!best || book[i].end - book[i].start > best->end - best->start)
            best = &book[i];
    if (best)
        look_at_record(best, from, to);
}

/* The first record of each image, for a few of them. */
void oc_lent_look_at_all(void)
{
    enum { FEW = 8 };
    const struct oc_image *done[FEW];
    struct oc_lock_state st;
    size_t n = 0, j;

    oc_lock(&st);
    for (size_t i = 0; i < records && n < FEW; i++) {
        for (j = 0; j < n && done[j] != book[i].image; j++)
            ;
        if (j < n)
            continue;
        done[n++] = book[i].image;
        look_at_record(&book[i], 0, UINTPTR_MAX);
    }
    oc_unlock(&st);
}

/* ---- forget ---- */

void oc_lent_forget(void *addr, size_t len)
{
    struct oc_lock_state st;
    uintptr_t from = oc_page_down((uintptr_t)addr), to = oc_page_up((uintptr_t)addr + len);

    if (!oc_lent_overlaps((void *)from, to - from))
        return;
    oc_lock(&st);
    look_at_writes(from, to);
    cut(from, to);
    oc_unlock(&st);
}

/* ---- discard ---- */

/* Neighbouring pieces become one mapping: a block was lent in many. */
struct run {
    uintptr_t start, end;
    int prot;
};

static int make_anonymous(struct run *run)
{
    void *at = (void *)run->start, *p = at;
    size_t len = run->end - run->start;

    if (len)
        p = oc_sys_mmap(at, len, run->prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    run->start = run->end = 0;
    return oc_sys_failed(p) && !oc_sys_fill_hole(at, len, run->prot) ? (int)(intptr_t)p : 0;
}

static int discard_piece(const struct piece *piece, void *arg)
{
    struct run *run = arg;
    int ret = 0;

    if (run->end != piece->start || run->prot != piece->prot) {
        ret = make_anonymous(run);
        *run = (struct run){piece->start, piece->end, piece->prot};
    }
    run->end = piece->end;
    return ret;
}

int oc_lent_discard(void *addr, size_t len)
{
    int ret;
    struct oc_lock_state st;
    uintptr_t from = oc_page_up((uintptr_t)addr), to = oc_page_down((uintptr_t)addr + len), done;
    struct run run = {0, 0, 0};

    if (from >= to || !oc_lent_overlaps((void *)from, to - from))
        return 0;
    oc_lock(&st);
    look_at_writes(from, to);
    ret = for_each_piece_in_any_case(from, to, discard_piece, &run, &done);
    if (ret == 0)
        ret = make_anonymous(&run);
    if (ret == 0)
        cut(from, to);
    oc_unlock(&st);
    return ret;
}

/* ---- materialise ---- */

static int materialise_piece(const struct piece *piece, void *arg)
{
    (void)arg;
    return oc_over_copy(piece->start, piece->end, piece->prot);
}

static int refill_piece(const struct piece *piece, void *arg)
{
    (void)arg;
    return piece->prot == (PROT_READ | PROT_WRITE) ? oc_over_refill(piece->start, piece->end)
                                                   : -EACCES;
}

static int make_own(void *addr, size_t len, act_fn *act)
{
    struct oc_lock_state st;
    uintptr_t from = oc_page_down((uintptr_t)addr), to = oc_page_up((uintptr_t)addr + len), done;
    int ret;

    if (!oc_lent_overlaps((void *)from, to - from))
        return 0;
    oc_lock(&st);
    ret = for_each_piece_in_any_case(from, to, act, NULL, &done);
    cut(from, done);
    oc_unlock(&st);
    return ret;
}

int oc_lent_materialise(void *addr, size_t len)
{
    return make_own(addr, len, materialise_piece);
}

int oc_lent_refill(void *addr, size_t len)
{
    return make_own(addr, len, refill_piece);
}

/* ---- replace ---- */

struct replacement {
    uintptr_t start, end;
    void *with;
    bool done;
};

static int replace_piece(const struct piece *piece, void *arg)
{
    struct replacement *r = arg;

    if (piece->start != r->start || piece->end != r->end || piece->prot != (PROT_READ | PROT_WRITE))
        return 0;
    r->done = oc_over_move(r->with, r->start, r->end - r->start, piece->prot) == 0;
    r->with = NULL;
    return 0;
}

bool oc_lent_replace(void *addr, size_t len, void *with)
{
    struct oc_lock_state st;
    struct replacement r = {(uintptr_t)addr, (uintptr_t)addr + len, with, false};

    oc_lock(&st);
    for_each_piece(r.start, r.end, replace_piece, &r);
    if (r.done)
        cut(r.start, r.end);
    oc_unlock(&st);
    if (r.with)
        oc_sys_munmap(r.with, len);
    return r.done;
}

/* ---- move ---- */

struct move {
    intptr_t by;
    uintptr_t copied; /* up to here everything is at its new place */
    void *floor;
};

static void copy_up_to(struct move *move, uintptr_t to)
{
    if (to > move->copied)
        memcpy((char *)move->copied + move->by, (const void *)move->copied, to - move->copied);
    move->copied = to;
}

/* The old addresses stay mapped all the time (MREMAP_DONTUNMAP), so nobody else can be
 * given them; a kernel that cannot do that (before 5.13) has the bytes copied. */
static int move_piece(const struct piece *piece, void *arg)
{
    struct move *move = arg;
    size_t len = piece->end - piece->start;
    char *to = (char *)piece->start + move->by;
    void *left;
    long ret;

    if (piece->prot != (PROT_READ | PROT_WRITE) || !oc_lent_room())
        return 0;
    ret = oc_syscall(SYS_mremap, (long)piece->start, (long)len, (long)len,
                     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, (long)to, 0);
    if (oc_sys_failed((void *)ret)) {
        oc_sys_fill_hole(to, len, piece->prot);
        return 0;
    }
    copy_up_to(move, piece->start);
    move->copied = piece->end;
    oc_lent_add(to, len, piece->image, piece->place, move->floor);
    left = oc_sys_mmap((void *)piece->start, len, piece->prot,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (!oc_sys_failed(left) || oc_sys_fill_hole((void *)piece->start, len, piece->prot))
        cut(piece->start, piece->end);
    return 0;
}

bool oc_lent_move(void *from, void *to, size_t len)
{
    struct oc_lock_state st;
    uintptr_t start = oc_page_up((uintptr_t)from), end = oc_page_down((uintptr_t)from + len);
    struct move move = {(intptr_t)((uintptr_t)to - (uintptr_t)from), (uintptr_t)from, NULL};

    if ((uintptr_t)move.by & (oc_page - 1) || start >= end ||
        !oc_lent_overlaps((void *)start, end - start) ||
        oc_vma_lendable((char *)start + move.by, end - start, NULL) != OC_VMA_LENDABLE)
        return false;
    move.floor = oc_vma_floor((char *)start + move.by);
    oc_lock(&st);
    for_each_piece(start, end, move_piece, &move);
    oc_unlock(&st);
    copy_up_to(&move, (uintptr_t)from + len);
    return true;
}
