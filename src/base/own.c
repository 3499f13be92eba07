#include "base/own.h"

#include <stdatomic.h>

#include "base/quick.h"
#include "base/sys.h"

enum {
    NUMBERS = 256,
    CLAIMED = -1,
    ABOVE = 32,         /* where ours are, in what a process has room for from the start */
    BRIEFLY = 64,       /* turns for which a waiting thread only gives the processor away: */
    NAP = 50000,        /* then it sleeps, nanoseconds each time, */
    PATIENCE = 1 << 10, /* turns in all, some 100 ms, */
    LONGEST = 1 << 13   /* where the other only closes */
};

/* What this thread is in the middle of, when a signal handler looks.  The place tells threads
 * apart, and is the same in the thread's image in a forked child. */
static __thread struct {
    int opening, closing, replacing;
} self __attribute__((tls_model("initial-exec")));

static struct {
    _Atomic int fd_plus_1; /* 0: free; CLAIMED */
    const void *owner;
} own[NUMBERS];
static _Atomic unsigned used;           /* entries from here on were never used */
OC_QUICK _Atomic unsigned oc_own_count; /* entries that are not free */

/*
 * Threads that are at it.  Each looks at the other after it has said so, and waits, but not
 * for ever: a dup2 that takes long has got its number already and closes what was there, and one
 * that a signal handler left by a jump never ends.
 */
OC_QUICK _Atomic int oc_own_opening;
static _Atomic int closing, replacing;

/* On a busy machine a thousand turns may be over before the other has the processor once. */
static void wait_a_turn(int turn)
{
#ifdef SYS_nanosleep
    static const long nap[2] = {0, NAP};

    if (turn >= BRIEFLY) {
        OC_SYS_2(SYS_nanosleep, nap, NULL);
        return;
    }
#endif
    (void)turn;
    OC_SYS_0(SYS_sched_yield);
}

/* ---- the entries ---- */

static bool enter(int fd)
{
    for (unsigned i = 0; i < NUMBERS; i++) {
        int none = 0;
        if (!atomic_compare_exchange_strong(&own[i].fd_plus_1, &none, CLAIMED))
            continue;
        own[i].owner = &self;
        unsigned seen = atomic_load(&used);
        while (seen <= i && !atomic_compare_exchange_weak(&used, &seen, i + 1))
            ;
        atomic_fetch_add(&oc_own_count, 1);
        atomic_store(&own[i].fd_plus_1, fd + 1);
        return true;
    }
    return false;
}

/* The entry of FD, or NUMBERS. */
static unsigned find(int fd)
{
    if (fd < 0 || !atomic_load_explicit(&oc_own_count, memory_order_acquire))
        return NUMBERS;
    unsigned n = atomic_load(&used), i = 0;
    while (i < n && atomic_load_explicit(&own[i].fd_plus_1, memory_order_acquire) != fd + 1)
        i++;
    return i < n ? i : NUMBERS;
}

static void leave(unsigned i)
{
    atomic_store(&own[i].fd_plus_1, 0);
    atomic_fetch_sub(&oc_own_count, 1);
}

bool oc_own_is(int fd)
{
    return find(fd) < NUMBERS;
}

int oc_own_next(unsigned from)
{
    int next = -1;
    if (!atomic_load_explicit(&oc_own_count, memory_order_acquire))
        return -1;
    for (unsigned i = 0; i < atomic_load(&used); i++) {
        int fd = atomic_load(&own[i].fd_plus_1) - 1;
        if (fd >= 0 && (unsigned)fd >= from && (next < 0 || fd < next))
            next = fd;
    }
    return next;
}

/* ---- opening ---- */

static void end(_Atomic int *all, int *mine)
{
    atomic_fetch_sub(all, 1);
    --*mine;
}

/* When no other thread replaces a number or forks, or after long enough: *ALL counts those who are
 * at it, *MINE how often this thread is. */
static void begin(_Atomic int *all, int *mine)
{
    for (int i = 0;; i++) {
        ++*mine;
        atomic_fetch_add(all, 1);
        if (i == PATIENCE || atomic_load(&replacing) <= self.replacing)
            return;
        end(all, mine);
        wait_a_turn(i);
    }
}

/* Whoever writes to a standard stream that it closed must not write to us, so that number is
 * given up even where there is no room above. */
static int out_of_the_way(int fd)
{
    if (fd < 0 || fd >= ABOVE)
        return fd;
    int high = (int)OC_SYS_3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, ABOVE);
    if (high < 0 && fd > 2)
        return fd;
    if (high < 0)
        high = (int)OC_SYS_3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
    oc_sys_close(fd);
    return high < 0 ? -EMFILE : high;
}

int oc_own_openat(int dir, const char *path, int flags, int mode)
{
    begin(&oc_own_opening, &self.opening);
    int fd = out_of_the_way(oc_sys_openat(dir, path, flags, mode));
    if (fd >= 0 && !enter(fd)) {
        oc_sys_close(fd);
        fd = -EMFILE;
    }
    end(&oc_own_opening, &self.opening);
    return fd;
}

int oc_own_open(const char *path, int flags, int mode)
{
    return oc_own_openat(AT_FDCWD, path, flags, mode);
}

/* The entry goes first, for the next to be given the number is somebody else.  A dup2 that has
 * begun is onto another number, as ours had its entry; the next one waits until we are done.
 * And a child that is forked in between would have the descriptor without the entry. */
void oc_own_close(int fd)
{
    unsigned i = find(fd);
    begin(&closing, &self.closing);
    if (i < NUMBERS)
        leave(i);
    oc_sys_close(fd);
    end(&closing, &self.closing);
}

/* ---- the program's calls ---- */

void oc_own_settle(void)
{
    for (int i = 0; i < PATIENCE && atomic_load(&oc_own_opening) > self.opening; i++)
        wait_a_turn(i);
}

static bool others_are_at_it(int waited)
{
    return (atomic_load(&oc_own_opening) > self.opening && waited < PATIENCE) ||
           (atomic_load(&closing) > self.closing && waited < LONGEST);
}

bool oc_own_replace(int fd)
{
    for (int i = 0;; i++) {
        self.replacing++;
        atomic_fetch_add(&replacing, 1);
        /* Nobody begins meanwhile, or there would always be somebody. */
        for (; others_are_at_it(i); i++)
            wait_a_turn(i);
        unsigned at = find(fd);
        if (at == NUMBERS)
            return true;
        /* Whoever has the number may have to begin before he is done with it. */
        oc_own_replaced();
        if (own[at].owner == &self)
            return false;
        wait_a_turn(i);
    }
}

void oc_own_replaced(void)
{
    atomic_fetch_sub(&replacing, 1);
    self.replacing--;
}

void oc_own_in_child(void)
{
    atomic_store(&oc_own_opening, self.opening);
    atomic_store(&closing, self.closing);
    atomic_store(&replacing, self.replacing);
    for (unsigned i = 0; i < NUMBERS; i++) {
        int fd = atomic_load(&own[i].fd_plus_1) - 1;
        if (fd == -1 || own[i].owner == &self)
            continue;
        if (fd >= 0)
            oc_sys_close(fd);
        leave(i);
    }
}
