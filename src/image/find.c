/*
 * A needle of a few bytes from near the beginning of the range is searched for in pages
 * that are present, and a hit is believed when samples from all over the range
 * lie around it where they should.  Memory is copied by the guard before it is
 * looked at, since a protection key may forbid to read it.
 */
#include "image/find.h"

#include <string.h>

#include "base/guard.h"
#include "base/lines.h"
#include "base/maps.h"
#include "base/own.h"
#include "base/sys.h"

enum {
    NEEDLE = 64,
    SAMPLES = 5, /* the first is the needle */
    WINDOW = 64 << 10,
    ENTRIES = 512, /* of pagemap, read at once */
};

#define PAGE_PRESENT ((uint64_t)1 << 63)

struct find {
    uint64_t offset[SAMPLES];
    char sample[SAMPLES][NEEDLE];
    uint64_t entries[ENTRIES];
    char window[WINDOW + NEEDLE];
    uint64_t budget;
    int pagemap;
    uintptr_t self, self_end; /* this very memory */
    uintptr_t base;
};

/* Bytes that are much the same everywhere tell nothing. */
static bool telling(const char *bytes)
{
    bool seen[256] = {false};
    unsigned different = 0;

    for (unsigned i = 0; i < NEEDLE; i++) {
        different += !seen[(unsigned char)bytes[i]];
        seen[(unsigned char)bytes[i]] = true;
    }
    return different >= 4;
}

static bool take_samples(struct find *f, int fd, uint64_t from, uint64_t to)
{
    uint64_t step = (to - from) / (SAMPLES + 1);

    for (unsigned i = 0; i < SAMPLES; i++) {
        f->offset[i] = from + (i + 1) * step;
        if (oc_sys_pread_all(fd, f->sample[i], NEEDLE, f->offset[i]) != NEEDLE)
            return false;
    }
    return step > NEEDLE && telling(f->sample[0]);
}

static bool confirmed(const struct find *f, uintptr_t base)
{
    char there[NEEDLE];

    for (unsigned i = 0; i < SAMPLES; i++)
        if (!oc_guard_copy(there, (const void *)(base + (uintptr_t)f->offset[i]), NEEDLE) ||
            memcmp(there, f->sample[i], NEEDLE) != 0)
            return false;
    return true;
}

/* The window was copied from AT. */
static bool look_in_window(struct find *f, uintptr_t at, size_t n)
{
    const char *from = f->window, *end = f->window + n;
    const char *hit;

    while ((hit = memmem(from, (size_t)(end - from), f->sample[0], NEEDLE))) {
        uintptr_t base = at + (uintptr_t)(hit - f->window) - (uintptr_t)f->offset[0];

        if (confirmed(f, base)) {
            f->base = base;
            return true;
        }
        from = hit + 1;
    }
    return false;
}

/* Pages that are all present. */
static bool look_in_pages(struct find *f, uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at < to && f->budget; at += WINDOW) {
        size_t n = to - at < WINDOW + NEEDLE ? to - at : WINDOW + NEEDLE;

        if (at < f->self_end && at + n > f->self)
            continue;
        f->budget -= f->budget < n ? f->budget : n;
        if (!oc_guard_copy(f->window, (const void *)at, n))
            return false;
        if (look_in_window(f, at, n))
            return true;
    }
    return false;
}

/* Runs of present pages among the COUNT at AT. */
static bool look_in_batch(struct find *f, uintptr_t at, size_t count)
{
    size_t i = 0;

    while (i < count) {
        size_t first;

        while (i < count && !(f->entries[i] & PAGE_PRESENT))
            i++;
        first = i;
        while (i < count && f->entries[i] & PAGE_PRESENT)
            i++;
        if (first < i && look_in_pages(f, at + first * oc_page, at + i * oc_page))
            return true;
    }
    return false;
}

static bool look_in_mapping(struct find *f, uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at < to && f->budget; at += ENTRIES * oc_page) {
        size_t count = (to - at) / oc_page < ENTRIES ? (to - at) / oc_page : ENTRIES;

        if (oc_sys_pread_all(f->pagemap, f->entries, count * 8, at / oc_page * 8) !=
            (ssize_t)count * 8)
            return false;
        if (look_in_batch(f, at, count))
            return true;
    }
    return false;
}

/* Large enough for the range, and nobody's but the program's. */
static bool worth_a_look(const struct oc_map *map, const char *name, uint64_t least)
{
    return !map->shared && map->ino == 0 && map->prot == (PROT_READ | PROT_WRITE) &&
           map->end - map->start >= least && strcmp(name, "[stack]") != 0;
}

/* Mapped areas grow downwards, so the first ones are the newest; the heap lies lower
 * still, and holds mostly other things: at the end. */
static bool look_everywhere(struct find *f, int maps, uint64_t least, bool heap)
{
    struct oc_lines lines;
    struct oc_map map;
    const char *line, *name;

    oc_lines_begin(&lines, maps);
    while (f->budget && (line = oc_lines_next(&lines)))
        if (oc_maps_parse(line, &map, &name) && worth_a_look(&map, name, least) &&
            (strcmp(name, "[heap]") == 0) == heap && look_in_mapping(f, map.start, map.end))
            return true;
    return false;
}

static bool find_with(struct find *f, uint64_t least, uintptr_t *base)
{
    int maps = oc_own_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    bool found;

    f->pagemap = oc_own_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    found = maps >= 0 && f->pagemap >= 0 &&
            (look_everywhere(f, maps, least, false) || look_everywhere(f, maps, least, true));
    if (maps >= 0)
        oc_own_close(maps);
    if (f->pagemap >= 0)
        oc_own_close(f->pagemap);
    *base = f->base;
    return found;
}

bool oc_find_kept(int fd, uint64_t from, uint64_t to, uint64_t budget, uintptr_t *base)
{
    size_t len = (size_t)oc_page_up(sizeof(struct find));
    struct find *f;
    bool found;

    if (!oc_guard_ready())
        return false;
    f = oc_sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (oc_sys_failed(f))
        return false;
    f->self = (uintptr_t)f;
    f->self_end = f->self + len;
    f->budget = budget;
    found = take_samples(f, fd, from, to) && find_with(f, to - from, base);
    oc_sys_munmap(f, len);
    return found;
}
