/*
 * Descriptors of our own stay out of the program's way, and out of its dup2's.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../newer.h"
#include "base/own.h"
#include "tap.h"

static int lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static int own_null(void)
{
    return oc_own_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);
}

static void test_entries(void)
{
    int free = lowest_free();
    errno = 44;
    int fd = own_null(), other = own_null();

    CU_ASSERT(fd >= 32 && other >= 32 && fd != other);
    CU_ASSERT_EQUAL(lowest_free(), free);
    CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CU_ASSERT(oc_own_is(fd) && oc_own_is(other) && !oc_own_is(free) && !oc_own_is(-1));
    int low = fd < other ? fd : other;
    CU_ASSERT_EQUAL(oc_own_next(0), low);
    CU_ASSERT_EQUAL(oc_own_next((unsigned)low + 1), fd + other - low);
    CU_ASSERT_EQUAL(oc_own_next((unsigned)(fd + other - low) + 1), -1);
    oc_own_close(fd);
    CU_ASSERT(!oc_own_is(fd) && oc_own_is(other));
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
    oc_own_close(other);
    CU_ASSERT_EQUAL(oc_own_next(0), -1);
    CU_ASSERT_EQUAL(oc_own_open("/nonexistent/x", O_RDONLY, 0), -ENOENT);
}

/* How many descriptors there may be. */
static int with_limit(void *arg)
{
    int n = *(int *)arg;
    struct rlimit limit = {(rlim_t)n, (rlim_t)n};

    setrlimit(RLIMIT_NOFILE, &limit);
    int fd = own_null();
    if (n < 4)
        return fd == -EMFILE ? 0 : 1;
    return fd >= 3 && fd < n && oc_own_is(fd) ? 0 : 2;
}

/* As a program that has closed its standard streams. */
static int without_stdio(void *arg)
{
    int n = *(int *)arg;

    closefrom(0);
    return with_limit(&n);
}

/* As one that has closed what it would write to. */
static int without_output(void *arg)
{
    int n = *(int *)arg;

    closefrom(1);
    return with_limit(&n);
}

static void test_limits(void)
{
    int above = lowest_free() + 1, few = 8;

    CU_ASSERT_EQUAL(oc_tap_child(with_limit, &above), 0);
    CU_ASSERT_EQUAL(oc_tap_child(without_stdio, &few), 0);
    CU_ASSERT_EQUAL(oc_tap_child(without_output, &few), 0);
    few = 3;
    CU_ASSERT_EQUAL(oc_tap_child(without_stdio, &few), 0);
    CU_ASSERT_EQUAL(oc_tap_child(without_output, &few), 0);
}

/* As many as there can be, and not one more; all of them come back. */
static void test_many(void)
{
    int fd[300], n = 0;

    while (n < 299 && (fd[n] = own_null()) >= 0)
        n++;
    CU_ASSERT_EQUAL(n, 256);
    CU_ASSERT_EQUAL(fd[n], -EMFILE);
    for (int i = 0; i < n; i++)
        oc_own_close(fd[i]);
    CU_ASSERT_EQUAL(oc_own_next(0), -1);
    fd[0] = own_null();
    CU_ASSERT(fd[0] >= 0);
    oc_own_close(fd[0]);
}

/* ---- the program's dup2 ---- */

static _Atomic int state, number;
enum { BEGUN = 1, REPLACED };

static void *replace(void *arg)
{
    (void)arg;
    state = BEGUN;
    if (oc_own_replace(number)) {
        state = REPLACED;
        oc_own_replaced();
    }
    return NULL;
}

static void give_time(void)
{
    for (int i = 0; i < 200; i++)
        sched_yield();
}

static void test_replace_waits(void)
{
    pthread_t thread;

    number = own_null();
    state = 0;
    CU_ASSERT_FALSE(oc_own_replace(number)); /* ours would never be closed */
    pthread_create(&thread, NULL, replace, NULL);
    while (state != BEGUN)
        sched_yield();
    give_time();
    CU_ASSERT_EQUAL(state, BEGUN);
    oc_own_close(number);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(state, REPLACED);
}

static void *open_one(void *arg)
{
    (void)arg;
    state = BEGUN;
    number = own_null();
    return NULL;
}

/* A handler may leave dup2 by a jump, and then it never ends. */
static void test_open_waits_not_for_ever(void)
{
    pthread_t thread;

    number = -1;
    CU_ASSERT_TRUE(oc_own_replace(100));
    int fd = own_null(); /* a handler that interrupted this thread's dup2 */
    CU_ASSERT(fd >= 0);
    pthread_create(&thread, NULL, open_one, NULL);
    pthread_join(thread, NULL);
    CU_ASSERT(number >= 0);
    oc_own_close(number);
    oc_own_close(fd);
    oc_own_replaced();
}

/* ---- fork ---- */

static int forked(void *arg)
{
    int fd = *(int *)arg;

    oc_own_in_child();
    if (fcntl(number, F_GETFD) >= 0 || oc_own_is(number))
        return 1;
    if (fcntl(fd, F_GETFD) < 0 || !oc_own_is(fd))
        return 2;
    oc_own_close(fd);
    return oc_own_next(0) == -1 && oc_own_replace(number) ? 0 : 3;
}

static void test_fork(void)
{
    pthread_t thread;
    int fd = own_null();

    pthread_create(&thread, NULL, open_one, NULL);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(oc_tap_child(forked, &fd), 0);
    CU_ASSERT(oc_own_is(fd) && oc_own_is(number));
    oc_own_close(fd);
    oc_own_close(number);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"above where programs have theirs, and written down", test_entries},
        {"where descriptors are few, and never a standard stream", test_limits},
        {"no more than there is room for", test_many},
        {"the program's dup2 waits for ours, but not for its own thread's", test_replace_waits},
        {"ours waits for the program's dup2, but not for ever", test_open_waits_not_for_ever},
        {"a forked child closes those of threads that it has not", test_fork},
        {NULL, NULL},
    };

    return oc_tap_suite("own", tests);
}
