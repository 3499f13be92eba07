#include "api/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

static struct onecopy_counters counters; /* without those of quick.c */
static struct oc_phase phase;
static struct oc_part *stuck; /* the kernel refused to unmap them: it would have split a mapping */
static uint64_t stuck_bytes;
static struct oc_part *spare; /* memory of parts that are no more */
static struct oc_part *ever;  /* all there ever were, newest first */

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

static bool may_go(const struct oc_phase_entry *e)
{
    return !oc_quick_is_held((const struct oc_part *)e);
}

/* Bytes that can't be phased out. */
static uint64_t held(void)
{
    return oc_quick_held() + stuck_bytes;
}

static struct oc_part *spare_part(void)
{
    void *part = spare;
    if (part)
        spare = spare->next;
    else if (posix_memalign(&part, _Alignof(struct oc_part), sizeof(struct oc_part)))
        return NULL;
    else {
        memset(part, 0, sizeof(struct oc_part));
        ((struct oc_part *)part)->made = ever;
        ever = part;
    }
    return part;
}

void oc_part_in_child(void)
{
    uint64_t sum = 0;
    for (const struct oc_part *part = ever; part; part = part->made)
        if (oc_quick_is_held(part))
            sum += part->size;
    oc_quick_recount(sum);
}

static void give_spare(struct oc_part *part)
{
    part->next = spare;
    spare = part;
}

static bool unmapped(struct oc_part *part)
{
    if (oc_sys_munmap(part->at, part->size))
        return false;
    counters.mapped -= part->size;
    give_spare(part);
    return true;
}

/* Unmap a part that nobody knows any more, now or when the kernel can. */
void oc_part_end(struct oc_part *part)
{
    if (unmapped(part))
        return;
    part->next = stuck;
    stuck = part;
    stuck_bytes += part->size;
}

static void retry_stuck(void)
{
    struct oc_part **at = &stuck;
    while (*at) {
        struct oc_part *part = *at, *next = part->next;
        size_t size = part->size;
        if (unmapped(part)) {
            stuck_bytes -= size;
            *at = next;
        } else {
            at = &part->next;
        }
    }
}

static struct oc_part *part_at(const struct onecopy_file *file, size_t i)
{
    return atomic_load_explicit(&file->index->at[i], memory_order_relaxed);
}

static void set_part_at(const struct onecopy_file *file, size_t i, struct oc_part *part)
{
    atomic_store_explicit(&file->index->at[i], part, memory_order_release);
}

static size_t index_of(const struct onecopy_file *file, uint64_t start)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (part_at(file, mid)->start <= start)
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
    for (; i < file->count; i++)
        set_part_at(file, i, part_at(file, i + 1));
    set_part_at(file, i, NULL);
}

/* The part is out of the order of phases, and goes from its file. */
static void retire(struct oc_part *part)
{
    leave_index(part);
    part->state = OC_PART_RETIRED;
    part->file = NULL;
    if (oc_quick_close(part))
        oc_part_end(part);
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
    if (held() + size > limit)
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
    part = spare_part();
    if (!part)
        return -ENOMEM;
    err = map(file, r, &part->at);
    if (err) {
        give_spare(part);
        return err;
    }
    part->file = file;
    part->file_id = file->id;
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

static uint64_t end_of(const struct oc_part *part)
{
    return part->start + part->size;
}

static bool covers(const struct oc_part *part, uint64_t offset, size_t length)
{
    return part->start <= offset && offset + length <= end_of(part);
}

static struct oc_part *find(const struct onecopy_file *file, uint64_t offset, size_t length)
{
    size_t i = index_of(file, offset);
    if (i > 0 && covers(part_at(file, i - 1), offset, length))
        return part_at(file, i - 1);
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
    if (i > 0 && part_at(file, i - 1)->start == r.start)
        i--;
    while (i < file->count && end_of(part_at(file, i)) <= r.end) {
        oc_phase_leave(&phase, &part_at(file, i)->phase);
        retire(part_at(file, i));
        n++;
    }
    return n;
}

static int reserve_index(struct onecopy_file *file)
{
    struct oc_part_index *old = file->index, *index;
    size_t room = old ? 2 * old->room : 8;
    if (old && file->count < old->room)
        return 0;
    index = calloc(1, sizeof *index + room * sizeof *index->at);
    if (!index)
        return -ENOMEM;
    index->room = room;
    index->smaller = old; /* somebody may be looking */
    for (size_t i = 0; i < file->count; i++)
        index->at[i] = part_at(file, i);
    atomic_store_explicit(&file->index, index, memory_order_release);
    return 0;
}

/* From now on others may take views of it. */
static void open_part(struct oc_part *part)
{
    atomic_fetch_or_explicit(&part->use, OC_PART_OPEN, memory_order_release);
}

static void enter_index(struct oc_part *part)
{
    struct onecopy_file *file = part->file;
    size_t i = index_of(file, part->start);
    for (size_t j = file->count; j > i; j--)
        set_part_at(file, j, part_at(file, j - 1));
    set_part_at(file, i, part);
    file->count++;
    part->state = OC_PART_INDEXED;
    if (oc_phase_enter(&phase, &part->phase, (file->id << 40) ^ part->start / oc_page))
        counters.returned++;
    open_part(part);
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
    if (i > 0 && end_of(part_at(file, i - 1)) > r.start)
        m.start = part_at(file, i - 1)->start;
    i = index_of(file, r.end - 1);
    if (i > 0 && end_of(part_at(file, i - 1)) > r.end)
        m.end = end_of(part_at(file, i - 1));
    return m.end - m.start <= (most > least ? most : least) ? m : r;
}

/* Room for more than the pages asked for?  Not when views and pins take half of the budget. */
static bool generous(struct range r)
{
    uint64_t before = held(), after = before + (r.end - r.start);
    return after <= counters.budget / 2 || (!before && after <= counters.budget);
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

static void add_view(struct oc_part *part, bool hit)
{
    oc_quick_hold(part);
    oc_quick_gave(hit);
}

void oc_part_hit(struct oc_part *part)
{
    oc_phase_hit(&phase, &part->phase);
}

int oc_part_get(struct onecopy_file *file, uint64_t offset, size_t length, struct oc_part **part)
{
    int err = check_range(file, offset, length);
    if (err)
        return err;
    *part = find(file, offset, length);
    bool hit = *part;
    if (hit)
        oc_part_hit(*part);
    else
        err = make(file, offset, length, part);
    if (err)
        return refused(err);
    add_view(*part, hit);
    return 0;
}

struct oc_part *oc_part_peek(struct onecopy_file *file, uint64_t offset, size_t length)
{
    struct oc_part *part = offset + length < offset ? NULL : find(file, offset, length);
    if (part)
        add_view(part, false);
    return part;
}

void oc_part_put(struct oc_part *part)
{
    oc_quick_took();
    if (oc_quick_drop(part))
        oc_part_end(part);
}

/* ---- pins ---- */

static struct oc_part **find_pin(struct onecopy_file *file, uint64_t offset, size_t length)
{
    struct oc_part **at = &file->pins;
    while (*at && ((*at)->pin_offset != offset || (*at)->pin_length != length))
        at = &(*at)->next;
    return at;
}

/* Where views find pins without the mutex, as far as there is room. */
static void replace_at_hand(struct onecopy_file *file, const struct oc_part *old,
                            struct oc_part *new)
{
    for (int i = 0; i < OC_PINS_AT_HAND; i++)
        if (atomic_load(&file->pinned[i]) == old) {
            atomic_store(&file->pinned[i], new);
            return;
        }
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
    counters.pinned += (*part)->size;
    oc_quick_hold(*part);
    add_view(*part, false);
    open_part(*part);
    replace_at_hand(file, NULL, *part);
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
    replace_at_hand(pin->file, pin, NULL);
    pin->state = OC_PART_RETIRED;
    pin->file = NULL;
    oc_quick_close(pin);
    if (oc_quick_drop(pin))
        oc_part_end(pin);
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
        struct oc_part *last = part_at(file, file->count - 1);
        oc_phase_leave(&phase, &last->phase);
        retire(last);
    }
    for (struct oc_part_index *index = file->index, *smaller; index; index = smaller) {
        smaller = index->smaller;
        free(index);
    }
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

void oc_part_count(struct onecopy_counters *sum)
{
    *sum = counters;
    sum->held = held();
    oc_quick_count(&sum->views, &sum->hits);
}
