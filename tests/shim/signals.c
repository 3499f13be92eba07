/*
 * SIGBUS and SIGSEGV as the program sees them while the library uses them: masks,
 * handlers, pending signals, and what threads, children and new programs inherit.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "base/sys.h"
#include "twin.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { READS = 60, BYTES = 48 };

static struct twin twin;
static struct pair p;
static struct buffers b;

/* Small reads at one place until they are hits. */
static void hits(void)
{
    for (int i = 0; i < READS; i++)
        same_pread(&p, &b, BYTES, 5000);
}

static void start(void)
{
    p = pair_open(&twin, O_RDWR);
    b = buffers_make(MB);
    hits();
}

static void block_all(void)
{
    sigset_t all;
    sigfillset(&all);
    expect(sigprocmask(SIG_SETMASK, &all, NULL) == 0, "sigprocmask");
}

static void block(int how, int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    expect(sigprocmask(how, &set, NULL) == 0, "sigprocmask(%d, %d)", how, sig);
}

/* ---- what ends a process: the status is compared, so bodies only do it ---- */

static int status_of(void (*body)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        start();
        body();
        _exit(77);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void in_new_child(void (*body)(void), const char *name)
{
    pid_t pid = fork();
    if (pid == 0) {
        body();
        child_done();
    }
    child_wait(pid, name);
    report(name);
}

static void (*next_body)(void);

static void start_and_go_on(void)
{
    start();
    next_body();
}

static void in_child(void (*body)(void), const char *name)
{
    next_body = body;
    in_new_child(start_and_go_on, name);
}

/* ---- copying with everything blocked ---- */

static void masks(void)
{
    block_all();
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGINT),
           "all are reported");
    hits();
    if (tap_active())
        expect(!side_blocks(RAW, SIGBUS), "the library reads on");
    block(SIG_UNBLOCK, SIGSEGV);
    expect(side_blocks(LIBC, SIGBUS) && !side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGINT),
           "one is reported free");
    hits();
}

/* The two that libc uses itself and takes out of each set that is to be blocked. */
static void libc_signals(void)
{
    const uint64_t two = UINT64_C(3) << 31, beside = UINT64_C(9) << 30;
    const int way[] = {SIG_BLOCK, SIG_SETMASK};
    sigset_t all, none;

    memset(&all, 0xff, sizeof all);
    sigemptyset(&none);
    for (int i = 0; i < 4; i++) {
        same(i < 2 ? sigprocmask(way[i % 2], &all, NULL) : pthread_sigmask(way[i % 2], &all, NULL),
             0, "a full set");
        expect((side_mask(RAW) & (two | beside)) == beside, "way %d: %llx", i,
               (unsigned long long)side_mask(RAW));
        hits();
        same(sigprocmask(SIG_SETMASK, &none, NULL), 0, "an empty one");
        expect((side_mask(RAW) & (two | beside)) == 0, "afterwards, way %d", i);
    }
}

static void truncated(void)
{
    block_all();
    for (enum side s = LIBC; s < SIDES; s++)
        side_ftruncate(RAW, p.fd[s], 4000);
    hits();
    same_pread(&p, &b, BYTES, 3990);
}

static void bad_buffer(void)
{
    block_all();
    char *closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 3; i++)
        same(side_pread(LIBC, p.fd[LIBC], closed, BYTES, 5000), -EFAULT, "pread to nowhere");
    hits();
}

/* Without libc's functions. */
static void by_number(void)
{
    uint64_t bus = 1u << (SIGBUS - 1), old = 0;
    same(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &bus, &old, 8), 0, "rt_sigprocmask");
    expect(!(old & bus) && side_blocks(LIBC, SIGBUS), "blocked by number");
    hits();
    same(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8), 0, "rt_sigprocmask");
    expect(old & bus, "reported by number");
    same(side_result(syscall(SYS_rt_sigprocmask, 99, &bus, NULL, 8)), -EINVAL, "how 99");
    hits();
}

/* ---- the program's handlers ---- */

static sigjmp_buf back;
static volatile sig_atomic_t calls;
static void *volatile fault_at;
static char *volatile closed_page; /* handlers look at it */

static void jump(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    calls++;
    fault_at = info->si_addr;
    siglongjmp(back, 1);
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    expect(sigaction(sig, &act, NULL) == 0, "sigaction(%d)", sig);
}

static void own_faults(void)
{
    handle(SIGSEGV, jump);
    closed_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 1; i < 5; i++) {
        if (sigsetjmp(back, 1) == 0)
            *(volatile char *)(closed_page + i) = 1;
        expect(calls == i && fault_at == closed_page + i, "fault %d was delivered", i);
        hits();
    }
}

/* Not known to compilers, which would warn. */
static char *volatile bad_address = (char *)8;

static void open_and_read(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    calls++;
    mprotect(closed_page, 4096, PROT_READ | PROT_WRITE);
    hits();
    same(side_pread(LIBC, p.fd[LIBC], bad_address, BYTES, 5000), -EFAULT, "pread to nowhere");
}

/* A loader that fills memory as it is touched. */
static void reads_in_handler(void)
{
    handle(SIGSEGV, open_and_read);
    for (int i = 1; i < 4; i++) {
        closed_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(volatile char *)closed_page = 1;
        expect(calls == i, "fault %d was delivered", i);
        hits();
    }
}

static void count(int sig)
{
    (void)sig;
    calls++;
    hits();
}

static void old_functions(void)
{
    expect(signal(SIGSEGV, count) == SIG_DFL && signal(SIGSEGV, count) == count, "signal");
    raise(SIGSEGV);
    expect(calls == 1, "signal's handler was called");
    expect(sigset(SIGBUS, count) == SIG_DFL && sigset(SIGBUS, SIG_HOLD) == count, "sigset");
    raise(SIGBUS);
    expect(calls == 1 && side_blocks(LIBC, SIGBUS), "held");
    expect(sigrelse(SIGBUS) == 0 && calls == 2 && !side_blocks(LIBC, SIGBUS), "sigrelse");
    expect(sysv_signal(SIGSEGV, count) == count, "sysv_signal");
    raise(SIGSEGV);
    expect(calls == 3 && signal(SIGSEGV, SIG_DFL) == SIG_DFL, "its handler was called once");
}

static void bsd_masks(void)
{
    const int bus = 1 << (SIGBUS - 1), interrupt = 1 << (SIGINT - 1);
    expect(sigblock(bus) == 0 && sigblock(interrupt) == bus, "sigblock");
    hits();
    if (tap_active())
        expect(!side_blocks(RAW, SIGBUS), "the library reads on");
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGINT), "both are reported");
    expect(sigsetmask(interrupt) == (bus | interrupt) && sigblock(0) == interrupt, "sigsetmask");
    hits();
    expect(!side_blocks(LIBC, SIGBUS) && sigsetmask(0) == interrupt && !side_blocks(LIBC, SIGINT),
           "none");
    hits();
}

/* ---- in the mask of another signal's handler ---- */

static bool reads_inside;

static void bus(int sig)
{
    (void)sig;
    calls++;
}

static void raise_in_mask(int sig)
{
    (void)sig;
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGUSR1),
           "blocked in the handler");
    if (reads_inside)
        hits();
    raise(SIGBUS);
    raise(SIGSEGV);
    expect(calls == 0, "held back in the handler");
}

static void raise_and_jump(int sig, siginfo_t *info, void *context)
{
    expect(sig == SIGUSR1 && info->si_pid == getpid() && context, "its arguments");
    raise_in_mask(sig);
    siglongjmp(back, 1);
}

static struct sigaction masked_action(void)
{
    struct sigaction act = {.sa_handler = raise_in_mask, .sa_flags = SA_RESTART};
    sigaddset(&act.sa_mask, SIGBUS);
    sigaddset(&act.sa_mask, SIGSEGV);
    return act;
}

static void expect_free(int times, const char *when)
{
    expect(calls == times, "%d delivered %s", calls, when);
    expect(!side_blocks(LIBC, SIGBUS) && !side_blocks(LIBC, SIGSEGV) && !side_blocks(LIBC, SIGUSR1),
           "all free %s", when);
}

static void held_back(void)
{
    struct sigaction act = masked_action(), old;
    signal(SIGBUS, bus);
    signal(SIGSEGV, bus);
    expect(sigaction(SIGUSR1, &act, NULL) == 0 && sigaction(SIGUSR1, NULL, &old) == 0, "sigaction");
    expect(old.sa_handler == raise_in_mask && !(old.sa_flags & SA_SIGINFO) &&
               sigismember(&old.sa_mask, SIGBUS) && sigismember(&old.sa_mask, SIGSEGV) &&
               !sigismember(&old.sa_mask, SIGINT),
           "what was asked for is reported");
    raise(SIGUSR1);
    expect_free(2, "after it");
    act.sa_sigaction = raise_and_jump;
    act.sa_flags = SA_SIGINFO;
    expect(sigaction(SIGUSR1, &act, &old) == 0 && old.sa_handler == raise_in_mask, "another");
    calls = 0;
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR1);
    expect_free(2, "after a jump");
    raise(SIGBUS);
    expect_free(3, "at once");
    signal(SIGUSR1, SIG_DFL);
    expect(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL, "no more");
}

static void held_back_reading(void)
{
    reads_inside = true;
    held_back();
}

/* ---- pending, and waiting ---- */

static void pending(void)
{
    sigset_t set;
    siginfo_t info;
    int sig = 0;
    struct timespec none = {0, 0};
    signal(SIGSEGV, count);
    block_all();
    hits();
    kill(getpid(), SIGSEGV);
    expect(calls == 0 && sigpending(&set) == 0 && sigismember(&set, SIGSEGV), "it is pending");
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    expect(sigtimedwait(&set, &info, &none) == SIGSEGV && info.si_pid == getpid(), "waited for");
    expect(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN, "once");
    hits();
    kill(getpid(), SIGSEGV);
    expect(sigwaitinfo(&set, &info) == SIGSEGV, "sigwaitinfo");
    hits();
    kill(getpid(), SIGSEGV);
    expect(sigwait(&set, &sig) == 0 && sig == SIGSEGV, "sigwait");
    hits();
    kill(getpid(), SIGSEGV);
    block(SIG_UNBLOCK, SIGSEGV);
    expect(calls == 1, "delivered when unblocked");
}

/* Before any other call that has it blocked for real; a wrong one would wait for ever. */
static void awaited_first(void)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    alarm(60);
    block(SIG_BLOCK, SIGSEGV);
    hits();
    pid_t self = getpid(), child = fork();
    if (child == 0) {
        usleep(100000);
        _exit(kill(self, SIGSEGV));
    }
    expect(sigwaitinfo(&set, &info) == SIGSEGV && info.si_pid == child, "sigwaitinfo");
    waitpid(child, NULL, 0);
    alarm(0);
    hits();
}

static void by_signalfd(void)
{
    struct signalfd_siginfo info = {0};
    sigset_t set;
    block_all();
    hits();
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    expect(fd >= 0, "signalfd");
    kill(getpid(), SIGBUS);
    expect(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGBUS, "read");
    hits();
}

static void soon(void)
{
    alarm(0);
    struct sigaction act = {.sa_handler = count};
    sigfillset(&act.sa_mask);
    sigaction(SIGALRM, &act, NULL);
    kill(getpid(), SIGALRM); /* pending until the wait lets it in */
}

static void mask_is_back(void)
{
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGALRM),
           "the mask is back");
}

static void waiting_masks(void)
{
    sigset_t set;
    struct timespec long_time = {60, 0};
    struct epoll_event event;
    int epoll = epoll_create1(0);
    block_all();
    hits();
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    sigdelset(&set, SIGBUS);
    soon();
    expect(sigsuspend(&set) == -1 && errno == EINTR && calls == 1, "sigsuspend");
    mask_is_back();
    soon();
    expect(ppoll(NULL, 0, &long_time, &set) == -1 && errno == EINTR && calls == 2, "ppoll");
    mask_is_back();
    soon();
    expect(pselect(0, NULL, NULL, NULL, &long_time, &set) == -1 && calls == 3, "pselect");
    mask_is_back();
    soon();
    expect(epoll_pwait(epoll, &event, 1, 60000, &set) == -1 && calls == 4, "epoll_pwait");
    mask_is_back();
    hits();
}

/* ---- threads, children, new programs ---- */

static void *look_around(void *arg)
{
    (void)arg;
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGINT),
           "the thread has the mask");
    hits();
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV), "and keeps it");
    return NULL;
}

static int look_around_too(void *arg)
{
    return look_around(arg) != NULL;
}

static void threads(void)
{
    pthread_t thread;
    thrd_t other;
    sigset_t old, none;
    sigprocmask(SIG_BLOCK, NULL, &old);
    block_all();
    for (int i = 0; i < 3; i++) {
        expect(pthread_create(&thread, NULL, look_around, NULL) == 0, "pthread_create");
        pthread_join(thread, NULL);
        hits();
        expect(thrd_create(&other, look_around_too, NULL) == thrd_success, "thrd_create");
        thrd_join(other, NULL);
        hits();
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    sigprocmask(SIG_BLOCK, NULL, &none);
    expect(!side_blocks(LIBC, SIGBUS) && !memcmp(&old, &none, 8), "the parent has its own back");
}

static void children(void)
{
    block_all();
    hits();
    pid_t pid = fork();
    if (pid == 0) {
        expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV), "the child has the mask");
        hits();
        child_done();
    }
    child_wait(pid, "the child");
}

/* What a new program finds: 1 SIGBUS blocked, 2 SIGSEGV blocked, 4 SIGBUS ignored. */
static int inherited(void)
{
    struct sigaction act;
    int bits = 0;
    if (side_blocks(RAW, SIGBUS))
        bits |= 1;
    if (side_blocks(RAW, SIGSEGV))
        bits |= 2;
    sigaction(SIGBUS, NULL, &act);
    return bits | (act.sa_handler == SIG_IGN ? 4 : 0);
}

static char *const look[] = {(char *)(uintptr_t) "signals", (char *)(uintptr_t) "--inherited",
                             NULL};
extern char **environ;

static int waited(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int by_spawn(void)
{
    pid_t pid = -1;
    posix_spawn(&pid, "/proc/self/exe", NULL, NULL, look, environ);
    return waited(pid);
}

static int by_fork_and_exec(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execv("/nowhere", look);
        hits();
        execv("/proc/self/exe", look);
        _exit(99);
    }
    return waited(pid);
}

static int by_vfork_and_exec(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        execv("/proc/self/exe", look);
        _exit(99);
    }
    return waited(pid);
}

/* As Python's subprocess: everything blocked around vfork, put back in the child. */
static int by_vfork_unblocked(void)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    pid_t pid = vfork();
    if (pid == 0) {
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        execv("/proc/self/exe", look);
        _exit(99);
    }
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGINT), "the parent's mask is its own");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    expect(!side_blocks(LIBC, SIGINT), "and put back");
    return waited(pid);
}

static void new_programs(void)
{
    int (*const ways[])(void) = {by_spawn, by_fork_and_exec, by_vfork_and_exec, by_vfork_unblocked};
    for (int i = 0; i < 4; i++) {
        hits();
        same(ways[i](), 0, "nothing is inherited, way %d", i);
        hits();
        block(SIG_BLOCK, SIGSEGV);
        same(ways[i](), 2, "a blocked SIGSEGV is, way %d", i);
        expect(side_blocks(LIBC, SIGSEGV) && !side_blocks(LIBC, SIGBUS),
               "the mask is as before, way %d", i);
        hits();
        block(SIG_UNBLOCK, SIGSEGV);
    }
    signal(SIGBUS, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        hits();
        same(ways[i](), 4, "an ignored SIGBUS is, way %d", i);
    }
}

/* ---- deaths ---- */

static volatile char *volatile nowhere = (volatile char *)16;

static void die_by_fault(void)
{
    *nowhere = 1;
}

static void die_by_bus(void)
{
    int fd = memfd_create("short", 0);
    *(volatile char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) = 1;
}

static void die_by_kill(void)
{
    kill(getpid(), SIGBUS);
}

static void exit_in_handler(int sig)
{
    _exit(sig == SIGSEGV ? 5 : 6);
}

static void die_blocked(void)
{
    signal(SIGSEGV, exit_in_handler);
    block_all();
    hits();
    *nowhere = 1;
}

static void die_handled(void)
{
    signal(SIGSEGV, exit_in_handler);
    hits();
    *nowhere = 1;
}

static void die_ignoring(void)
{
    signal(SIGSEGV, SIG_IGN);
    raise(SIGSEGV);
    *nowhere = 1;
}

static void *fault_in_thread(void *arg)
{
    hits();
    *nowhere = 1;
    return arg;
}

static void die_in_blocked_thread(void)
{
    pthread_t thread;
    signal(SIGSEGV, exit_in_handler);
    block_all();
    pthread_create(&thread, NULL, fault_in_thread, NULL);
    block(SIG_UNBLOCK, SIGSEGV);
    pthread_join(thread, NULL);
}

static void deaths(void)
{
    same(status_of(die_by_fault), 128 + SIGSEGV, "by a fault");
    same(status_of(die_by_bus), 128 + SIGBUS, "by a bus error");
    same(status_of(die_by_kill), 128 + SIGBUS, "by kill");
    same(status_of(die_blocked), 128 + SIGSEGV, "by a fault while it is blocked");
    same(status_of(die_in_blocked_thread), 128 + SIGSEGV, "by a fault in a thread that blocks it");
    same(status_of(die_handled), 5, "in the program's handler");
    same(status_of(die_ignoring), 128 + SIGSEGV, "by a fault while it is ignored");
    report("a process ends as it would");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--inherited") == 0)
        return inherited();
    tap_start(argc, argv);
    twin = twin_make("signals", 2 * MB);
    in_child(masks, "masks are kept and reported");
    in_child(libc_signals, "signals of libc's own are not blocked");
    in_child(by_number, "masks set by number");
    in_child(bad_buffer, "a bad buffer is EFAULT with all signals blocked");
    in_child(own_faults, "the program's faults are its own, again and again");
    in_child(reads_in_handler, "a SIGSEGV handler may read");
    in_child(old_functions, "signal, sigset and their like");
    in_child(bsd_masks, "sigblock and sigsetmask");
    in_new_child(held_back, "held back in another's handler, before anything was copied");
    in_child(held_back, "held back in another's handler");
    in_child(held_back_reading, "held back in another's handler that reads");
    in_child(pending, "a blocked signal stays pending and can be waited for");
    in_child(awaited_first, "and waited for by sigwaitinfo, first thing");
    in_child(by_signalfd, "signalfd gets it");
    in_child(waiting_masks, "waiting with another mask");
    in_child(threads, "threads inherit the mask");
    in_child(children, "children inherit the mask");
    in_child(new_programs, "new programs inherit what is blocked and ignored");
    deaths();
    in_child(truncated, "a truncated file is read with all signals blocked");
    return tap_done();
}
