/*
 * Random sequences of requests against what must hold after each: the views' bytes, the
 * budget, and that requests fail only for the reasons given.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <CUnit/CUnit.h>
#include <errno.h>
#include <string.h>

#include "tap.h"
#include "view_file.h"

#define K ((uint64_t)1024)
#define M (1024 * K)

enum { VIEWS = 40, PINS = 6, STEPS = 6000 };

struct range {
    uint64_t offset;
    size_t length;
};

static struct onecopy_file *file;
static struct {
    struct range range;
    struct onecopy_view view;
} out[VIEWS];
static struct range pins[PINS];
static uint64_t size, budget, seed;

static uint64_t any(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* Mostly small, mostly in the first part of the file. */
static struct range any_range(uint64_t longest)
{
    struct range r;
    uint64_t most = any(4) ? 5000 : any(4) ? 600 * K : longest;
    r.length = (size_t)(1 + any(most < size ? most : size));
    r.offset = any((any(2) ? size : size / 8) - (r.length < size / 8 ? r.length : 0));
    if (r.offset + r.length > size)
        r.offset = size - r.length;
    return r;
}

static uint64_t pages(struct range r)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (r.offset + r.length + page - 1) / page * page - r.offset / page * page;
}

static void check_refusal(struct range r, const struct onecopy_counters *before)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    CU_ASSERT_TRUE(errno == ENOMEM || errno == EAGAIN);
    CU_ASSERT_TRUE(pages(r) + (errno == ENOMEM ? before->pinned : before->held) > budget + page);
}

static void step_view(void)
{
    unsigned i = (unsigned)any(VIEWS);
    struct onecopy_counters before = view_counters();
    if (out[i].view.data) {
        CU_ASSERT_TRUE(view_right(out[i].view.data, out[i].range.offset, out[i].range.length));
        CU_ASSERT_EQUAL(onecopy_release(&out[i].view), 0);
        return;
    }
    out[i].range = any_range(budget + 10000);
    if (onecopy_get(file, out[i].range.offset, out[i].range.length, &out[i].view))
        check_refusal(out[i].range, &before);
    else
        CU_ASSERT_TRUE(view_right(out[i].view.data, out[i].range.offset, out[i].range.length));
}

static void step_pin(void)
{
    unsigned i = (unsigned)any(PINS);
    struct onecopy_counters before = view_counters();
    if (pins[i].length) {
        CU_ASSERT_EQUAL(onecopy_unpin(file, pins[i].offset, pins[i].length), 0);
        pins[i].length = 0;
        return;
    }
    pins[i] = any_range(100 * K);
    if (onecopy_pin(file, pins[i].offset, pins[i].length)) {
        check_refusal(pins[i], &before);
        pins[i].length = 0;
    }
}

static void step_grow(void)
{
    uint64_t more = size + 1 + any(100 * K);
    if (more > 24 * M)
        return;
    CU_ASSERT_EQUAL(onecopy_grow(file, more), 0);
    view_fill(size, more);
    size = more;
}

static void step_budget(void)
{
    uint64_t wish = 512 * K + any(4 * M);
    struct onecopy_counters before = view_counters();
    if (onecopy_set_budget((size_t)wish) == 0)
        budget = wish;
    else
        CU_ASSERT_TRUE(errno == EAGAIN && before.held > wish);
}

static void step(void)
{
    switch (any(100)) {
    case 0:
        step_budget();
        break;
    case 1:
    case 2:
        step_pin();
        break;
    case 3:
        step_grow();
        break;
    default:
        step_view();
    }
}

static void check_state(bool thorough)
{
    struct onecopy_counters c = view_counters();
    CU_ASSERT_TRUE(c.mapped <= budget + c.section);
    CU_ASSERT_TRUE(c.held <= c.mapped);
    CU_ASSERT_TRUE(c.pinned <= c.held);
    if (!thorough)
        return;
    CU_ASSERT_EQUAL(view_mapped(), c.mapped);
    for (unsigned i = 0; i < VIEWS; i++)
        if (out[i].view.data)
            CU_ASSERT_TRUE(view_right(out[i].view.data, out[i].range.offset, out[i].range.length));
    for (unsigned i = 0; i < PINS; i++)
        if (pins[i].length) {
            struct onecopy_view view;
            CU_ASSERT_EQUAL(onecopy_get(file, pins[i].offset, pins[i].length, &view), 0);
            CU_ASSERT_EQUAL(onecopy_release(&view), 0);
            CU_ASSERT_EQUAL(view_counters().maps, c.maps);
        }
}

static void run(uint64_t with)
{
    seed = with;
    size = 8 * M;
    budget = 2 * M;
    memset(pins, 0, sizeof pins);
    file = view_make(size, ONECOPY_WRITE);
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget((size_t)budget), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        check_state(i % 256 == 0);
    }
    for (unsigned i = 0; i < VIEWS; i++)
        if (out[i].view.data)
            CU_ASSERT_EQUAL(onecopy_release(&out[i].view), 0);
    view_done(file);
    CU_ASSERT_EQUAL(view_counters().mapped, 0);
    CU_ASSERT_EQUAL(view_counters().held, 0);
    CU_ASSERT_EQUAL(view_counters().views, 0);
    CU_ASSERT_EQUAL(view_counters().pinned, 0);
    CU_ASSERT_EQUAL(view_mapped(), 0);
}

static void test_random(void)
{
    const char *text = getenv("ONECOPY_TEST_SEED");
    uint64_t with = text ? strtoull(text, NULL, 0) : 0x5eed;
    for (uint64_t i = 0; i < 4; i++)
        run(with + i);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"random requests", test_random},
        {NULL, NULL},
    };
    return oc_tap_suite("view model", tests);
}
