/*
 * The guard: its own faults, and everybody else's.  Each case runs in a child,
 * since what it does to signals may well be its end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/guard.h"
#include "base/thread.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tap.h"

/* In a child: leave with the line that failed. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(__LINE__ % 120 + 1);                                                             \
    } while (0)

#define PAGE (size_t) sysconf(_SC_PAGESIZE)

static const struct oc_guard_libc libc = {sigaction};

static void start(void)
{
    oc_guard_use(&libc);
}

/* Two pages of a file, the second cut off. */
static char *cut_mapping(void)
{
    int fd = memfd_create("cut", 0);
    MUST(fd >= 0 && ftruncate(fd, (off_t)(2 * PAGE)) == 0);
    char *map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    MUST(map != MAP_FAILED && ftruncate(fd, (off_t)PAGE) == 0);
    return map;
}

static char *closed_page(void)
{
    char *map = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(map != MAP_FAILED && mprotect(map, PAGE, PROT_READ | PROT_WRITE) == 0);
    return map + PAGE;
}

static sigset_t set_of(int a, int b)
{
    sigset_t set;
    sigemptyset(&set);
    if (a)
        sigaddset(&set, a);
    if (b)
        sigaddset(&set, b);
    return set;
}

static bool really_blocked(int sig)
{
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, sig);
}

static bool wished_blocked(int sig)
{
    sigset_t set;
    MUST(oc_guard_sigmask(SIG_BLOCK, NULL, &set) == 0);
    return sigismember(&set, sig);
}

/* ---- our own faults ---- */

static int good_copies(void *arg)
{
    char from[100], to[100] = {0};
    (void)arg;
    start();
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (char)i;
    MUST(oc_guard_ready());
    MUST(oc_guard_copy(to, from, 0) && to[0] == 0);
    MUST(oc_guard_copy(to, from, sizeof to) && !memcmp(from, to, sizeof to));
    return 0;
}

/* As if the processor had no wider registers than those of 16 << *WIDTH bytes. */
static int widths[] = {0, 1};

static bool narrow(const int *width)
{
#if OC_HAVE_SMALL
    if (width && *width < oc_small_wide)
        oc_small_wide = (unsigned char)*width;
#else
    (void)width;
#endif
    return true;
}

/* Each length, up against an unreadable page on both sides, and over it. */
static int every_length(void *arg)
{
    char *from_end = closed_page(), *to_end = closed_page(), want[400], *to;
    start();
    MUST(oc_guard_ready() && narrow(arg));
    for (size_t i = 1; i <= 400; i++)
        from_end[-(ptrdiff_t)i] = (char)(i * 7);
    for (size_t n = 1; n <= 300; n++) {
        memset(to_end - 400, 0x55, 400);
        memset(want, 0x55, 400);
        memcpy(want + 400 - n, from_end - n, n);
        MUST(oc_guard_copy(to_end - n, from_end - n, n) && !memcmp(to_end - 400, want, 400));
        to = to_end - n - 20;
        MUST(oc_guard_copy(to, from_end - n, n) && !memcmp(to, from_end - n, n));
        for (size_t over = 1; over <= n && over <= 70; over++) {
            MUST(!oc_guard_copy(to, from_end - n + over, n));
            MUST(!oc_guard_copy(to_end - n + over, from_end - n, n));
        }
    }
    return 0;
}

/* A zero at the end is copied where one of the seven bytes behind it is none. */
static int zero_ending(void *arg)
{
    static char from[2000], to[2000], untouched[2000];
    start();
    MUST(oc_guard_ready() && narrow(arg));
    memset(untouched, 3, sizeof untouched);
    for (size_t n = 1; n <= 1500 && oc_small_enough(n); n += 1 + n / 256) {
        memset(from, 9, sizeof from);
        memset(to, 3, sizeof to);
        memset(from + n - 1, 0, 1 + OC_SMALL_BEYOND);
        MUST(!oc_small_copy_ending(to, from, n) && !memcmp(to, untouched, sizeof to));
        for (size_t i = 0; i <= OC_SMALL_BEYOND; i++) {
            from[n - 1 + i] = 1;
            memset(to, 3, sizeof to);
            MUST(oc_small_copy_ending(to, from, n) && !memcmp(to, from, n));
            MUST(!memcmp(to + n, untouched, sizeof to - n));
            from[n - 1 + i] = 0;
        }
    }
    char *closed = closed_page();
    MUST(!oc_small_enough(8) || !oc_small_copy_ending(to, closed - 4, 8));
    MUST(!oc_small_enough(8) || !oc_small_copy_ending(to, closed - 8, 8));
    return 0;
}

/* Zeros are copied where the next page can be loaded from. */
static int backed(void *arg)
{
    static char big[2 * 4096];
    char *end = closed_page(), *to = big + 64;
    start();
    MUST(oc_guard_ready() && narrow(arg));
    if (!oc_small_enough(8))
        return 0;
    char *two = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(two != MAP_FAILED && mprotect(two + 2 * PAGE, PAGE, PROT_NONE) == 0);
    for (size_t n = 1; n <= PAGE; n += 1 + n / 9) {
        memset(big, 3, sizeof big);
        MUST(oc_small_copy_backed(to, two + PAGE - n, n) && !memcmp(to, two, n) && to[n] == 3);
        MUST(oc_small_copy_backed(to, two, n) && !memcmp(to, two, n) && to[n] == 3);
        memset(big, 3, sizeof big);
        MUST(!oc_small_copy_backed(to, two + 2 * PAGE - n, n) && to[0] == 3 && to[n - 1] == 3);
        MUST(!oc_small_copy_backed(to, two + PAGE + 1 - (n == PAGE), n) && to[0] == 3);
        MUST(!oc_small_copy_backed(to, end - n, n) && to[0] == 3);
    }
    return 0;
}

/* Lengths and alignments of the wide copy, and faults at every place of it. */
static int wide(void *arg)
{
    static char big[9000], want[9000];
    char *end = closed_page();
    start();
    MUST(oc_guard_ready() && narrow(arg));
    for (size_t i = 0; i < PAGE; i++)
        (end - PAGE)[i] = (char)(i * 7 + i / 251);
    for (size_t n = 257; n <= PAGE; n += 1 + n / 17) {
        for (size_t to = 0; to < 70; to += 3) {
            memset(big, 0x55, sizeof big);
            memset(want, 0x55, sizeof want);
            memcpy(want + to, end - n, n);
            MUST(oc_guard_copy(big + to, end - n, n) && !memcmp(big, want, sizeof big));
        }
        MUST(oc_guard_copy(big, end - PAGE, n) && !memcmp(big, end - PAGE, n));
        for (size_t over = 1; over <= n; over += 1 + over / 3) {
            MUST(!oc_guard_copy(big, end - n + over, n));
            MUST(!oc_guard_copy(end - n + over, big, n));
        }
    }
    return 0;
}

/* The way that needs no processor in particular: memcpy, left by a jump. */
static int plain_faults(void *arg)
{
    enum { MOST = 300000 };
    static char big[MOST];
    const size_t room = (MOST / PAGE + 1) * PAGE;
    char *cut = cut_mapping(), *from, *end;
    (void)arg;
    start();
    from = mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    end = from + room;
    MUST(from != MAP_FAILED && mprotect(end, PAGE, PROT_NONE) == 0 && oc_guard_ready());
    memset(from, 0x33, room);
    for (size_t n = 1; n <= MOST; n = n * 7 + 1) {
        MUST(oc_guard_copy_big(big, end - n, n) && big[0] == 0x33 && big[n - 1] == 0x33);
        MUST(!oc_guard_copy_big(big, end - n + 1, n) && !oc_guard_copy_big(end - n + 1, big, n));
        MUST(!oc_guard_copy_big(big, end - n / 2, n) && !oc_guard_copy_big(end, big, n));
        MUST(!oc_guard_copy_big(big, cut + PAGE, n < PAGE ? n : PAGE));
    }
    MUST(!really_blocked(SIGBUS) && !really_blocked(SIGSEGV));
    return 0;
}

static int source_faults(void *arg)
{
    char *map = cut_mapping(), to[64];
    (void)arg;
    start();
    for (int i = 0; i < 3; i++) {
        MUST(oc_guard_ready());
        MUST(!oc_guard_copy(to, map + PAGE, sizeof to));
        MUST(!oc_guard_copy(to, map + PAGE - 32, sizeof to));
        MUST(oc_guard_copy(to, map + PAGE - 64, sizeof to));
    }
    MUST(!really_blocked(SIGBUS) && !really_blocked(SIGUSR1));
    return 0;
}

static int destination_faults(void *arg)
{
    char *closed = closed_page(), from[64] = {0};
    (void)arg;
    start();
    MUST(oc_guard_ready());
    MUST(!oc_guard_copy(closed, from, sizeof from));
    MUST(!oc_guard_copy(closed - 32, from, sizeof from));
    MUST(oc_guard_copy(closed - 64, from, sizeof from));
    MUST(!oc_guard_copy(NULL, from, sizeof from));
    MUST(!oc_guard_copy((void *)UINTPTR_MAX, from, 1));
    MUST(!oc_guard_copy((void *)((UINTPTR_MAX >> 4) & ~(uintptr_t)15), from, sizeof from));
    MUST(!really_blocked(SIGSEGV));
    return 0;
}

/* A thread that has a record, as every one does that serves reads. */
static int counted_faults(void *arg)
{
    char *map = cut_mapping(), to[2000];
    struct oc_counters sum;
    (void)arg;
    start();
    oc_thread_prepare();
    MUST(oc_thread() && oc_guard_ready());
    MUST(!oc_guard_copy(to, map + PAGE - 4, 8) && !oc_guard_copy(to, map + PAGE, sizeof to));
    oc_thread_sum(&sum);
    MUST(sum.guard_faults == 2);
    return 0;
}

/* ---- copies in handlers that interrupt copies ---- */

enum { BIG = 16 << 20 };
static char *cut;
static volatile sig_atomic_t copying, nested, wrong;

static void copy_in_handler(int sig)
{
    char text[] = "a small copy", to[64];
    (void)sig;
    nested += copying;
    wrong += !oc_guard_copy(to, text, sizeof text) || strcmp(to, text) != 0;
    wrong += oc_guard_copy(to, cut + PAGE, sizeof to);
}

static void every_millisecond(void (*handler)(int))
{
    struct sigaction act = {.sa_handler = handler};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    sigfillset(&act.sa_mask);
    MUST(oc_guard_sigaction(SIGALRM, &act, NULL) == 0);
    setitimer(ITIMER_REAL, &often, NULL);
}

static int nests(void *arg)
{
    char *from = malloc(BIG), *to = malloc(BIG);
    (void)arg;
    start();
    cut = cut_mapping();
    memset(from, 7, BIG);
    MUST(oc_guard_ready());
    every_millisecond(copy_in_handler);
    while (nested < 20) {
        memset(to, 0, BIG);
        copying = 1;
        MUST(oc_guard_copy(to, from, BIG));
        copying = 0;
        MUST(!memcmp(from, to, BIG));
        MUST(!oc_guard_copy(to, cut + PAGE, 1));
    }
    MUST(wrong == 0);
    return 0;
}

static sigjmp_buf out;

static void jump_if_copying(int sig)
{
    (void)sig;
    if (copying)
        siglongjmp(out, 1);
}

static int survives_a_jump_out(void *arg)
{
    char *from = malloc(BIG), *to = malloc(BIG);
    volatile int jumps = 0;
    (void)arg;
    start();
    cut = cut_mapping();
    memset(from, 7, BIG);
    MUST(oc_guard_ready());
    every_millisecond(jump_if_copying);
    while (jumps < 5) {
        if (sigsetjmp(out, 1) == 0) {
            copying = 1;
            MUST(oc_guard_copy(to, from, BIG));
        } else {
            jumps++;
        }
        copying = 0;
        MUST(oc_guard_ready());
        MUST(!oc_guard_copy(to, cut + PAGE, 1));
        MUST(oc_guard_copy(to, "x", 2) && !strcmp(to, "x"));
    }
    return 0;
}

static int handler_masks(void *arg)
{
    struct sigaction act = {.sa_handler = copy_in_handler}, old;
    (void)arg;
    cut = cut_mapping();
    /* One set before anybody looked, one after. */
    sigfillset(&act.sa_mask);
    MUST(sigaction(SIGUSR1, &act, NULL) == 0);
    start();
    MUST(oc_guard_ready());
    MUST(oc_guard_sigaction(SIGUSR2, &act, NULL) == 0);
    raise(SIGUSR1);
    raise(SIGUSR2);
    MUST(wrong == 0);
    MUST(oc_guard_sigaction(SIGUSR2, NULL, &old) == 0 && sigismember(&old.sa_mask, SIGBUS) &&
         sigismember(&old.sa_mask, SIGSEGV) && sigismember(&old.sa_mask, SIGINT));
    MUST(oc_guard_sigaction(SIGUSR1, NULL, &old) == 0 && sigismember(&old.sa_mask, SIGBUS));
    sigdelset(&act.sa_mask, SIGBUS);
    MUST(oc_guard_sigaction(SIGUSR2, &act, &old) == 0 && sigismember(&old.sa_mask, SIGBUS));
    MUST(oc_guard_sigaction(SIGUSR2, NULL, &old) == 0 && !sigismember(&old.sa_mask, SIGBUS) &&
         sigismember(&old.sa_mask, SIGSEGV));
    return 0;
}

/* ---- the program's own faults ---- */

static volatile sig_atomic_t calls, last_sig, blocked_inside, ready_inside;
static volatile siginfo_t last_info;

static void note(int sig, siginfo_t *info, void *context)
{
    (void)context;
    calls++;
    last_sig = sig;
    last_info = *info;
    blocked_inside = really_blocked(sig);
    ready_inside = oc_guard_ready();
}

static void note_and_jump(int sig, siginfo_t *info, void *context)
{
    note(sig, info, context);
    siglongjmp(out, 1);
}

static char *volatile to_open; /* handlers look at it */

static void note_and_open(int sig, siginfo_t *info, void *context)
{
    note(sig, info, context);
    mprotect(to_open, PAGE, PROT_READ | PROT_WRITE);
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    MUST(oc_guard_sigaction(sig, &act, NULL) == 0);
}

static int handler_returns(void *arg)
{
    bool before = *(bool *)arg;
    char *closed = closed_page(), byte;
    start();
    to_open = closed;
    if (before)
        handle(SIGSEGV, note_and_open, 0);
    MUST(oc_guard_ready());
    if (!before)
        handle(SIGSEGV, note_and_open, 0);
    *(volatile char *)(closed + 5) = 1;
    MUST(calls == 1 && last_sig == SIGSEGV && last_info.si_code == SEGV_ACCERR &&
         last_info.si_addr == closed + 5);
    MUST(blocked_inside && !ready_inside);
    MUST(!really_blocked(SIGSEGV) && !wished_blocked(SIGSEGV) && oc_guard_ready());
    cut = cut_mapping();
    MUST(!oc_guard_copy(&byte, cut + PAGE, 1) && calls == 1);
    return 0;
}

static int handler_jumps(void *arg)
{
    char byte;
    (void)arg;
    start();
    cut = cut_mapping();
    MUST(oc_guard_ready());
    handle(SIGBUS, note_and_jump, 0);
    for (int i = 1; i <= 3; i++) {
        if (sigsetjmp(out, 1) == 0) {
            byte = *(volatile char *)(cut + PAGE + 3);
            MUST(false);
        }
        MUST(calls == i && last_sig == SIGBUS && last_info.si_addr == cut + PAGE + 3);
        MUST(oc_guard_ready() && !wished_blocked(SIGBUS));
        MUST(!oc_guard_copy(&byte, cut + PAGE, 1));
    }
    return 0;
}

/* Without restoring the mask the signal stays blocked, as it would without us. */
static int handler_jumps_blocked(void *arg)
{
    (void)arg;
    start();
    cut = cut_mapping();
    MUST(oc_guard_ready());
    handle(SIGBUS, note_and_jump, 0);
    if (sigsetjmp(out, 0) == 0) {
        (void)*(volatile char *)(cut + PAGE);
        MUST(false);
    }
    MUST(!oc_guard_ready() && wished_blocked(SIGBUS) && really_blocked(SIGBUS));
    sigset_t set = set_of(SIGBUS, 0);
    MUST(oc_guard_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    MUST(oc_guard_ready());
    return 0;
}

static int resets(void *arg)
{
    struct sigaction old;
    (void)arg;
    start();
    MUST(oc_guard_ready());
    handle(SIGSEGV, note, (int)SA_RESETHAND | SA_NODEFER);
    raise(SIGSEGV);
    MUST(calls == 1 && !blocked_inside);
    MUST(oc_guard_sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    raise(SIGSEGV);
    return 0;
}

static int reports(void *arg)
{
    struct sigaction act = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_ONSTACK}, plain, old;
    (void)arg;
    sigfillset(&act.sa_mask);
    MUST(sigaction(SIGSEGV, &act, NULL) == 0 && sigaction(SIGSEGV, NULL, &plain) == 0);
    start();
    MUST(oc_guard_ready());
    MUST(oc_guard_sigaction(SIGBUS, NULL, &old) == 0 && old.sa_handler == SIG_DFL &&
         old.sa_flags == 0);
    MUST(oc_guard_sigaction(SIGBUS, &act, &old) == 0 && old.sa_handler == SIG_DFL);
    for (int i = 0; i < 2; i++) {
        MUST(oc_guard_sigaction(i ? SIGBUS : SIGSEGV, NULL, &old) == 0);
        MUST(old.sa_sigaction == plain.sa_sigaction && old.sa_flags == plain.sa_flags &&
             old.sa_restorer == plain.sa_restorer && !memcmp(&old.sa_mask, &plain.sa_mask, 8));
    }
    /* The kernel has neither. */
    MUST(sigaction(SIGBUS, NULL, &old) == 0 && old.sa_sigaction != note);
    return 0;
}

static int alternate_stack(void *arg)
{
    static char stack[1 << 16];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack}, small = ss;
    char byte;
    (void)arg;
    start();
    cut = cut_mapping();
    MUST(sigaltstack(&ss, NULL) == 0 && oc_guard_ready());
    handle(SIGBUS, note_and_jump, SA_ONSTACK);
    MUST(!oc_guard_copy(&byte, cut + PAGE, 1));
    if (sigsetjmp(out, 1) == 0)
        (void)*(volatile char *)(cut + PAGE);
    MUST(calls == 1 && !oc_guard_copy(&byte, cut + PAGE, 1) && oc_guard_ready());
    small.ss_size = 2048;
    oc_guard_altstack(&small);
    MUST(!oc_guard_ready());
    return 0;
}

static int small_stack(void *arg)
{
    static char stack[2048 + 512];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    (void)arg;
    start();
    /* A kernel that needs more for its own frame refuses, and that is as good. */
    MUST(sigaltstack(&ss, NULL) != 0 || !oc_guard_ready());
    return 0;
}

/* ---- dying as without us ---- */

static int dies_of_fault(void *arg)
{
    char byte;
    start();
    cut = cut_mapping();
    MUST(oc_guard_ready() && !oc_guard_copy(&byte, cut + PAGE, 1));
    if (*(int *)arg == SIGBUS)
        (void)*(volatile char *)(cut + PAGE);
    else
        *(volatile char *)closed_page() = 1;
    return 0;
}

static int dies_of_kill(void *arg)
{
    start();
    MUST(oc_guard_ready());
    kill(getpid(), *(int *)arg);
    return 0;
}

static int dies_when_blocked(void *arg)
{
    sigset_t all;
    (void)arg;
    start();
    MUST(oc_guard_ready());
    handle(SIGSEGV, note, 0);
    sigfillset(&all);
    MUST(oc_guard_sigmask(SIG_SETMASK, &all, NULL) == 0);
    *(volatile char *)closed_page() = 1;
    return 0;
}

static int ignored(void *arg)
{
    struct sigaction act = {.sa_handler = SIG_IGN}, old;
    (void)arg;
    start();
    MUST(oc_guard_ready());
    MUST(oc_guard_sigaction(SIGBUS, &act, NULL) == 0);
    MUST(!oc_guard_ready());
    MUST(sigaction(SIGBUS, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    MUST(oc_guard_sigaction(SIGBUS, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    raise(SIGBUS);
    return 0;
}

/* ---- masks ---- */

static int wishes(void *arg)
{
    sigset_t both = set_of(SIGBUS, SIGSEGV), mixed = set_of(SIGBUS, SIGINT), old;
    (void)arg;
    start();
    MUST(oc_guard_ready());
    MUST(oc_guard_sigmask(SIG_BLOCK, &mixed, &old) == 0 && !sigismember(&old, SIGBUS));
    MUST(really_blocked(SIGINT) && !really_blocked(SIGBUS) && wished_blocked(SIGBUS) &&
         !wished_blocked(SIGSEGV));
    MUST(oc_guard_sigmask(SIG_SETMASK, &both, &old) == 0 && sigismember(&old, SIGBUS) &&
         sigismember(&old, SIGINT));
    MUST(!really_blocked(SIGINT) && wished_blocked(SIGSEGV));
    mixed = set_of(SIGSEGV, 0);
    MUST(oc_guard_sigmask(SIG_UNBLOCK, &mixed, NULL) == 0);
    MUST(wished_blocked(SIGBUS) && !wished_blocked(SIGSEGV));
    MUST(oc_guard_sigmask(77, &both, NULL) == EINVAL && wished_blocked(SIGBUS));

    oc_guard_before_exec();
    MUST(really_blocked(SIGBUS) && !really_blocked(SIGSEGV) && wished_blocked(SIGBUS));
    MUST(oc_guard_ready() && !really_blocked(SIGBUS) && wished_blocked(SIGBUS));

    mixed = set_of(SIGSEGV, 0);
    oc_guard_awaited(&mixed);
    MUST(!oc_guard_ready() && really_blocked(SIGBUS) && !really_blocked(SIGSEGV));
    return 0;
}

static int stays_pending(void *arg)
{
    bool to_process = *(bool *)arg;
    sigset_t all, none, pending;
    start();
    MUST(oc_guard_ready());
    handle(SIGSEGV, note, 0);
    sigfillset(&all);
    sigemptyset(&none);
    MUST(oc_guard_sigmask(SIG_SETMASK, &all, NULL) == 0);
    if (to_process)
        kill(getpid(), SIGSEGV);
    else
        pthread_kill(pthread_self(), SIGSEGV);
    MUST(calls == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGSEGV));
    MUST(!oc_guard_ready() && wished_blocked(SIGBUS) && wished_blocked(SIGUSR1));
    MUST(oc_guard_sigmask(SIG_SETMASK, &none, NULL) == 0);
    MUST(calls == 1 && last_info.si_pid == getpid() &&
         last_info.si_code == (to_process ? SI_USER : SI_TKILL));
    return 0;
}

static void *filled_thread(void *arg)
{
    char byte;
    (void)arg;
    MUST(really_blocked(SIGBUS));
    MUST(oc_guard_ready());
    MUST(!oc_guard_copy(&byte, cut + PAGE, 1));
    MUST(wished_blocked(SIGBUS) && wished_blocked(SIGSEGV) && really_blocked(SIGINT));
    return NULL;
}

static int filled_mask(void *arg)
{
    sigset_t all, old;
    pthread_t thread;
    (void)arg;
    start();
    cut = cut_mapping();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    MUST(pthread_create(&thread, NULL, filled_thread, NULL) == 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    MUST(pthread_join(thread, NULL) == 0 && !really_blocked(SIGBUS));
    return 0;
}

static void block_all(int sig)
{
    sigset_t all;
    (void)sig;
    sigfillset(&all);
    MUST(oc_guard_sigmask(SIG_SETMASK, &all, NULL) == 0 && wished_blocked(SIGSEGV));
}

/* The kernel puts the mask back when a handler returns, and the wish must not outlive it. */
static int wish_ends_with_handler(void *arg)
{
    struct sigaction act = {.sa_handler = block_all};
    (void)arg;
    start();
    MUST(oc_guard_ready());
    handle(SIGSEGV, note_and_open, 0);
    MUST(oc_guard_sigaction(SIGUSR1, &act, NULL) == 0);
    raise(SIGUSR1);
    MUST(!wished_blocked(SIGSEGV));
    to_open = closed_page();
    *(volatile char *)to_open = 1;
    MUST(calls == 1);
    return 0;
}

static int waits(void *arg)
{
    sigset_t all, none;
    struct oc_guard_wait wait;
    (void)arg;
    start();
    MUST(oc_guard_ready());
    sigfillset(&all);
    sigemptyset(&none);
    MUST(oc_guard_wait_begin(&wait, NULL) == NULL);
    oc_guard_wait_end(&wait);
    const sigset_t *given = oc_guard_wait_begin(&wait, &all);
    MUST(!sigismember(given, SIGBUS) && !sigismember(given, SIGSEGV) && sigismember(given, SIGINT));
    oc_guard_wait_end(&wait);
    MUST(!wished_blocked(SIGBUS) && oc_guard_ready());
    oc_guard_give_up_thread();
    MUST(oc_guard_wait_begin(&wait, &all) == &all);
    oc_guard_wait_end(&wait);
    return 0;
}

/* ---- the list ---- */

static int bus = SIGBUS, segv = SIGSEGV;
static bool yes = true, no = false;

#define CASE(name, body, arg, status)                                                              \
    static void name(void)                                                                         \
    {                                                                                              \
        CU_ASSERT_EQUAL(oc_tap_child(body, arg), status);                                          \
    }

CASE(t_good, good_copies, NULL, 0)
CASE(t_lengths, every_length, NULL, 0)
CASE(t_ending, zero_ending, NULL, 0)
CASE(t_wide, wide, NULL, 0)
CASE(t_backed, backed, NULL, 0)
CASE(t_lengths_16, every_length, &widths[0], 0)
CASE(t_ending_16, zero_ending, &widths[0], 0)
CASE(t_wide_16, wide, &widths[0], 0)
CASE(t_lengths_32, every_length, &widths[1], 0)
CASE(t_ending_32, zero_ending, &widths[1], 0)
CASE(t_wide_32, wide, &widths[1], 0)
CASE(t_plain, plain_faults, NULL, 0)
CASE(t_source, source_faults, NULL, 0)
CASE(t_destination, destination_faults, NULL, 0)
CASE(t_counted, counted_faults, NULL, 0)
CASE(t_nests, nests, NULL, 0)
CASE(t_jump_out, survives_a_jump_out, NULL, 0)
CASE(t_handler_masks, handler_masks, NULL, 0)
CASE(t_returns_before, handler_returns, &yes, 0)
CASE(t_returns_after, handler_returns, &no, 0)
CASE(t_jumps, handler_jumps, NULL, 0)
CASE(t_jumps_blocked, handler_jumps_blocked, NULL, 0)
CASE(t_resets, resets, NULL, 128 + SIGSEGV)
CASE(t_reports, reports, NULL, 0)
CASE(t_alternate, alternate_stack, NULL, 0)
CASE(t_small, small_stack, NULL, 0)
CASE(t_fault_bus, dies_of_fault, &bus, 128 + SIGBUS)
CASE(t_fault_segv, dies_of_fault, &segv, 128 + SIGSEGV)
CASE(t_kill_bus, dies_of_kill, &bus, 128 + SIGBUS)
CASE(t_kill_segv, dies_of_kill, &segv, 128 + SIGSEGV)
CASE(t_blocked, dies_when_blocked, NULL, 128 + SIGSEGV)
CASE(t_ignored, ignored, NULL, 0)
CASE(t_wishes, wishes, NULL, 0)
CASE(t_pending_process, stays_pending, &yes, 0)
CASE(t_pending_thread, stays_pending, &no, 0)
CASE(t_filled, filled_mask, NULL, 0)
CASE(t_stale, wish_ends_with_handler, NULL, 0)
CASE(t_waits, waits, NULL, 0)

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"a good copy is whole", t_good},
        {"copies of every length stay within bounds", t_lengths},
        {"zeros at the end stop a copy beforehand", t_ending},
        {"long copies, of all shifts, with faults at any place", t_wide},
        {"zeros are copied before a page that is there", t_backed},
        {"copies of every length, registers of 16 bytes", t_lengths_16},
        {"zeros at the end, registers of 16 bytes", t_ending_16},
        {"long copies, registers of 16 bytes", t_wide_16},
        {"copies of every length, registers of 32 bytes", t_lengths_32},
        {"zeros at the end, registers of 32 bytes", t_ending_32},
        {"long copies, registers of 32 bytes", t_wide_32},
        {"the same by memcpy", t_plain},
        {"a truncated source ends the copy", t_source},
        {"a bad destination ends the copy", t_destination},
        {"faults are counted, of small copies and big", t_counted},
        {"copies nest in signal handlers", t_nests},
        {"a handler may jump out of a copy", t_jump_out},
        {"sa_mask does not keep a handler from copying", t_handler_masks},
        {"a handler set before gets its fault and may return", t_returns_before},
        {"a handler set after gets its fault and may return", t_returns_after},
        {"a handler may siglongjmp, again and again", t_jumps},
        {"a jump that leaves the signal blocked is believed", t_jumps_blocked},
        {"SA_RESETHAND and SA_NODEFER hold", t_resets},
        {"sigaction reports what the program set", t_reports},
        {"SA_ONSTACK holds", t_alternate},
        {"a small alternate stack ends copying", t_small},
        {"an unhandled fault kills: SIGBUS", t_fault_bus},
        {"an unhandled fault kills: SIGSEGV", t_fault_segv},
        {"a sent signal kills: SIGBUS", t_kill_bus},
        {"a sent signal kills: SIGSEGV", t_kill_segv},
        {"a fault kills where the program blocks it", t_blocked},
        {"SIG_IGN ends copying and is the kernel's", t_ignored},
        {"wished masks are kept, reported and given back", t_wishes},
        {"kill() while blocked stays pending", t_pending_process},
        {"pthread_kill() while blocked stays pending", t_pending_thread},
        {"a thread born with a full mask may copy", t_filled},
        {"a wish ends with the handler that made it", t_stale},
        {"masks of waiting calls are stripped", t_waits},
        {NULL, NULL},
    };
    return oc_tap_suite("guard", tests);
}
