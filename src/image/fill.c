/*
 * One pass claims and fills what is empty and passes over what others are
 * filling, so that several processes share the work; a second one waits for
 * those others, and takes over where one has died or given up.
 */
#include "image/fill.h"

#include "base/probe.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/home.h"
#include "image/join.h"
#include "image/uncached.h"

enum {
    GROUP = 128, /* chunks: a few large pages, which are had together for little more than one */
    PATIENCE_MS = 150, /* without any progress of others (one may be stopped) */
    LONGEST_MS = 2000  /* in all */
};

/* Stray bytes among the states are no reason to believe that a chunk was ever filled. */
static enum oc_chunk_use use_of(uint8_t state, uint64_t moment, uint64_t now)
{
    if (!oc_chunk_is_full(state))
        return OC_CHUNK_PLAIN;
    if (moment == 0 || moment > now)
        return OC_CHUNK_DOUBTED;
    return state == OC_CHUNK_SETTLED ? OC_CHUNK_SURE : OC_CHUNK_THERE;
}

/* States, as they are in the image, to uses; the number of chunks that are not full. */
static uint64_t look(struct oc_fill *f)
{
    /* A read of 2 GiB is of 8192 chunks: there is room for 32768. */
    uint64_t missing = 0, *moments = (uint64_t *)(void *)f->buffer, now = oc_sys_monotonic();

    if (oc_image_states(f->image, f->image_fd, f->first, f->count, f->use) < 0 ||
        oc_image_moments(f->image, f->image_fd, f->first, f->count, moments) < 0)
        for (uint64_t i = 0; i < f->count; i++)
            f->use[i] = 0;
    for (uint64_t i = 0; i < f->count; i++) {
        f->use[i] = use_of(f->use[i], moments[i], now);
        missing += f->use[i] == OC_CHUNK_PLAIN;
    }
    return missing;
}

/* Before anything is read, as that reads ahead. */
static void look_what_is_cold(struct oc_fill *f)
{
    f->way = f->on_disk ? OC_FILL_DROPS : OC_FILL_CACHED;
    for (uint64_t i = 0; i < f->count && f->on_disk; i++)
        f->cold[i] = f->use[i] == OC_CHUNK_PLAIN &&
                     oc_uncached_is_cold(f->file_fd, (f->first + i) * OC_CHUNK, OC_CHUNK);
}

/* With the chunk before it, since what was read ahead may lie in both. */
static void drop(const struct oc_fill *f, uint64_t i)
{
    uint64_t from = i && f->cold[i - 1] ? i - 1 : i;

    if (f->cold[i])
        oc_uncached_drop(f->file_fd, (f->first + from) * OC_CHUNK, (i + 1 - from) * OC_CHUNK);
}

static ssize_t read_file(struct oc_fill *f, uint64_t chunk, char *to, size_t n)
{
    ssize_t got = -EOPNOTSUPP;

    if (f->way == OC_FILL_UNCACHED) {
        got = oc_uncached_pread_all(f->file_fd, to, n, chunk * OC_CHUNK);
        if (got == -EOPNOTSUPP)
            look_what_is_cold(f);
    }
    if (got == -EOPNOTSUPP)
        got = oc_sys_pread_once(f->file_fd, to, n, chunk * OC_CHUNK);
    if (f->way == OC_FILL_DROPS)
        drop(f, chunk - f->first);
    return got;
}

/* Under our claim.  False: the file ended early, or the image has no room. */
static bool fill_one(struct oc_fill *f, uint64_t chunk)
{
    uint64_t at = chunk * OC_CHUNK, place = oc_image_place(f->image, at);
    size_t n = (size_t)(f->file_size - at < OC_CHUNK ? f->file_size - at : OC_CHUNK);
    char *there = oc_large_at(&f->window, place, n);
    bool ok = read_file(f, chunk, there ? there : f->buffer, n) == (ssize_t)n &&
              (there || oc_sys_pwrite_all(f->image_fd, f->buffer, n, place) == 0);

    if (!oc_image_unclaim(f->image, f->image_fd, chunk, ok))
        return false;
    f->done += n;
    OC_PROBE(fill, f->file_fd, at, n, oc_image_shift(f->image));
    return true;
}

/* ---- groups: some large pages, filled by one if nobody is idle ---- */

static uint64_t group_of(const struct oc_fill *f, uint64_t i)
{
    return (f->first + i) / GROUP;
}

static uint64_t place_of_end(const struct oc_fill *f, uint64_t end)
{
    return oc_image_place(f->image, end < f->file_size ? end : f->file_size);
}

/* Signals that have come meanwhile are handled now. */
static void leave_window(struct oc_fill *f)
{
    if (!f->holds)
        return;
    oc_large_release(&f->window);
    f->holds = false;
    oc_sys_let_signals(&f->before);
}

/*
 * Before the first chunk of a group is filled, chunk I.  The large page in which the part before
 * this ends was made for that one, and is mapped again.  Signals have to wait for a chunk, as they
 * wait for a read by the kernel; where they would not, the window is left at once.
 */
static void prepare_group(struct oc_fill *f, uint64_t i)
{
    uint64_t group = group_of(f, i), at = (f->first + i) * OC_CHUNK;
    uint64_t next = (group + 1) * GROUP * OC_CHUNK, end = (f->first + f->count) * OC_CHUNK;
    uint64_t from = oc_image_place(f->image, at);

    if (f->small || f->prepared == group + 1)
        return;
    f->prepared = group + 1;
    if (at >= f->since + OC_IMAGE_LARGE)
        from &= ~(uint64_t)(OC_IMAGE_LARGE - 1);
    oc_sys_hold_signals(&f->before);
    f->holds = true;
    f->small =
        !oc_large_prepare(&f->window, f->image_fd, from, place_of_end(f, next < end ? next : end),
                          place_of_end(f, f->until));
    if (!f->window.room || !f->on_disk)
        leave_window(f);
}

/* Somebody is at chunk I, and goes on with the others of its group: come back to these. Returns the
 * last of it. */
static uint64_t leave_group(struct oc_fill *f, uint64_t i, uint64_t *left)
{
    uint64_t group = group_of(f, i);

    for (; i + 1 < f->count && group_of(f, i + 1) == group; i++)
        if (f->use[i + 1] == OC_CHUNK_PLAIN) {
            f->use[i + 1] = OC_CHUNK_BUSY;
            ++*left;
        }
    return i;
}

/* False: there is no point in going on. */
static bool try_one(struct oc_fill *f, uint64_t i)
{
    static const uint8_t use_after[] = {
        [OC_CLAIM_FULL] = OC_CHUNK_THERE,
        [OC_CLAIM_BUSY] = OC_CHUNK_BUSY,
        [OC_CLAIM_FAILED] = OC_CHUNK_PLAIN,
    };
    enum oc_claim claim;

    if (f->prepared != group_of(f, i) + 1)
        leave_window(f);
    claim = oc_image_claim(f->image, f->image_fd, f->first + i);
    if (claim != OC_CLAIMED) {
        f->use[i] = use_after[claim];
        return claim != OC_CLAIM_FAILED;
    }
    prepare_group(f, i);
    f->use[i] = fill_one(f, f->first + i) ? OC_CHUNK_OURS : OC_CHUNK_PLAIN;
    if (f->holds && oc_sys_signal_waits(&f->before))
        leave_window(f); /* the rest of the group goes by the buffer */
    return f->use[i] == OC_CHUNK_OURS;
}

/* Try all chunks of use WHICH; the number that is busy, in *left.  False: no point. */
static bool pass(struct oc_fill *f, enum oc_chunk_use which, uint64_t *left)
{
    bool go_on = true;

    *left = 0;
    for (uint64_t i = 0; i < f->count && go_on; i++) {
        if (f->use[i] != which)
            continue;
        go_on = try_one(f, i);
        if (f->use[i] != OC_CHUNK_BUSY)
            continue;
        ++*left;
        if (which == OC_CHUNK_PLAIN)
            i = leave_group(f, i, left);
    }
    leave_window(f);
    return go_on;
}

static void give_up_busy(struct oc_fill *f)
{
    for (uint64_t i = 0; i < f->count; i++)
        if (f->use[i] == OC_CHUNK_BUSY)
            f->use[i] = OC_CHUNK_PLAIN;
}

static void wait_for_others(struct oc_fill *f, uint64_t busy)
{
    int quiet = 0;

    for (int ms = 0; busy && quiet < PATIENCE_MS && ms < LONGEST_MS; ms++) {
        uint64_t left;

        oc_image_nap();
        if (!pass(f, OC_CHUNK_BUSY, &left))
            break;
        quiet = left < busy ? 0 : quiet + 1;
        busy = left;
    }
    give_up_busy(f);
}

static uint64_t allowance(const struct oc_fill *f)
{
    int dir = oc_home_open(oc_image_home(f->image), false);
    uint64_t bytes = 0;

    if (dir >= 0) {
        bytes = oc_home_allowance(dir);
        oc_own_close(dir);
    }
    return bytes;
}

void oc_fill(struct oc_fill *f)
{
    uint64_t busy, missing = look(f);

    f->prepared = 0;
    if (!missing || allowance(f) / OC_CHUNK < missing)
        return;
    f->way =
        f->trusted && oc_uncached_wanted(f->image, f->image_fd) ? OC_FILL_UNCACHED : OC_FILL_CACHED;
    if (pass(f, OC_CHUNK_PLAIN, &busy))
        wait_for_others(f, busy);
    else
        give_up_busy(f);
}
