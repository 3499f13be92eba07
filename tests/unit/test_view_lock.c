/*
 * Locks between processes and threads.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <CUnit/CUnit.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tap.h"
#include "view_file.h"

enum { ALONE = ONECOPY_WRITE };

static struct onecopy_file *file;

static struct onecopy_hold *lock(uint64_t off, uint64_t n, unsigned flags)
{
    struct onecopy_hold *hold;
    errno = 77;
    hold = onecopy_lock(file, off, n, flags);
    CU_ASSERT_PTR_NOT_NULL_FATAL(hold);
    CU_ASSERT_EQUAL(errno, 77);
    return hold;
}

static void refused(uint64_t off, uint64_t n, unsigned flags, int cause)
{
    CU_ASSERT_PTR_NULL(onecopy_lock(file, off, n, flags));
    CU_ASSERT_EQUAL(errno, cause);
}

static void unlock(struct onecopy_hold *hold)
{
    CU_ASSERT_EQUAL(onecopy_unlock(hold), 0);
}

static void test_within_a_process(void)
{
    struct onecopy_hold *a, *b, *c;
    file = view_make(1000, ONECOPY_WRITE);
    a = lock(0, 10, ALONE);
    refused(5, 1, ALONE | ONECOPY_NOWAIT, EAGAIN);
    refused(5, 1, ONECOPY_NOWAIT, EAGAIN);
    refused(0, 0, ONECOPY_NOWAIT, EAGAIN);
    b = lock(10, 10, ALONE | ONECOPY_NOWAIT);
    unlock(a);
    a = lock(0, 10, ONECOPY_NOWAIT);
    c = lock(5, 5, ONECOPY_NOWAIT);
    refused(0, 10, ALONE | ONECOPY_NOWAIT, EAGAIN);
    unlock(a);
    unlock(b);
    unlock(c);
    a = lock(0, 0, ALONE | ONECOPY_NOWAIT);
    refused((1ULL << 62) - 1, 1, ONECOPY_NOWAIT, EAGAIN);
    unlock(a);
    view_done(file);
}

static void test_errors(void)
{
    file = view_make(1000, 0);
    refused(0, 1, ALONE, EBADF);
    refused(0, 1, ONECOPY_SYNC, EINVAL);
    refused(1ULL << 62, 1, 0, EINVAL);
    refused(1, 1ULL << 62, 0, EINVAL);
    CU_ASSERT_EQUAL(onecopy_unlock(NULL), -1);
    unlock(lock(0, 0, 0));
    view_done(file);
}

struct child {
    pid_t pid;
    int say; /* a byte comes when it is ready */
};

/* A child that runs BODY, says so, and sleeps. */
static struct child start(void (*body)(void))
{
    int ends[2];
    char c;
    struct child child;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    child.pid = fork();
    if (child.pid == 0) {
        alarm(60);
        body();
        if (write(ends[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ends[1]);
    child.say = ends[0];
    CU_ASSERT_EQUAL_FATAL(read(ends[0], &c, 1), 1);
    return child;
}

static void finish(struct child child)
{
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    close(child.say);
}

static void hold_all(void)
{
    struct onecopy_file *mine = onecopy_open(view_path, ONECOPY_WRITE);
    if (!mine || !onecopy_lock(mine, 0, 0, ALONE))
        _exit(1);
}

static void test_killed_holder(void)
{
    struct child child;
    file = view_make(1000, ONECOPY_WRITE);
    child = start(hold_all);
    refused(0, 1, ONECOPY_NOWAIT, EAGAIN);
    finish(child);
    unlock(lock(0, 1, ALONE | ONECOPY_NOWAIT));
    view_done(file);
}

/* Holds the lock and has a child of its own, which lives on. */
static int orphan_pipe[2];
static void hold_and_fork(void)
{
    hold_all();
    if (fork() == 0) {
        char c;
        alarm(60);
        close(orphan_pipe[1]);
        _exit(read(orphan_pipe[0], &c, 1) != 0);
    }
}

static void test_child_does_not_keep_the_lock(void)
{
    struct child child;
    CU_ASSERT_EQUAL_FATAL(pipe(orphan_pipe), 0);
    file = view_make(1000, ONECOPY_WRITE);
    child = start(hold_and_fork);
    refused(0, 1, ONECOPY_NOWAIT, EAGAIN);
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    /* The grandchild may be on its way out of fork: wait for the lock. */
    unlock(lock(0, 1, ALONE));
    close(orphan_pipe[0]);
    close(orphan_pipe[1]);
    close(child.say);
    view_done(file);
}

static struct onecopy_hold *parents;

static int in_child(void *arg)
{
    struct onecopy_hold *mine;
    (void)arg;
    if (onecopy_lock(file, 0, 10, ONECOPY_NOWAIT) || errno != EAGAIN)
        return 1;
    if (onecopy_unlock(parents) != -1 || errno != EPERM)
        return 2;
    if (onecopy_lock(file, 0, 10, ONECOPY_NOWAIT) || errno != EAGAIN)
        return 3;
    mine = onecopy_lock(file, 10, 10, ALONE | ONECOPY_NOWAIT);
    if (!mine || onecopy_unlock(mine))
        return 4;
    onecopy_close(file);
    return 0;
}

static void test_fork(void)
{
    file = view_make(1000, ONECOPY_WRITE);
    unlock(lock(500, 1, 0)); /* an idle one as well */
    parents = lock(0, 10, ALONE);
    CU_ASSERT_EQUAL(oc_tap_child(in_child, NULL), 0);
    refused(0, 10, ONECOPY_NOWAIT, EAGAIN);
    unlock(parents);
    view_done(file);
}

static int record_lock_is_free(void *fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(*(int *)fd, F_SETLK, &lock) == 0;
}

/* Locking and unlocking close nothing, so the program keeps its record locks; close drops them. */
static void test_record_locks(void)
{
    struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    int fd;
    file = view_make(1000, ONECOPY_WRITE);
    fd = open(view_path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_SETLK, &mine), 0);
    for (unsigned i = 0; i < 10; i++) {
        struct onecopy_hold *a = lock(100, 10, ALONE), *b = lock(200, 10, 0);
        unlock(a);
        unlock(b);
    }
    CU_ASSERT(onecopy_extend(file, 10) == 1000);
    CU_ASSERT_EQUAL(oc_tap_child(record_lock_is_free, &fd), 0);
    onecopy_close(file);
    CU_ASSERT_EQUAL(oc_tap_child(record_lock_is_free, &fd), 1);
    close(fd);
    unlink(view_path);
}

static void test_lock_outlives_close(void)
{
    struct onecopy_file *other;
    struct onecopy_hold *hold;
    file = view_make(1000, ONECOPY_WRITE);
    other = onecopy_open(view_path, ONECOPY_WRITE);
    hold = lock(0, 1, ALONE);
    unlock(lock(1, 1, ALONE));
    onecopy_close(file);
    file = other;
    refused(0, 1, ONECOPY_NOWAIT, EAGAIN);
    unlock(hold);
    unlock(lock(0, 1, ONECOPY_NOWAIT | ALONE));
    view_done(file);
}

static void ignore(int sig)
{
    (void)sig;
}

static void *wait_for_lock(void *cause)
{
    struct onecopy_hold *hold = onecopy_lock(file, 0, 1, ALONE);
    *(int *)cause = hold ? 0 : errno;
    if (hold)
        onecopy_unlock(hold);
    return NULL;
}

static void test_interrupted(void)
{
    struct sigaction action = {.sa_handler = ignore};
    struct onecopy_hold *hold;
    pthread_t thread;
    int cause = -1;
    file = view_make(1000, ONECOPY_WRITE);
    sigaction(SIGUSR1, &action, NULL);
    hold = lock(0, 1, ALONE);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for_lock, &cause), 0);
    while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
        pthread_kill(thread, SIGUSR1);
        usleep(1000);
    }
    CU_ASSERT_EQUAL(cause, EINTR);
    unlock(hold);
    view_done(file);
}

enum { COUNTERS = 2, THREADS = 3, PROCESSES = 3, TIMES = 300 };

/* Add without atomics, under the lock. */
static void *adder(void *arg)
{
    struct onecopy_view view;
    (void)arg;
    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t at = i % COUNTERS * 8;
        struct onecopy_hold *hold = onecopy_lock(file, at, 8, ALONE);
        if (!hold || onecopy_get(file, at, 8, &view))
            return (void *)1;
        ++*(volatile uint64_t *)view.data;
        if (onecopy_release(&view) || onecopy_unlock(hold))
            return (void *)1;
    }
    return NULL;
}

static int adders(void *arg)
{
    pthread_t threads[THREADS];
    void *result;
    int failed = 0;
    (void)arg;
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, adder, NULL))
            return 1;
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        failed |= result != NULL;
    }
    return failed;
}

static void test_no_lost_update(void)
{
    uint64_t sums[COUNTERS] = {0};
    pid_t pids[PROCESSES];
    file = view_make(0, ONECOPY_WRITE);
    CU_ASSERT_EQUAL_FATAL(onecopy_grow(file, sizeof sums), 0);
    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            alarm(60);
            _exit(adders(NULL));
        }
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL(onecopy_read(file, sums, sizeof sums, 0), sizeof sums);
    CU_ASSERT_EQUAL(sums[0] + sums[1], PROCESSES * THREADS * TIMES);
    view_done(file);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"within a process", test_within_a_process},
        {"errors", test_errors},
        {"a killed holder's lock is free", test_killed_holder},
        {"a forked child does not keep it", test_child_does_not_keep_the_lock},
        {"fork", test_fork},
        {"the program's record locks", test_record_locks},
        {"a lock outlives close", test_lock_outlives_close},
        {"a signal interrupts the wait", test_interrupted},
        {"no lost update among threads and processes", test_no_lost_update},
        {NULL, NULL},
    };
    return oc_tap_suite("view lock", tests);
}
