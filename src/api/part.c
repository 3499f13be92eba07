#include "api/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

struct onecopy_counters oc_part_counters;

static struct oc_phase phase;
static struct oc_part *stuck; /* the kernel refused to unmap them: it would have split a mapping */

#define counters oc_part_counters

struct range {
    uint64_t start, end;
    bool exact; /* the pages that the request needs: there is no smaller one to try */
};

void oc_part_configure(uint64_t budget, uint64_t section)
{
    counters.budget = budget;
    counters.section = section;
}

/* ---- mapping ---- */

static bool is_held(const struct oc_part *part)
{
    return part->views || part->state == OC_PART_PINNED;
}

static bool may_go(const struct oc_phase_entry *e)
{
    return !is_held((const struct oc_part *)e);
}

static bool unmapped(struct oc_part *part)
{
    if (oc_sys_munmap(part->at, part->size))
        return false;
    counters.mapped -= part->size;
    free(part);
    return true;
}

/* Unmap a part that nobody knows any more, now or when the kernel can. */
static void discard(struct oc_part *part)
{
    if (unmapped(part))
        return;
    part->next = stuck;
    stuck = part;
    counters.held += part->size;
}

static void retry_stuck(void)
{
    struct oc_part **at = &stuck;
    while (*at) {
        struct oc_part *part = *at, *next = part->next;
        size_t size = part->size;
        if (unmapped(part)) {
            counters.held -= size;
            *at = next;
        } else {
            at = &part->next;
        }
    }
}

static size_t index_of(const struct onecopy_file *file, uint64_t start)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (file->index[mid]->start <= start)
            low = mid + 1;
        else
            high = mid;
    }
    return low; /* of the first that starts after START */
}

static void leave_index(struct oc_part *part)
{
    struct onecopy_file *file = part->file;
    size_t i = index_of(file, part->start) - 1;
    file->count--;
    memmove(file->index + i, file->index + i + 1, (file->count - i) * sizeof *file->index);
}

/* The part is out of the order of phases, and goes from its file. */
static void retire(struct oc_part *part)
{
    leave_index(part);
    part->state = OC_PART_RETIRED;
    part->file = NULL;
    if (!part->views)
        discard(part);
}

/* Unmap what has been of least use.  False: nothing may go. */
static bool phase_out(void)
{
    struct oc_phase_entry *e = oc_phase_victim(&phase, may_go);
    if (!e)
        return false;
    counters.phased_out++;
    retire((struct oc_part *)e);
    return true;
}

/* Make room for SIZE bytes within LIMIT. */
static bool make_room(uint64_t size, uint64_t limit)
{
    if (stuck)
        retry_stuck();
    if (counters.held + size > limit)
        return false;
    while (counters.mapped + size > limit)
        if (!phase_out())
            return false;
    return true;
}

/* When the kernel has no memory or mappings left, something goes; but not all of it for more than
 * was asked for. */
static int map(const struct onecopy_file *file, struct range r, char **at)
{
    int prot = PROT_READ | (file->writable ? PROT_WRITE : 0);
    uint64_t worth = 2 * (r.end - r.start), enough = counters.mapped - worth;
    if (r.exact || counters.mapped < worth)
        enough = 0;
    for (;;) {
        char *p = oc_sys_mmap(NULL, (size_t)(r.end - r.start), prot, MAP_SHARED, file->fd, r.start);
        if (!oc_sys_failed(p)) {
            *at = p;
            return 0;
        }
        int err = (int)(intptr_t)p;
        if (err == -EAGAIN) /* RLIMIT_MEMLOCK, when the host locks all its memory */
            err = -ENOMEM;
        if (err != -ENOMEM || counters.mapped < enough || !phase_out())
            return err;
    }
}

static int new_part(struct onecopy_file *file, struct range r, uint64_t limit,
                    struct oc_part **made)
{
    struct oc_part *part;
    int err;
    if (!make_room(r.end - r.start, limit))
        return -EAGAIN;
    part = calloc(1, sizeof *part);
    if (!part)
        return -ENOMEM;
    err = map(file, r, &part->at);
    if (err) {
        free(part);
        return err;
    }
    part->file = file;
    part->start = r.start;
    part->size = (size_t)(r.end - r.start);
    counters.maps++;
    counters.mapped += part->size;
    if (counters.mapped > counters.mapped_most)
        counters.mapped_most = counters.mapped;
    *made = part;
    return 0;
}

/* ---- the index ---- */

static bool covers(const struct oc_part *part, uint64_t offset, size_t length)
{
    return part->start <= offset && offset + length <= part->start + part->size;
}

static struct oc_part *find(const struct onecopy_file *file, uint64_t offset, size_t length)
{
    size_t i = index_of(file, offset);
    if (i > 0 && covers(file->index[i - 1], offset, length))
        return file->index[i - 1];
    for (struct oc_part *pin = file->pins; pin; pin = pin->next)
        if (covers(pin, offset, length))
            return pin;
    return NULL;
}

/* Retire the parts within R, which is about to be mapped.  How many there were. */
static unsigned absorb(struct onecopy_file *file, struct range r)
{
    unsigned n = 0;
    size_t i = index_of(file, r.start);
    if (i > 0 && file->index[i - 1]->start == r.start)
        i--;
    while (i < file->count && file->index[i]->start + file->index[i]->size <= r.end) {
        oc_phase_leave(&phase, &file->index[i]->phase);
        retire(file->index[i]);
        n++;
    }
    return n;
}

static int reserve_index(struct onecopy_file *file)
{
    size_t room = file->room ? 2 * file->room : 8;
    struct oc_part **index;
    if (file->count < file->room)
        return 0;
    index = realloc(file->index, room * sizeof *index);
    if (!index)
        return -ENOMEM;
    file->index = index;
    file->room = room;
    return 0;
}

static void enter_index(struct oc_part *part)
{
    struct onecopy_file *file = part->file;
    size_t i = index_of(file, part->start);
    memmove(file->index + i + 1, file->index + i, (file->count - i) * sizeof *file->index);
    file->index[i] = part;
    file->count++;
    part->state = OC_PART_INDEXED;
    if (oc_phase_enter(&phase, &part->phase, (file->id << 40) ^ part->start / oc_page))
        counters.returned++;
}

/* ---- what to map for a request ---- */

static uint64_t down(uint64_t x, uint64_t unit)
{
    return x - x % unit;
}

static struct range pages_of(uint64_t offset, size_t length)
{
    return (struct range){oc_page_down(offset), oc_page_up(offset + length), true};
}

/* Whole sections, but not past the end of a file unless it grows. */
static struct range sections_of(struct onecopy_file *file, uint64_t offset, size_t length)
{
    uint64_t section = counters.section, end = oc_page_up(file->size);
    struct range r = {down(offset, section), down(offset + length - 1, section) + section, false};
    if (r.end <= end || (file->clip && file->clip < end))
        return r;
    file->clip = r.end = end;
    return r;
}

/* With the parts that it cuts through; these grow, but bounded: each time their pages are
 * found anew, so a scan must not drag an ever longer tail. */
static struct range merged(const struct onecopy_file *file, struct range r)
{
    uint64_t most = 2 * (r.end - r.start), least = 4 * counters.section;
    struct range m = r;
    size_t i = index_of(file, r.start);
    if (i > 0 && file->index[i - 1]->start + file->index[i - 1]->size > r.start)
        m.start = file->index[i - 1]->start;
    i = index_of(file, r.end - 1);
    if (i > 0 && file->index[i - 1]->start + file->index[i - 1]->size > r.end)
        m.end = file->index[i - 1]->start + file->index[i - 1]->size;
    return m.end - m.start <= (most > least ? most : least) ? m : r;
}

/* Room for more than the pages asked for?  Not when views and pins take half of the budget. */
static bool generous(struct range r)
{
    uint64_t held = counters.held + (r.end - r.start);
    return held <= counters.budget / 2 || (!counters.held && held <= counters.budget);
}

static int try_range(struct onecopy_file *file, struct range r, uint64_t limit,
                     struct oc_part **part)
{
    unsigned absorbed = absorb(file, r);
    int err = new_part(file, r, limit, part);
    if (err)
        return err;
    enter_index(*part);
    counters.merges += absorbed > 0;
    return 0;
}

/* The largest of three shapes that fits. */
static int make(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part)
{
    struct range exact = pages_of(offset, length), whole, wide;
    /* A request of the whole budget may begin within a page. */
    uint64_t limit = counters.budget + oc_page;
    int err = reserve_index(file);
    if (err)
        return err;
    if (exact.end - exact.start > limit - counters.pinned)
        return -ENOMEM;
    whole = sections_of(file, offset, length);
    wide = merged(file, whole);
    if (generous(wide) && !try_range(file, wide, counters.budget, part))
        return 0;
    if (generous(whole) && !try_range(file, whole, counters.budget, part))
        return 0;
    return try_range(file, exact, limit, part);
}

static int check_range(struct onecopy_file *file, uint64_t offset, size_t length)
{
    if (!length)
        return -EINVAL;
    if (offset + length < offset)
        return -ERANGE;
    if (offset + length <= file->size)
        return 0;
    int err = oc_api_learn_size(file);
    if (err)
        return err;
    return offset + length <= file->size ? 0 : -ERANGE;
}

static int refused(int err)
{
    counters.refused += err == -EAGAIN || err == -ENOMEM;
    return err;
}

/* ---- views ---- */

static void add_view(struct oc_part *part)
{
    if (!is_held(part))
        counters.held += part->size;
    part->views++;
    counters.views++;
}

int oc_part_get(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part)
{
    int err = check_range(file, offset, length);
    if (err)
        return err;
    *part = find(file, offset, length);
    if (*part) {
        counters.hits++;
        if ((*part)->state == OC_PART_INDEXED)
            oc_phase_hit(&phase, &(*part)->phase);
    } else {
        err = make(file, offset, length, part);
        if (err)
            return refused(err);
    }
    add_view(*part);
    return 0;
}

struct oc_part *oc_part_peek(struct onecopy_file *file, uint64_t offset, size_t length)
{
    struct oc_part *part = offset + length < offset ? NULL : find(file, offset, length);
    if (part)
        add_view(part);
    return part;
}

void oc_part_put(struct oc_part *part)
{
    part->views--;
    counters.views--;
    if (is_held(part))
        return;
    counters.held -= part->size;
    if (part->state == OC_PART_RETIRED)
        discard(part);
}

/* ---- pins ---- */

static struct oc_part **find_pin(struct onecopy_file *file, uint64_t offset, size_t length)
{
    struct oc_part **at = &file->pins;
    while (*at && ((*at)->pin_offset != offset || (*at)->pin_length != length))
        at = &(*at)->next;
    return at;
}

static int new_pin(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part)
{
    struct range r = pages_of(offset, length);
    uint64_t limit = counters.budget + oc_page;
    int err = r.end - r.start > limit - counters.pinned ? -ENOMEM : new_part(file, r, limit, part);
    if (err)
        return refused(err);
    (*part)->state = OC_PART_PINNED;
    (*part)->pin_offset = offset;
    (*part)->pin_length = length;
    (*part)->pins = 1;
    (*part)->next = file->pins;
    file->pins = *part;
    counters.held += (*part)->size;
    counters.pinned += (*part)->size;
    add_view(*part);
    return 0;
}

int oc_part_pin(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part)
{
    int err = check_range(file, offset, length);
    struct oc_part *pin;
    *part = NULL;
    if (err)
        return err;
    pin = *find_pin(file, offset, length);
    if (!pin)
        return new_pin(file, offset, length, part);
    pin->pins++;
    return 0;
}

static void drop_pin(struct oc_part **at)
{
    struct oc_part *pin = *at;
    *at = pin->next;
    counters.pinned -= pin->size;
    pin->state = OC_PART_RETIRED;
    pin->file = NULL;
    if (pin->views)
        return;
    counters.held -= pin->size;
    discard(pin);
}

int oc_part_unpin(struct onecopy_file *file, uint64_t offset, size_t length)
{
    struct oc_part **at = find_pin(file, offset, length);
    if (!*at)
        return -ENOENT;
    if (--(*at)->pins == 0)
        drop_pin(at);
    return 0;
}

void oc_part_drop_file(struct onecopy_file *file)
{
    while (file->pins)
        drop_pin(&file->pins);
    while (file->count) {
        struct oc_part *last = file->index[file->count - 1];
        oc_phase_leave(&phase, &last->phase);
        retire(last);
    }
    free(file->index);
    file->index = NULL;
}

int oc_part_set_budget(uint64_t bytes)
{
    if (bytes < counters.section || bytes > SIZE_MAX / 2)
        return -EINVAL;
    if (!make_room(0, bytes))
        return -EAGAIN;
    counters.budget = bytes;
    return 0;
}
