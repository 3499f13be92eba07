/*
 * Readers, pinners, growers and budget changes in many threads.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <CUnit/CUnit.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "api/part.h"
#include "tap.h"
#include "view_file.h"

#define K ((uint64_t)1024)
#define M (1024 * K)

enum { MOST_THREADS = 8, ROUNDS = 4000, DEPTH = 4 };

static struct onecopy_file *file;
static const uint64_t size = 8 * M, budget = 3 * M;
static _Atomic unsigned wrong, refused, too_much;

static uint64_t any(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % below;
}

static void check(bool right)
{
    if (!right)
        atomic_fetch_add(&wrong, 1);
}

static void sample(void)
{
    struct onecopy_counters c = view_counters();
    if (c.mapped > budget + c.section || c.held > c.mapped)
        atomic_fetch_add(&too_much, 1);
}

static bool take(struct onecopy_view *view, uint64_t off, size_t n)
{
    if (onecopy_get(file, off, n, view)) {
        check(errno == EAGAIN);
        atomic_fetch_add(&refused, 1);
        return false;
    }
    check(view_right(view->data, off, n));
    return true;
}

static void *reader(void *arg)
{
    uint64_t seed = (uintptr_t)arg * 7919;
    struct onecopy_view views[DEPTH] = {{0}};
    uint64_t offs[DEPTH] = {0};
    size_t lens[DEPTH] = {0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned at = i % DEPTH;
        if (views[at].data) {
            check(view_right(views[at].data, offs[at], lens[at]));
            check(onecopy_release(&views[at]) == 0);
        }
        lens[at] = (size_t)(1 + any(&seed, any(&seed, 50) ? 300 : 500 * K));
        offs[at] = any(&seed, size - lens[at]);
        take(&views[at], offs[at], lens[at]);
        if (i % 16 == 0)
            sample();
    }
    for (unsigned at = 0; at < DEPTH; at++)
        if (views[at].data)
            check(onecopy_release(&views[at]) == 0);
    return NULL;
}

static void *pinner(void *arg)
{
    uint64_t seed = (uintptr_t)arg * 104729;
    for (unsigned i = 0; i < ROUNDS / 8; i++) {
        size_t n = (size_t)(1 + any(&seed, 200 * K));
        uint64_t off = any(&seed, size - n);
        struct onecopy_view view;
        if (onecopy_pin(file, off, n)) {
            check(errno == EAGAIN);
            continue;
        }
        if (take(&view, off, n))
            check(onecopy_release(&view) == 0);
        check(onecopy_unpin(file, off, n) == 0);
    }
    return NULL;
}

/* Opens, uses and closes a file of its own. */
static void *opener(void *arg)
{
    uint64_t seed = (uintptr_t)arg * 15485863;
    for (unsigned i = 0; i < ROUNDS / 8; i++) {
        struct onecopy_file *mine = onecopy_open(view_path, 0);
        struct onecopy_view view;
        uint64_t off = any(&seed, size - 1000);
        check(mine != NULL);
        if (onecopy_get(mine, off, 1000, &view)) {
            check(errno == EAGAIN);
            onecopy_close(mine);
            continue;
        }
        onecopy_close(mine);
        check(view_right(view.data, off, 1000));
        check(onecopy_release(&view) == 0);
    }
    return NULL;
}

static void *resizer(void *arg)
{
    uint64_t seed = (uintptr_t)arg * 31337;
    for (unsigned i = 0; i < ROUNDS / 8; i++) {
        if (onecopy_set_budget((size_t)(M + any(&seed, budget - M))))
            check(errno == EAGAIN);
        if (onecopy_extend(file, 1 + any(&seed, 1000)) < 0)
            check(false);
        check(onecopy_flush(file, any(&seed, size), 1 + any(&seed, 10000)) == 0);
    }
    return NULL;
}

static void run(unsigned threads, void *(*first)(void *), void *(*rest)(void *))
{
    pthread_t ids[MOST_THREADS];
    for (uintptr_t i = 0; i < threads; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&ids[i], NULL, i == 0 ? first : rest, (void *)(i + 1)),
                              0);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
}

static void *mixed(void *arg)
{
    static void *(*const roles[])(void *) = {reader, pinner, opener, resizer};
    return roles[(uintptr_t)arg % 4](arg);
}

static void with_file(unsigned threads, void *(*first)(void *), void *(*rest)(void *))
{
    file = view_make(size, ONECOPY_WRITE);
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget((size_t)budget), 0);
    run(threads, first, rest);
    view_done(file);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(too_much, 0);
    CU_ASSERT_EQUAL(view_counters().mapped, 0);
    CU_ASSERT_EQUAL(view_counters().held, 0);
}

static void test_readers(void)
{
    static const unsigned threads[] = {1, 2, 8};
    for (unsigned i = 0; i < 3; i++)
        with_file(threads[i], reader, reader);
}

static void test_mixed(void)
{
    struct onecopy_counters before = view_counters(), after;
    with_file(8, mixed, mixed);
    after = view_counters();
    /* Meanwhile sections were merged, and phased out. */
    CU_ASSERT(after.merges > before.merges);
    CU_ASSERT(after.phased_out > before.phased_out);
}

/* Ranges that threads are given never overlap: each adds one to each byte of its own. */
static void *extender(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 500; i++) {
        struct onecopy_view view;
        int64_t at = onecopy_extend(file, 10);
        check(at >= 0 && onecopy_get(file, (uint64_t)at, 10, &view) == 0);
        for (unsigned j = 0; j < 10; j++)
            ((char *)view.data)[j]++;
        onecopy_release(&view);
    }
    return NULL;
}

static void test_extend(void)
{
    struct onecopy_view view;
    file = view_make(0, ONECOPY_WRITE);
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget((size_t)budget), 0);
    run(4, extender, extender);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(onecopy_size(file), 4 * 500 * 10);
    CU_ASSERT_EQUAL_FATAL(onecopy_get(file, 0, 20000, &view), 0);
    for (unsigned i = 0; i < 20000; i++)
        CU_ASSERT_EQUAL_FATAL(((char *)view.data)[i], 1);
    onecopy_release(&view);
    view_done(file);
}

static bool holds_in_child(uint64_t bytes)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(oc_quick_held() != bytes);
    return waitpid(child, &status, 0) == child && status == 0;
}

/* The two moments at which another thread has changed a part's use, and not yet the sum. */
static void test_fork(void)
{
    file = view_make(size, 0);
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget((size_t)budget), 0);
    struct onecopy_view view;
    CU_ASSERT_EQUAL_FATAL(onecopy_get(file, 0, 100, &view), 0);
    struct oc_part *part = oc_quick_get(file, 0, 100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(part);
    CU_ASSERT_EQUAL(oc_quick_held(), part->size);
    CU_ASSERT(holds_in_child(part->size));
    atomic_fetch_sub(&part->use, 2);
    CU_ASSERT(holds_in_child(0));
    atomic_fetch_add(&part->use, 2);
    oc_quick_drop(part);
    onecopy_release(&view);
    CU_ASSERT_EQUAL(oc_quick_held(), 0);
    atomic_fetch_add(&part->use, 1);
    CU_ASSERT(holds_in_child(part->size));
    atomic_fetch_sub(&part->use, 1);
    view_done(file);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"readers in 1, 2 and 8 threads", test_readers},
        {"readers, pinners, resizers, openers", test_mixed},
        {"a fork between a hold or a release and its count", test_fork},
        {"extend gives each its own range", test_extend},
        {NULL, NULL},
    };
    return oc_tap_suite("view threads", tests);
}
