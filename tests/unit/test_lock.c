/*
 * The lock keeps threads apart, signals out, and survives fork.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "tap.h"

/* The kernel's mask: libc hides its own two signals from pthread_sigmask. */
static uint64_t mask_now(void)
{
    uint64_t mask[2] = {0, 0};

    OC_SYS_4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, mask, _NSIG / 8);
    return mask[0];
}

static uint64_t bit(int sig)
{
    return 1ULL << (sig - 1);
}

static void test_mask(void)
{
    struct oc_lock_state st;
    sigset_t usr1;
    uint64_t before;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    before = mask_now();
    CU_ASSERT(before & bit(SIGUSR1));
    CU_ASSERT(!(before & bit(SIGUSR2)));

    errno = 55;
    oc_lock(&st);
    CU_ASSERT_EQUAL(mask_now(), ~(bit(SIGKILL) | bit(SIGSTOP)));
    oc_unlock(&st);
    CU_ASSERT_EQUAL(errno, 55);
    CU_ASSERT_EQUAL(mask_now(), before);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
}

static volatile sig_atomic_t handled;

static void note(int sig)
{
    (void)sig;
    handled++;
}

static void test_signal_waits(void)
{
    struct sigaction old, act = {.sa_handler = note};
    struct oc_lock_state st;

    sigaction(SIGUSR2, &act, &old);
    handled = 0;
    oc_lock(&st);
    raise(SIGUSR2);
    CU_ASSERT_EQUAL(handled, 0);
    oc_unlock(&st);
    CU_ASSERT_EQUAL(handled, 1);
    sigaction(SIGUSR2, &old, NULL);
}

enum { THREADS = 4, ROUNDS = 20000 };

static struct {
    long count;
    long twin;
} shared;

static void *count(void *arg)
{
    struct oc_lock_state st;

    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        oc_lock(&st);
        shared.count++;
        if (i % 64 == 0)
            sched_yield(); /* let the others pile up */
        shared.twin++;
        if (shared.twin != shared.count)
            shared.count = -1000000000;
        oc_unlock(&st);
    }
    return NULL;
}

static void test_contended(void)
{
    pthread_t thread[THREADS];

    memset(&shared, 0, sizeof shared);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_FATAL(pthread_create(&thread[i], NULL, count, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    CU_ASSERT_EQUAL(shared.count, (long)THREADS * ROUNDS);
    CU_ASSERT_EQUAL(shared.twin, (long)THREADS * ROUNDS);
}

static void lock_and_unlock(int sig)
{
    struct oc_lock_state st;

    (void)sig;
    oc_lock(&st);
    handled++;
    oc_unlock(&st);
}

/* A handler that takes the lock, fired at random moments into a thread that does
 * nothing else: it must never meet its own thread inside. */
static void test_handler_takes_it(void)
{
    struct sigaction old, act = {.sa_handler = lock_and_unlock};
    struct itimerval timer = {{0, 200}, {0, 200}}, off = {{0, 0}, {0, 0}};
    struct oc_lock_state st;

    sigaction(SIGVTALRM, &act, &old);
    handled = 0;
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
    while (handled < 20) {
        oc_lock(&st);
        oc_unlock(&st);
    }
    setitimer(ITIMER_VIRTUAL, &off, NULL);
    sigaction(SIGVTALRM, &old, NULL);
    CU_ASSERT(handled >= 20);
}

static int child_unlocks(void *arg)
{
    const struct oc_lock_state *held = arg;
    struct oc_lock_state again;

    oc_lock_reset_in_child();
    oc_unlock(held);
    if (mask_now() & bit(SIGUSR1))
        return 1;
    oc_lock(&again);
    oc_unlock(&again);
    return 0;
}

static void test_fork(void)
{
    struct oc_lock_state st;

    oc_lock(&st);
    CU_ASSERT_EQUAL(oc_tap_child(child_unlocks, &st), 0);
    oc_unlock(&st);
    oc_lock(&st);
    oc_unlock(&st);
}

static _Atomic int waiting_tid;

static void *wait_for_it(void *arg)
{
    struct oc_lock_state st;

    (void)arg;
    atomic_store(&waiting_tid, oc_sys_tid());
    oc_lock(&st);
    oc_unlock(&st);
    return NULL;
}

/* Is the thread asleep (state S in its stat)? */
static bool sleeps(int tid)
{
    char path[64], stat[512] = "";
    const char *p;
    int fd;

    oc_format(path, sizeof path, "/proc/self/task/%d/stat", tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (read(fd, stat, sizeof stat - 1) < 0)
        stat[0] = '\0';
    close(fd);
    p = strrchr(stat, ')');
    return p && p[1] && p[2] == 'S';
}

/* The child must not inherit the mark that somebody waits, nor lose the lock. */
static void test_fork_with_waiter(void)
{
    struct oc_lock_state st;
    pthread_t thread;

    atomic_store(&waiting_tid, 0);
    oc_lock(&st);
    CU_ASSERT_FATAL(pthread_create(&thread, NULL, wait_for_it, NULL) == 0);
    while (!atomic_load(&waiting_tid) || !sleeps(atomic_load(&waiting_tid)))
        sched_yield();
    CU_ASSERT_EQUAL(oc_tap_child(child_unlocks, &st), 0);
    oc_unlock(&st);
    pthread_join(thread, NULL);
    oc_lock(&st);
    oc_unlock(&st);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"all signals are blocked while it is held", test_mask},
        {"a signal waits until it is free", test_signal_waits},
        {"threads exclude each other", test_contended},
        {"a signal handler may take it", test_handler_takes_it},
        {"a forked child holds it and lets go", test_fork},
        {"a forked child forgets who waited", test_fork_with_waiter},
        {NULL, NULL},
    };

    return oc_tap_suite("lock", tests);
}
