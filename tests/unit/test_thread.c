/*
 * Thread records: claimed, reused, and looked at by others.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/thread.h"

#include <CUnit/CUnit.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/starting.h"
#include "tap.h"

static void join(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, body, arg), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_join(thread, NULL), 0);
}

static void *get_record(void *arg)
{
    *(struct oc_thread **)arg = oc_thread();
    return NULL;
}

/* Both halves of the question, as the pool asks it. */
static bool hazard(const void *p)
{
    return !oc_thread_barrier() || oc_thread_holds(p);
}

static void own_record(void)
{
    struct oc_thread *other = NULL;
    oc_thread_prepare(); /* once; the tests share a process */
    CU_ASSERT_PTR_NOT_NULL_FATAL(oc_thread());
    CU_ASSERT_PTR_EQUAL(oc_thread(), oc_thread());
    CU_ASSERT_EQUAL(oc_thread()->tid, gettid());
    join(get_record, &other);
    CU_ASSERT_PTR_NOT_NULL(other);
    CU_ASSERT_PTR_NOT_EQUAL(other, oc_thread());
}

static void *count_one(void *arg)
{
    struct oc_thread *t = oc_thread();
    (void)arg;
    if (t)
        oc_count(&t->count.copied_calls, 1);
    return t;
}

/* Three times as many threads as there are records, in groups of eight. */
static void records_are_reused(void)
{
    struct oc_counters before, after;
    unsigned without = 0;
    oc_thread_sum(&before);
    for (int i = 0; i < 3 * OC_THREADS / 8; i++) {
        pthread_t thread[8];
        for (int j = 0; j < 8; j++)
            CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[j], NULL, count_one, NULL), 0);
        for (int j = 0; j < 8; j++) {
            void *t;
            pthread_join(thread[j], &t);
            without += !t;
        }
    }
    oc_thread_sum(&after);
    CU_ASSERT_EQUAL(without, 0);
    CU_ASSERT_EQUAL(after.copied_calls - before.copied_calls, 3 * OC_THREADS);
}

static pthread_barrier_t barrier;

static void *wait_with_record(void *arg)
{
    struct oc_thread *t = oc_thread();
    (void)arg;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return t;
}

/* More at once than there are records: some go without, and nobody waits. */
static void table_may_be_full(void)
{
    enum { MANY = OC_THREADS + 8 };
    static pthread_t thread[MANY];
    pthread_attr_t attr;
    int with = 0, made = 0;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    pthread_barrier_init(&barrier, NULL, MANY + 1);
    for (; made < MANY; made++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[made], &attr, wait_with_record, NULL), 0);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < MANY; i++) {
        void *t;
        pthread_join(thread[i], &t);
        with += t != NULL;
    }
    CU_ASSERT_TRUE(with <= OC_THREADS - 1);
    CU_ASSERT_TRUE(with > OC_THREADS / 2);
    struct oc_thread *again = NULL;
    join(get_record, &again);
    CU_ASSERT_PTR_NOT_NULL(again);
}

static int thing;

static void *hold_thing(void *arg)
{
    (void)arg;
    atomic_store(&oc_thread()->hazard, &thing);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    atomic_store(&oc_thread()->hazard, NULL);
    return NULL;
}

static void hazards_are_seen(void)
{
    pthread_t thread;
    CU_ASSERT_FALSE(hazard(&thing));
    pthread_barrier_init(&barrier, NULL, 2);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, hold_thing, NULL), 0);
    pthread_barrier_wait(&barrier);
    CU_ASSERT_TRUE(hazard(&thing));
    CU_ASSERT_FALSE(hazard(&barrier));
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    CU_ASSERT_FALSE(hazard(&thing));
}

static int in_child(void *arg)
{
    struct oc_counters sum;
    struct oc_thread *mine = oc_thread_self;
    (void)arg;
    oc_thread_in_child();
    oc_thread_sum(&sum);
    if (oc_thread() != mine || mine->tid != gettid() || sum.copied_calls != 0)
        return 1;
    /* Another thread's hazard has not come along. */
    return hazard(&thing) ? 2 : 0;
}

static void fork_keeps_one(void)
{
    pthread_t thread;
    oc_count(&oc_thread()->count.copied_calls, 1);
    pthread_barrier_init(&barrier, NULL, 2);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, hold_thing, NULL), 0);
    pthread_barrier_wait(&barrier);
    CU_ASSERT_EQUAL(oc_tap_child(in_child, NULL), 0);
    CU_ASSERT_TRUE(hazard(&thing));
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
}

static void *vforks(void *arg)
{
    int status = -1;
    /* This thread has no record yet, and its child must not make it one. */
    pid_t pid = vfork();
    if (pid == 0)
        _exit(oc_thread() != NULL);
    waitpid(pid, &status, 0);
    *(int *)arg = status != 0 || oc_thread_self != NULL || oc_thread() == NULL;
    return NULL;
}

static void vfork_makes_none(void)
{
    int wrong = 1;
    join(vforks, &wrong);
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Programs are being started until it is over, and no longer; to end it twice changes nothing. */
static void vfork_is_over(void)
{
    uint64_t before = oc_starting_moment(), since;

    oc_thread_prepare();
    CU_ASSERT(oc_starting_none_since(before, false));
    for (int i = 0; i < 2; i++)
        oc_thread_before_vfork();
    CU_ASSERT_FALSE(oc_starting_none_since(before, false));
    CU_ASSERT_FALSE(oc_starting_none_since(oc_starting_moment(), true));
    for (int i = 0; i < 2; i++) {
        oc_thread_vfork_done();
        since = oc_starting_moment();
        CU_ASSERT(oc_starting_none_since(since, false));
    }
    CU_ASSERT_FALSE(oc_starting_none_since(before, false));
    CU_ASSERT(oc_thread_back_home());
    CU_ASSERT(oc_starting_none_since(since, false));
}

/* What is opened while a process is being started may be its, too. */
static void starts_are_noticed(void)
{
    uint64_t before = oc_starting_moment(), during;

    oc_starting_begin(OC_START_PROGRAM);
    CU_ASSERT(oc_starting_program());
    during = oc_starting_moment();
    CU_ASSERT_FALSE(oc_starting_none_since(during, false));
    CU_ASSERT(oc_starting_none_since(during, true));
    oc_starting_end(OC_START_PROGRAM);
    CU_ASSERT_FALSE(oc_starting_program());
    CU_ASSERT_FALSE(oc_starting_none_since(before, false));
    CU_ASSERT_FALSE(oc_starting_none_since(during, false));
    CU_ASSERT(oc_starting_none_since(during, true));
    oc_starting_begin(OC_START_ANY);
    before = oc_starting_moment();
    oc_starting_in_child();
    CU_ASSERT_FALSE(oc_starting_none_since(before, true));
    CU_ASSERT(oc_starting_none_since(oc_starting_moment(), false));
    before = oc_starting_moment();
    oc_starting_done();
    CU_ASSERT_FALSE(oc_starting_none_since(before, true));
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"each thread has a record of its own", own_record},
        {"records of dead threads are reused, their counts kept", records_are_reused},
        {"a full table leaves the late ones without", table_may_be_full},
        {"others see a hazard while it lasts", hazards_are_seen},
        {"a forked child keeps its own record, counting from 0", fork_keeps_one},
        {"a vfork child gets no record in its parent's memory", vfork_makes_none},
        {"a vfork is a start until it is over", vfork_is_over},
        {"starts are noticed while they last, and afterwards", starts_are_noticed},
        {NULL, NULL},
    };
    return oc_tap_suite("thread", tests);
}
