/*
 * Two ways to ask, both of the kernel.  The full one reads smaps, whose VmFlags
 * and ProtectionKey tell special memory from plain; it costs as much as the
 * page tables in front of the buffer are long.  So the mappings found plain are
 * remembered, and memory inside of them is only asked for what PROCMAP_QUERY
 * tells in a microsecond: is it still private, anonymous, readable, writable?
 * And the full way is taken only as often as the bytes to be read pay for it.
 */
#include "base/vma.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/lines.h"
#include "base/lock.h"
#include "base/maps.h"
#include "base/own.h"
#include "base/spare.h"
#include "base/sys.h"

const char *oc_vma_word(enum oc_vma_verdict verdict)
{
    static const char *const words[] = {
        [OC_VMA_LENDABLE] = "lendable memory", [OC_VMA_FOREIGN] = "foreign memory",
        [OC_VMA_SPECIAL] = "special memory",   [OC_VMA_PINNED] = "memory that may be pinned",
        [OC_VMA_UNKNOWN] = "unknown memory",   [OC_VMA_COSTLY] = "too costly to look at",
    };

    return words[verdict];
}

/* ---- one mapping ---- */

static bool plain_name(const char *name)
{
    return !*name || strcmp(name, "[heap]") == 0 || strncmp(name, "[anon:", 6) == 0;
}

static enum oc_vma_verdict judge_map(const struct oc_map *map)
{
    uint64_t here = (uintptr_t)__builtin_frame_address(0);

    if (map->shared || map->ino || map->dev || map->prot != (PROT_READ | PROT_WRITE))
        return OC_VMA_FOREIGN;
    /* The calling thread's stack, which may be any piece of memory. */
    return here >= map->start && here < map->end ? OC_VMA_SPECIAL : OC_VMA_LENDABLE;
}

/* " rd wr mr mw me ac sd": each of them must be known to do no harm. */
static bool plain_flags(const char *flags)
{
    static const char harmless[] = "rd wr mr mw me ac sd hg nh nr mg rr sr ";

    while (*flags == ' ' || *flags == '\t')
        flags++;
    for (; flags[0] && flags[1]; flags += 2) {
        const char *known = harmless;

        while (*known && (known[0] != flags[0] || known[1] != flags[1]))
            known += 3;
        if (!*known)
            return false;
        while (flags[2] == ' ')
            flags++;
    }
    return true;
}

static const char *value_of(const char *line, const char *key)
{
    size_t len = strlen(key);

    return strncmp(line, key, len) == 0 ? line + len : NULL;
}

static bool zero_value(const char *value)
{
    uint64_t number;

    while (*value == ' ' || *value == '\t')
        value++;
    return oc_scan_dec(&value, &number) && number == 0;
}

/* ---- the full way ---- */

struct walk {
    uint64_t from, to;     /* asked for */
    uint64_t first, cover; /* mappings without a gap: from the first one's start up to here */
    enum oc_vma_verdict verdict;
    bool inside;        /* the lines now read belong to one of them */
    bool flags;         /* its VmFlags were seen */
    struct oc_map last; /* of the lines now read */
};

static void begin_map(struct walk *w, const struct oc_map *map, const char *name)
{
    uint64_t expected = w->cover ? w->cover : w->from;

    if (map->end <= w->from)
        return;
    if (w->inside && !w->flags) {
        w->verdict = OC_VMA_UNKNOWN;
        return;
    }
    w->inside = true;
    w->flags = false;
    w->last = *map;
    if (map->start > expected) { /* a gap */
        w->verdict = OC_VMA_FOREIGN;
        return;
    }
    if (!w->cover)
        w->first = map->start;
    w->cover = map->end;
    w->verdict = judge_map(map);
    if (w->verdict == OC_VMA_LENDABLE && !plain_name(name))
        w->verdict = OC_VMA_SPECIAL;
}

static void take_line(struct walk *w, const char *line)
{
    struct oc_map map;
    const char *name, *value;

    if (oc_maps_parse(line, &map, &name)) {
        begin_map(w, &map, name);
    } else if (w->inside && (value = value_of(line, "VmFlags:"))) {
        w->flags = true;
        if (!plain_flags(value))
            w->verdict = OC_VMA_SPECIAL;
    } else if (w->inside && (value = value_of(line, "ProtectionKey:"))) {
        if (!zero_value(value))
            w->verdict = OC_VMA_SPECIAL;
    }
}

static bool walk_done(const struct walk *w)
{
    return w->verdict != OC_VMA_LENDABLE || (w->inside && w->flags && w->cover >= w->to);
}

static const char smaps[] = "/proc/self/smaps";

static int walk_lines(int fd, void *p)
{
    struct walk *w = p;
    struct oc_lines lines;
    const char *line = NULL;

    w->verdict = OC_VMA_LENDABLE;
    oc_lines_begin(&lines, fd);
    while (!walk_done(w) && (line = oc_lines_next(&lines)))
        take_line(w, line);
    if (!line && w->verdict == OC_VMA_LENDABLE && !walk_done(w))
        w->verdict = lines.error || w->inside ? OC_VMA_UNKNOWN : OC_VMA_FOREIGN;
    return 0;
}

static void walk_smaps(struct walk *w)
{
    int fd = oc_own_open(smaps, O_RDONLY | O_CLOEXEC, 0);

    w->verdict = OC_VMA_UNKNOWN;
    if (fd < 0)
        return;
    walk_lines(fd, w);
    oc_own_close(fd);
}

/* ---- what is remembered ---- */

enum { REMEMBERED = 8 };

/* Under oc_lock: ranges of mappings found plain in this generation. */
static struct {
    uint64_t from, to;
    unsigned generation;
} remembered[REMEMBERED];
static unsigned next_slot;
static _Atomic unsigned generation = 1;

void oc_vma_forget(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_release);
}

static bool is_remembered(uint64_t from, uint64_t to)
{
    unsigned now = atomic_load_explicit(&generation, memory_order_acquire);
    struct oc_lock_state st;
    bool found = false;

    oc_lock(&st);
    for (size_t i = 0; i < REMEMBERED && !found; i++) {
        found =
            remembered[i].generation == now && remembered[i].from <= from && remembered[i].to >= to;
    }
    oc_unlock(&st);
    return found;
}

static void remember(const struct walk *w, unsigned when)
{
    struct oc_lock_state st;

    oc_lock(&st);
    remembered[next_slot].from = w->first;
    remembered[next_slot].to = w->cover;
    remembered[next_slot].generation = when;
    next_slot = (next_slot + 1) % REMEMBERED;
    oc_unlock(&st);
}

/* ---- what was found not to be lendable ---- */

/*
 * A stream through shared memory is not to pay for a look at each of its reads.  So a mapping
 * that was looked at in vain is left alone until as many bytes were read into it as tell here,
 * twice as many each time; and so that whatever lies there later is soon looked at, no more than
 * LEAST
 * << DOUBLED.  A read bigger than that is always looked at.
 */
enum { REFUSED = 4, DOUBLED = 6 };
#define LEAST ((uint64_t)1 << 20)

/* Under oc_lock, but for the number. */
static struct refusal {
    uint64_t from, to, left, wait;
    unsigned generation;
} refused[REFUSED];
static unsigned next_refused;
static atomic_uint refusals; /* 0: none */

static struct refusal *refusal_of(uint64_t from, uint64_t to)
{
    unsigned now = atomic_load_explicit(&generation, memory_order_acquire);

    for (size_t i = 0; i < REFUSED; i++)
        if (refused[i].generation == now && refused[i].from <= from && refused[i].to >= to)
            return &refused[i];
    return NULL;
}

/* Private memory that shows a file may be lent: the program's own soon. */
static void refuse(const struct oc_map *map, unsigned when)
{
    struct oc_lock_state st;
    struct refusal *r;

    if (map->ino && !map->shared)
        return;
    oc_lock(&st);
    r = refusal_of(map->start, map->end);
    if (!r) {
        r = &refused[next_refused++ % REFUSED];
        r->wait = LEAST / 2;
    }
    if (r->wait < LEAST << DOUBLED)
        r->wait *= 2;
    r->left = r->wait;
    r->from = map->start;
    r->to = map->end;
    r->generation = when;
    atomic_store_explicit(&refusals, 1, memory_order_relaxed);
    oc_unlock(&st);
}

bool oc_vma_is_refused(const void *addr, size_t len)
{
    uint64_t from = (uintptr_t)addr;
    struct oc_lock_state st;
    struct refusal *r;
    bool is;

    if (!atomic_load_explicit(&refusals, memory_order_relaxed))
        return false;
    oc_lock(&st);
    r = refusal_of(from, from + len);
    is = r && r->left > len;
    if (is)
        r->left -= len;
    oc_unlock(&st);
    return is;
}

void oc_vma_unmapped(const void *addr, size_t len)
{
    uint64_t from = (uintptr_t)addr;
    struct oc_lock_state st;

    if (!atomic_load_explicit(&refusals, memory_order_relaxed))
        return;
    oc_lock(&st);
    for (size_t i = 0; i < REFUSED; i++)
        if (refused[i].from < from + len && refused[i].to > from)
            refused[i].to = 0;
    oc_unlock(&st);
}

/* ---- guard pages ---- */

/* Linux 6.13 to 6.17 have them (MADV_GUARD_INSTALL), but do not tell of them in VmFlags. */
enum { GUARDED = 16 };

/* Under oc_lock; the last takes in all that finds no room. */
static struct {
    uint64_t from, to;
} guarded[GUARDED];
static _Atomic unsigned guards;

void oc_vma_guarded(const void *addr, size_t len)
{
    uint64_t from = (uintptr_t)addr, to = from + len;
    struct oc_lock_state st;
    unsigned n;

    oc_lock(&st);
    n = atomic_load_explicit(&guards, memory_order_relaxed);
    if (n < GUARDED) {
        guarded[n].from = from;
        guarded[n].to = to;
        atomic_store_explicit(&guards, n + 1, memory_order_release);
    } else {
        if (from < guarded[n - 1].from)
            guarded[n - 1].from = from;
        if (to > guarded[n - 1].to)
            guarded[n - 1].to = to;
    }
    oc_unlock(&st);
}

static bool is_guarded(uint64_t from, uint64_t to)
{
    struct oc_lock_state st;
    bool is = false;

    if (!atomic_load_explicit(&guards, memory_order_acquire))
        return false;
    oc_lock(&st);
    for (size_t i = 0; i < guards && !is; i++)
        is = guarded[i].from < to && guarded[i].to > from;
    oc_unlock(&st);
    return is;
}

/* ---- the quick way ---- */

/* For a remembered range. */
static enum oc_vma_verdict look_again(uint64_t from, uint64_t to)
{
    unsigned when = atomic_load_explicit(&generation, memory_order_acquire);
    enum oc_vma_verdict verdict = OC_VMA_LENDABLE;
    struct oc_map map;
    int ret = 0, fd = oc_maps_open();

    if (fd < 0)
        return OC_VMA_UNKNOWN;
    while (ret == 0 && verdict == OC_VMA_LENDABLE && from < to) {
        ret = oc_maps_find(fd, from, &map);
        if (ret == 0)
            verdict = map.start > from ? OC_VMA_FOREIGN : judge_map(&map);
        if (ret == 0 && verdict != OC_VMA_LENDABLE && map.start <= from)
            refuse(&map, when);
        from = map.end;
    }
    oc_own_close(fd);
    if (ret < 0)
        verdict = ret == -ENOENT ? OC_VMA_FOREIGN : OC_VMA_UNKNOWN;
    return verdict;
}

/* ---- what it may cost ---- */

/* A plain read into fresh memory moves some 2 bytes a nanosecond.  The full way is taken
 * when as many bytes as its last one took nanoseconds have been asked for since; of the
 * processor, so that what is lent does not depend on what else the machine is doing. */
static _Atomic uint64_t last_cost, credit;
/* And half as often with each look in a row that found memory not to be lent, wherever that was. */
static _Atomic unsigned in_vain;

static uint64_t cpu_time(void)
{
    struct timespec used = {0, 0};

    OC_SYS_2(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

static bool affordable(uint64_t bytes)
{
    enum { MOST = 3 };
    unsigned vain = atomic_load_explicit(&in_vain, memory_order_relaxed);
    uint64_t cost = atomic_load_explicit(&last_cost, memory_order_relaxed)
                    << (vain < MOST ? vain : MOST);
    uint64_t have = atomic_fetch_add_explicit(&credit, bytes, memory_order_relaxed) + bytes;

    if (have < cost)
        return false;
    atomic_store_explicit(&credit, 0, memory_order_relaxed);
    return true;
}

static enum oc_vma_verdict look_closely(uint64_t from, uint64_t to)
{
    unsigned when = atomic_load_explicit(&generation, memory_order_acquire);
    struct walk w = {.from = from, .to = to};
    uint64_t begin;

    if (!affordable(to - from))
        return OC_VMA_COSTLY;
    begin = cpu_time();
    walk_smaps(&w);
    atomic_store_explicit(&last_cost, cpu_time() - begin, memory_order_relaxed);
    if (w.verdict == OC_VMA_LENDABLE) {
        remember(&w, when);
        atomic_store_explicit(&in_vain, 0, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&in_vain, 1, memory_order_relaxed);
        if ((w.verdict == OC_VMA_FOREIGN || w.verdict == OC_VMA_SPECIAL) && w.last.start <= from &&
            w.last.end > from)
            refuse(&w.last, when);
    }
    return w.verdict;
}

/* ---- touched and pinned ---- */

static atomic_bool pins_possible;

void oc_vma_pins_possible(void)
{
    atomic_store_explicit(&pins_possible, true, memory_order_relaxed);
}

/* For anonymous memory mincore tells the pages that are mapped right now. */
static bool is_touched(uint64_t from, uint64_t to)
{
    unsigned char in[512];

    while (from < to) {
        uint64_t len = to - from < sizeof(in) * oc_page ? to - from : sizeof(in) * oc_page;

        if (OC_SYS_3(SYS_mincore, from, len, in) < 0 || memchr(in, 1, (size_t)(len / oc_page)))
            return true;
        from += len;
    }
    return false;
}

static bool is_zero_in_status(int fd)
{
    struct oc_lines lines;
    const char *line, *value;
    int zeros = 0;

    oc_lines_begin(&lines, fd);
    while (zeros < 2 && (line = oc_lines_next(&lines)))
        if ((value = value_of(line, "VmLck:")) || (value = value_of(line, "VmPin:")))
            zeros += zero_value(value);
    return zeros == 2;
}

bool oc_vma_may_be_pinned(void)
{
    bool zero;
    int fd;

    if (atomic_load_explicit(&pins_possible, memory_order_relaxed))
        return true;
    fd = oc_own_open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return true;
    zero = is_zero_in_status(fd);
    oc_own_close(fd);
    return !zero;
}

enum oc_vma_verdict oc_vma_lendable(void *addr, size_t len, bool *touched)
{
    uint64_t from = (uintptr_t)addr, to = from + len;
    bool was_touched;
    enum oc_vma_verdict verdict =
        is_remembered(from, to) ? look_again(from, to) : look_closely(from, to);

    if (verdict != OC_VMA_LENDABLE)
        return verdict;
    if (is_guarded(from, to))
        return OC_VMA_SPECIAL;
    was_touched = is_touched(from, to);
    if (touched)
        *touched = was_touched;
    return was_touched && oc_vma_may_be_pinned() ? OC_VMA_PINNED : OC_VMA_LENDABLE;
}

bool oc_vma_plain(const void *addr, size_t len)
{
    struct walk w = {
        .from = (uintptr_t)addr, .to = (uintptr_t)addr + len, .verdict = OC_VMA_UNKNOWN};

    oc_spare_with(smaps, walk_lines, &w);
    return w.verdict == OC_VMA_LENDABLE;
}

/* ---- floor and ceiling ---- */

static bool private_anonymous(const struct oc_map *map)
{
    return !map->shared && !map->ino && !map->dev;
}

void *oc_vma_floor(const void *addr)
{
    enum { STEPS = 64 };
    uint64_t floor = (uintptr_t)addr;
    int steps = 0, fd = oc_maps_open();
    struct oc_map map;

    if (fd < 0)
        return NULL;
    if (oc_maps_find(fd, floor, &map) == 0 && map.start <= floor)
        for (floor = map.start; steps < STEPS && floor > 0; steps++) {
            if (oc_maps_find(fd, floor - 1, &map) < 0 || map.end != floor ||
                !private_anonymous(&map))
                break;
            floor = map.start;
        }
    oc_own_close(fd);
    return steps < STEPS ? (void *)(uintptr_t)floor : NULL;
}

void *oc_vma_ceiling(const void *addr)
{
    int fd = oc_maps_open();
    struct oc_map map;
    bool found;

    if (fd < 0)
        return (void *)(uintptr_t)addr;
    found = oc_maps_find(fd, (uintptr_t)addr, &map) == 0 && map.start <= (uintptr_t)addr;
    oc_own_close(fd);
    return (void *)(uintptr_t)(found ? map.end : (uintptr_t)addr);
}
