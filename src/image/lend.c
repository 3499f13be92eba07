/*
 * A big read served by lending, in four steps: is the buffer's memory fit for
 * it; is there an image of the file at the buffer's shift; are its chunks full
 * (fill.c); and then, in the file's order, each piece of the range is either
 * mapped, when the image is known to hold what read() would give, or read
 * plainly.  Nothing changes behind the byte that is returned as the last.
 */
#include "image/lend.h"

#include <signal.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/probe.h"
#include "base/sys.h"
#include "base/thread.h"
#include "base/vma.h"
#include "file/account.h"
#include "image/fill.h"
#include "image/first.h"
#include "image/lent.h"
#include "image/moment.h"
#include "image/reread.h"
#include "image/seam.h"
#include "image/stream.h"
#include "image/trust.h"
#include "image/written.h"

#define COMPARE_PIECE ((uint64_t)64 << 10) /* two of them fit a second-level cache */
#define WINDOW        ((uint64_t)8 << 20)

struct lend {
    const struct oc_lend_request *request;
    uint64_t from, to; /* bytes of the file: of the request, or a window of it */
    bool touched;
    bool reread; /* the buffer is lent already */
    struct oc_identity id;
    enum oc_trust trust;
    const char *why_trust;
    void *floor;
    struct oc_image *image;
    struct oc_fill fill; /* with the scratch buffer, and what may be done with each chunk */

    uint64_t begin; /* a moment of the call, before which nothing was read */

    uint64_t run, at; /* [run, at) may be mapped and is not yet; before it all is done */
    bool stop;        /* the file ended early, or there was an error: nothing behind AT */
    uint64_t lent, compared, differed, trusted_bytes;
};

static char *place_in_buffer(const struct lend *l, uint64_t off)
{
    return (char *)l->request->buf + (intptr_t)(off - l->request->off);
}

/* ---- the range in its order ---- */

/* [at, to) by the program's descriptor, straight into the buffer. */
static void read_plainly(struct lend *l, uint64_t at, uint64_t to)
{
    ssize_t got;

    if (at == to || l->stop)
        return;
    got = oc_sys_pread_once(l->request->fd, place_in_buffer(l, at), (size_t)(to - at), at);
    l->at = l->run = at + (got > 0 ? (uint64_t)got : 0);
    l->stop = l->at < to;
}

/* Whole pages. False: the memory is as it was. */
static bool map_pages(struct lend *l, uint64_t at, uint64_t to)
{
    struct oc_lock_state st;
    char *addr = place_in_buffer(l, at);
    size_t len = (size_t)(to - at);
    uint64_t place = oc_image_place(l->image, at);
    bool mapped;

    oc_lock(&st);
    mapped = oc_lent_room() && oc_image_map(l->image, l->fill.image_fd, addr, len, place);
    if (mapped)
        oc_lent_add(addr, len, l->image, place, l->floor);
    oc_unlock(&st);
    return mapped;
}

/* The odd bytes at an end of what may be mapped: the image's, so that the file needs no page in
 * the cache for them. */
static void copy_end(struct lend *l, uint64_t at, uint64_t to)
{
    const ssize_t n = (ssize_t)(to - at);

    if (at == to)
        return;
    if (!l->stop && oc_sys_pread_all(l->fill.image_fd, place_in_buffer(l, at), (size_t)n,
                                     oc_image_place(l->image, at)) == n)
        l->run = l->at = to;
    else
        read_plainly(l, at, to);
}

static void map_or_read(struct lend *l, uint64_t at, uint64_t to)
{
    if (l->stop)
        return;
    if (map_pages(l, at, to)) {
        l->lent += to - at;
        l->run = l->at = to;
    } else {
        oc_sys_fill_hole(place_in_buffer(l, at), (size_t)(to - at), PROT_READ | PROT_WRITE);
        read_plainly(l, at, to);
    }
}

/* A smaller run is not worth a mapping. */
static uint64_t smallest_run(void)
{
    return oc_options.lend_min / 2 < COMPARE_PIECE ? oc_options.lend_min / 2 : COMPARE_PIECE;
}

/* The page before AT is complete now, half read by an earlier call: with it, if that can
 * be.  False: nothing was done. */
static bool map_with_seam(struct lend *l, uint64_t at, uint64_t to)
{
    char *page = place_in_buffer(l, at) - oc_page;
    uint64_t place = oc_image_place(l->image, at) - oc_page;
    struct oc_sys_mask before;
    bool heals, mapped;

    if (l->stop || at - l->from >= oc_page || at == l->from)
        return false;
    /* A signal handler could store to the page in between, as another thread could. */
    oc_sys_hold_signals(&before);
    heals = oc_seam_heals(page, l->image, l->fill.image_fd, place, l->fill.buffer);
    mapped = heals && map_pages(l, at - oc_page, to);
    if (heals && !mapped &&
        oc_sys_fill_hole(page, oc_page + (size_t)(to - at), PROT_READ | PROT_WRITE))
        oc_sys_pread_all(l->fill.image_fd, page, oc_page, place);
    oc_sys_let_signals(&before);
    if (!mapped)
        return false;
    l->lent += to - at;
    l->run = l->at = to;
    return true;
}

/* Map the whole pages of the run that has gathered, and copy its odd ends. */
static void flush(struct lend *l)
{
    uint64_t run = l->run, end = l->at;
    uintptr_t from = (uintptr_t)place_in_buffer(l, run), to = from + (uintptr_t)(end - run);
    uint64_t head = oc_page_up(from) - from, tail = to - oc_page_down(to);

    if (l->stop)
        return;
    if (end - run < head + tail + smallest_run()) {
        copy_end(l, run, end);
        return;
    }
    copy_end(l, run, run + head);
    if (end - run > head + tail && !map_with_seam(l, run + head, end - tail))
        map_or_read(l, run + head, end - tail);
    copy_end(l, end - tail, end);
    if (!l->stop)
        l->run = l->at = end;
}

static bool same(struct lend *l, uint64_t at, size_t n)
{
    char *ours = l->fill.buffer, *theirs = ours + COMPARE_PIECE;

    return oc_sys_pread_all(l->request->fd, theirs, n, at) == (ssize_t)n &&
           oc_sys_pread_all(l->fill.image_fd, ours, n, oc_image_place(l->image, at)) ==
               (ssize_t)n &&
           memcmp(ours, theirs, n) == 0;
}

/* False: somewhere it differed, and was read plainly. */
static bool compare(struct lend *l, uint64_t to)
{
    bool all = true;

    while (l->at < to && !l->stop) {
        uint64_t at = l->at;
        uint64_t n = to - at < COMPARE_PIECE ? to - at : COMPARE_PIECE;

        l->compared += n;
        if (same(l, at, (size_t)n)) {
            l->at += n;
            continue;
        }
        all = false;
        l->differed += n;
        flush(l);
        read_plainly(l, at, at + n);
    }
    return all && !l->stop;
}

static bool trusted(const struct lend *l, uint8_t use)
{
    return use != OC_CHUNK_DOUBTED &&
           (l->trust == OC_TRUST_VOUCHED || (l->trust == OC_TRUST_OLD && use == OC_CHUNK_SURE));
}

/* Is every byte of the chunk one that was asked for? */
static bool covers(const struct lend *l, uint64_t chunk)
{
    uint64_t end = (chunk + 1) * OC_CHUNK;

    return l->from <= chunk * OC_CHUNK && l->to >= (end < l->id.size ? end : l->id.size);
}

static void serve_chunk(struct lend *l, uint64_t chunk)
{
    uint64_t end = (chunk + 1) * OC_CHUNK, at = l->at;
    uint8_t *use = &l->fill.use[chunk - l->fill.first];

    if (end > l->to)
        end = l->to;
    switch ((enum oc_chunk_use) * use) {
    case OC_CHUNK_OURS:
        l->at = end;
        break;
    case OC_CHUNK_SURE:
    case OC_CHUNK_THERE:
    case OC_CHUNK_DOUBTED:
        if (trusted(l, *use)) {
            l->trusted_bytes += end - at;
            l->at = end;
        } else if (*use != OC_CHUNK_DOUBTED &&
                   oc_image_filled_since(l->image, l->fill.image_fd, chunk, l->begin)) {
            l->trusted_bytes += end - at;
            *use = OC_CHUNK_OURS;
            l->at = end;
        } else if (compare(l, end) && covers(l, chunk)) {
            *use = OC_CHUNK_OURS;
        }
        break;
    default:
        flush(l);
        read_plainly(l, at, end);
        break;
    }
}

static void serve_range(struct lend *l)
{
    l->run = l->at = l->from;
    while (l->at < l->to && !l->stop)
        serve_chunk(l, l->at / OC_CHUNK);
    flush(l);
}

/* ---- what it needs ---- */

static void count(const struct lend *l)
{
    struct oc_thread *t = oc_thread();

    if (!t)
        return;
    oc_count(&t->count.filled_bytes, l->fill.done);
    oc_count(&t->count.compared_bytes, l->compared);
    oc_count(&t->count.differed_bytes, l->differed);
    oc_count(&t->count.trusted_bytes, l->trusted_bytes);
    if (l->lent) {
        oc_count(&t->count.lent_calls, l->from == l->request->off);
        oc_count(&t->count.lent_bytes, l->lent);
    }
}

static void account(const struct lend *l)
{
    struct oc_file *file = l->request->file;
    int fd = l->request->fd;

    if (!oc_accounting())
        return;
    oc_account_bytes(file, fd, OC_ACCOUNT_FILLED, l->fill.done);
    oc_account_bytes(file, fd, OC_ACCOUNT_COMPARED, l->compared);
    oc_account_bytes(file, fd, OC_ACCOUNT_DIFFERED, l->differed);
    oc_account_bytes(file, fd, OC_ACCOUNT_TRUSTED, l->trusted_bytes);
    if (!l->lent)
        return;
    oc_account_add(file, fd, OC_ACCOUNT_LENT, l->lent);
    oc_account_use(file, fd, l->trust == OC_TRUST_NONE ? "compared" : "trusted", l->why_trust);
}

static void report(const struct lend *l)
{
    struct oc_file *file = l->request->file;
    struct oc_lock_state st;
    bool first;

    oc_lock(&st);
    first = file->lent_total == 0 && l->lent;
    file->lent_total += l->lent;
    oc_unlock(&st);
    if (first)
        oc_log(OC_LOG_INFO, "lending file %llu:%llu, %llu bytes, shift %u, %s (%s)",
               (unsigned long long)l->id.dev, (unsigned long long)l->id.ino,
               (unsigned long long)l->id.size, oc_image_shift(l->image),
               l->trust == OC_TRUST_NONE ? "compared" : "trusted", l->why_trust);
    oc_log(OC_LOG_DEBUG,
           "file %llu:%llu, descriptor %d: %llu bytes at %llu, shift %u, %llu lent, %llu filled",
           (unsigned long long)l->id.dev, (unsigned long long)l->id.ino, l->request->fd,
           (unsigned long long)(l->at - l->from), (unsigned long long)l->from,
           oc_image_shift(l->image), (unsigned long long)l->lent, (unsigned long long)l->fill.done);
    OC_PROBE(lend, l->id.dev, l->id.ino, l->from, l->at - l->from, l->request->buf, l->lent,
             oc_image_shift(l->image), l->trust != OC_TRUST_NONE);
}

/* An image that holds other bytes again and again (stores through somebody's mapping,
 * which times do not show) costs more than it gives. */
static void judge(const struct lend *l)
{
    if (l->differed > l->compared / 2)
        atomic_store_explicit(&l->request->file->no_lend, true, memory_order_relaxed);
}

/* What this call filled or compared while the file was old, and is the same file still,
 * need not be compared by anyone again. */
static void settle(struct lend *l)
{
    struct oc_identity now;

    if (l->trust != OC_TRUST_OLD || oc_identity_of(l->request->fd, &now) < 0 ||
        !oc_identity_equal(&now, &l->id))
        return;
    for (uint64_t i = 0; i < l->fill.count; i++)
        if (l->fill.use[i] == OC_CHUNK_OURS)
            oc_image_settle(l->image, l->fill.image_fd, l->fill.first + i);
}

/* -1: no chunk of it is full, or nothing could be read; the kernel will do. */
static ssize_t serve(struct lend *l, const char **why)
{
    const uint8_t *use = l->fill.use;
    uint64_t usable = 0;

    oc_fill(&l->fill);
    for (uint64_t i = 0; i < l->fill.count; i++)
        usable += use[i] != OC_CHUNK_PLAIN;
    *why = "no room in the image";
    if (usable)
        serve_range(l);
    count(l);
    account(l);
    if (!usable)
        return -1;
    settle(l);
    report(l);
    judge(l);
    *why = "nothing read";
    return l->at > l->from ? (ssize_t)(l->at - l->from) : -1;
}

/*
 * Memory for one call: a chunk to fill or two pieces to compare, and the chunks' uses.
 * One such piece is kept from call to call, since touching it anew costs as much as
 * reading it; and until nothing is lent any more, if that was so much that giving it back is not
 * worth mentioning.
 */
#define WORTH_RESTING ((uint64_t)8 << 20)

static char *_Atomic spare;
static _Atomic uint64_t lent_since_rest;

static size_t spare_size(void)
{
    return OC_CHUNK + oc_page;
}

static char *take_scratch(size_t len)
{
    char *scratch = NULL;

    if (len <= spare_size())
        scratch = atomic_exchange_explicit(&spare, NULL, memory_order_acquire);
    if (!scratch)
        scratch =
            oc_sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return scratch;
}

static void give_scratch(char *scratch, size_t len)
{
    char *none = NULL;

    if (len != spare_size() ||
        !atomic_compare_exchange_strong_explicit(&spare, &none, scratch, memory_order_release,
                                                 memory_order_relaxed))
        oc_sys_munmap(scratch, len);
}

void oc_lend_rest(void)
{
    char *scratch;

    if (atomic_load_explicit(&lent_since_rest, memory_order_relaxed) < WORTH_RESTING)
        return;
    atomic_store_explicit(&lent_since_rest, 0, memory_order_relaxed);
    scratch = atomic_exchange_explicit(&spare, NULL, memory_order_acquire);
    if (scratch)
        oc_sys_munmap(scratch, spare_size());
}

static ssize_t with_scratch(struct lend *l, const char **why)
{
    struct oc_fill *f = &l->fill;
    size_t len;
    ssize_t got;

    f->first = l->from / OC_CHUNK;
    f->count = (l->to - 1) / OC_CHUNK + 1 - f->first;
    len = (size_t)oc_page_up(OC_CHUNK + 2 * f->count);
    *why = "no memory";
    f->buffer = take_scratch(len);
    if (oc_sys_failed(f->buffer))
        return -1;
    f->use = (uint8_t *)f->buffer + OC_CHUNK;
    f->cold = (bool *)f->use + f->count;
    got = serve(l, why);
    atomic_fetch_add_explicit(&lent_since_rest, l->lent, memory_order_relaxed);
    give_scratch(f->buffer, len);
    return got;
}

/* A window ends with a page of the buffer, so that no page is read in two halves. */
static uint64_t window_end(const struct lend *l, uint64_t to)
{
    uintptr_t at = (uintptr_t)place_in_buffer(l, l->from);
    uint64_t n = oc_page_down(at + WINDOW) - at;

    return l->touched && to - l->from > n ? l->from + n : to;
}

static void next_window(struct lend *l)
{
    l->from = l->to;
    l->lent = l->compared = l->differed = l->trusted_bytes = l->fill.done = 0;
}

/*
 * An untouched buffer in one go.  One that the program has filled with zeros already takes
 * memory: it goes window by window as the image grows, or both would be there at once.
 */
static ssize_t in_windows(struct lend *l, const char **why)
{
    const uint64_t to = l->to;
    ssize_t all = 0;

    for (;; next_window(l)) {
        l->to = window_end(l, to);
        if (with_scratch(l, why) < 0) {
            if (l->from == l->request->off)
                return -1;
            l->run = l->at = l->from;
            read_plainly(l, l->from, l->to);
        }
        all += (ssize_t)(l->at - l->from);
        if (l->to == to || l->at < l->to)
            return all;
    }
}

/* NULL: go on. Else why not. */
static const char *book_says_no(struct oc_file *file, const struct oc_identity *id)
{
    struct oc_lock_state st;
    const char *why = NULL;

    if (!atomic_exchange_explicit(&file->recalled, true, memory_order_relaxed))
        oc_written_recall(id);
    oc_lock(&st);
    if (!oc_lent_room())
        why = "too many mappings";
    else if (oc_written_mostly(id))
        why = "rewritten in memory";
    oc_unlock(&st);
    return why;
}

static ssize_t with_image(struct lend *l, const char **why)
{
    uint64_t origin = (uintptr_t)l->request->buf - l->from;
    ssize_t got;

    *why = book_says_no(l->request->file, &l->id);
    if (*why)
        return -1;
    l->image = oc_image_open(&l->id, origin, l->id.size, &l->fill.image_fd, why);
    if (!l->image)
        return -1;
    l->fill.image = l->image;
    l->trust = oc_trust(l->request->file->rule, l->request->file->kind, &l->id,
                        oc_image_home(l->image), &l->why_trust);
    if (l->trust != OC_TRUST_VOUCHED)
        l->begin = oc_moment();
    l->fill.file_fd = l->request->fd;
    l->fill.file_size = l->id.size;
    l->fill.since = l->from;
    l->fill.until = l->to;
    l->fill.trusted = l->trust != OC_TRUST_NONE;
    l->fill.on_disk =
        l->request->file->kind == OC_FS_DISK || l->request->file->kind == OC_FS_READ_ONLY;
    got = in_windows(l, why);
    oc_image_done(l->image, l->fill.image_fd);
    return got;
}

static void stream_seen(const struct lend *l)
{
    struct oc_file *file = l->request->file;

    if (oc_stream_seen(file) && !atomic_load_explicit(&file->loaded, memory_order_relaxed))
        oc_first_was_stream(&l->id);
}

static bool is_streams(const struct lend *l, const char **why)
{
    struct oc_file *file = l->request->file;
    struct oc_first piece = {.file = file,
                             .id = &l->id,
                             .buf = (uintptr_t)l->request->buf,
                             .from = l->from,
                             .to = l->to};

    piece.sign = oc_stream_note(file, piece.buf, l->from, l->to);
    if (piece.sign == OC_STREAM_REUSED)
        stream_seen(l);
    if (atomic_load_explicit(&file->no_lend, memory_order_relaxed))
        return true;
    if (piece.sign != OC_STREAM_REUSED)
        *why = "first piece";
    return oc_first_waits(&piece);
}

/* The buffer's whole pages, when they may be replaced. */
static bool memory_fits(struct lend *l, const char **why)
{
    uintptr_t buf = (uintptr_t)l->request->buf;
    uintptr_t first = oc_page_up(buf), last = oc_page_down(buf + (l->to - l->from));
    enum oc_vma_verdict verdict;

    *why = "small";
    if (first >= last)
        return false;
    verdict = oc_vma_lendable((void *)first, last - first, &l->touched);
    *why = "reused buffer";
    if (verdict == OC_VMA_FOREIGN && oc_lent_overlaps((void *)first, last - first)) {
        stream_seen(l);
        /* Pages that somebody has pinned have to stay where they are. */
        l->reread = !oc_vma_may_be_pinned();
        return false;
    }
    if (verdict == OC_VMA_LENDABLE && is_streams(l, why))
        return false;
    *why = oc_vma_word(verdict);
    if (verdict != OC_VMA_LENDABLE)
        return false;
    l->floor = oc_vma_floor((void *)first);
    return true;
}

/* Whoever serves a file system need not say the true size, and a read by direct I/O does not
 * care for what he says. */
static bool ends_at(const struct oc_lend_request *rq, uint64_t size)
{
    char byte;

    return rq->file->kind != OC_FS_OTHER || oc_sys_pread(rq->fd, &byte, 1, size) == 0;
}

/* The part of the file that read() would give now. */
static bool find_range(struct lend *l, const char **why)
{
    const struct oc_lend_request *rq = l->request;
    const uint64_t most = (uint64_t)INT32_MAX & ~(uint64_t)(oc_page - 1); /* MAX_RW_COUNT */
    uint64_t n = rq->len < most ? rq->len : most;

    *why = "no identity";
    if (oc_identity_of(rq->fd, &l->id) < 0)
        return false;
    *why = "another file";
    if (l->id.dev != rq->file->dev || l->id.ino != rq->file->ino)
        return false;
    *why = "small";
    if (rq->off >= l->id.size)
        return false;
    if (n > l->id.size - rq->off) {
        *why = "longer than its size";
        if (!ends_at(rq, l->id.size))
            return false;
        *why = "small";
        n = l->id.size - rq->off;
    }
    l->from = rq->off;
    l->to = rq->off + n;
    return n >= oc_options.lend_min && (uintptr_t)rq->buf <= UINTPTR_MAX - n;
}

/* What is lent already becomes memory of the program's own, and the image may go. */
static ssize_t read_anew(const struct lend *l)
{
    const struct oc_lend_request *rq = l->request;
    ssize_t got = oc_reread(rq->fd, rq->buf, (size_t)(l->to - l->from), l->from);
    struct oc_thread *t = oc_thread();

    if (got < 0)
        return -1;
    if (t) {
        oc_count(&t->count.kernel_calls, 1);
        oc_count(&t->count.kernel_bytes, (uint64_t)got);
    }
    if (oc_accounting())
        oc_account_add(rq->file, rq->fd, OC_ACCOUNT_KERNEL, (uint64_t)got);
    return got;
}

ssize_t oc_lend_read(const struct oc_lend_request *request, const char **why)
{
    struct oc_file *file = request->file;
    struct lend l = {.request = request};

    *why = "switched off";
    if (!oc_options.lend || !file->rule->lend)
        return -1;
    *why = "not worth it";
    if (atomic_load_explicit(&file->no_lend, memory_order_relaxed))
        return -1;
    *why = "small";
    if (request->len < oc_options.lend_min)
        return -1;
    *why = oc_vma_word(OC_VMA_COSTLY);
    if (oc_vma_is_refused(request->buf, request->len))
        return -1;
    if (!find_range(&l, why))
        return -1;
    if (memory_fits(&l, why))
        return with_image(&l, why);
    return l.reread ? read_anew(&l) : -1;
}
