/*
 * Signals by the names and numbers that signals.c leaves out: old functions, masks to wait with
 * that are given by number, and what programs inherit that are started in other ways.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "twin.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern char **environ;

enum { BYTES = 48, SIZE = 200 << 10 };

static struct twin twin;
static struct pair p, writer;
static struct buffers b;
static char *self;
static volatile sig_atomic_t calls;

static void hits(void)
{
    for (int i = 0; i < 60; i++)
        same_pread(&p, &b, BYTES, 5000);
}

/* A file of its own, with a mapped part. */
static void start(void)
{
    twin = twin_make("signames", SIZE);
    p = pair_open(&twin, O_RDONLY);
    for (enum side s = LIBC; s < SIDES; s++)
        writer.fd[s] = (int)side_open(RAW, twin.path[s], O_RDWR, 0);
    b = buffers_make(64 * KB);
    hits();
}

static void in_child(void (*body)(void), const char *name)
{
    pid_t pid = fork();

    if (pid == 0) {
        start();
        body();
        child_done();
    }
    child_wait(pid, name);
    report(name);
}

static void *named(const char *name)
{
    void *at = dlsym(RTLD_DEFAULT, name);
    expect(at != NULL, "%s: not found", name);
    return at;
}

/* ---- handlers ---- */

static void count(int sig)
{
    (void)sig;
    calls++;
    hits();
}

static struct sigaction action_of(int sig)
{
    struct sigaction act;
    expect(sigaction(sig, NULL, &act) == 0, "sigaction");
    return act;
}

/* A copy still survives a bad buffer. */
static void bad_buffer(void)
{
    same(side_pread(LIBC, p.fd[LIBC], (char *)8, BYTES, 5000), -EFAULT, "pread to nowhere");
    hits();
}

/* What the kernel makes of them: since Linux 5.11 it keeps none that it does not know.  Asked for
 * another signal, with which the library has nothing to do. */
static int kernels_flags(int flags)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } act = {count, (unsigned)flags, NULL, 0}, got = {NULL, 0, NULL, 0};

    OC_SYS_4(SYS_rt_sigaction, SIGURG, &act, NULL, 8);
    OC_SYS_4(SYS_rt_sigaction, SIGURG, NULL, &got, 8);
    return (int)got.flags & ~0x04000000;
}

static void old_handlers(void)
{
    static const char *const names[] = {"bsd_signal", "ssignal", "__sysv_signal"};

    for (int i = 0; i < 3; i++) {
        sighandler_t (*set)(int, sighandler_t) =
            (sighandler_t(*)(int, sighandler_t))named(names[i]);
        for (int k = 0; k < 2; k++) {
            int sig = k ? SIGBUS : SIGSEGV;
            calls = 0;
            expect(set(sig, count) == SIG_DFL, "%s: the handler before", names[i]);
            bad_buffer();
            same(
                action_of(sig).sa_flags & ~0x04000000 /* SA_RESTORER */,
                kernels_flags(i < 2 ? SA_RESTART : (int)(SA_RESETHAND | SA_NODEFER | SA_INTERRUPT)),
                "%s: flags", names[i]);
            raise(sig);
            expect(calls == 1, "%s: called %d times", names[i], (int)calls);
            expect(set(sig, SIG_DFL) == (i < 2 ? count : SIG_DFL), "%s: and now", names[i]);
            bad_buffer();
        }
    }
    int (*set)(int, const struct sigaction *, struct sigaction *) =
        (int (*)(int, const struct sigaction *, struct sigaction *))named("__sigaction");
    struct sigaction act = {.sa_handler = count, .sa_flags = SA_NODEFER}, old;
    expect(set(SIGBUS, &act, NULL) == 0 && set(SIGBUS, NULL, &old) == 0, "__sigaction");
    expect(old.sa_handler == count && (old.sa_flags & SA_NODEFER), "what __sigaction has set");
    bad_buffer();
    calls = 0;
    raise(SIGBUS);
    expect(calls == 1, "__sigaction's handler: called %d times", (int)calls);
}

static void interrupting(void)
{
    for (int on = 1; on >= 0; on--) {
        expect(siginterrupt(SIGBUS, on) == 0 && siginterrupt(SIGUSR1, on) == 0, "siginterrupt");
        signal(SIGBUS, count);
        signal(SIGUSR1, count);
        same(action_of(SIGBUS).sa_flags & SA_RESTART, on ? 0 : SA_RESTART, "SIGBUS restarts");
        same(action_of(SIGUSR1).sa_flags & SA_RESTART, on ? 0 : SA_RESTART, "SIGUSR1 restarts");
        bad_buffer();
    }
    expect(siginterrupt(999, 1) == -1 && errno == EINVAL, "siginterrupt of nothing");
    expect(sigignore(SIGBUS) == 0 && action_of(SIGBUS).sa_handler == SIG_IGN, "sigignore");
    raise(SIGBUS);
    bad_buffer();
    expect(sigignore(999) == -1 && errno == EINVAL, "sigignore of nothing");
}

static void old_masks(void)
{
    int (*get)(void) = (int (*)(void))named("siggetmask"); /* linkers warn of it */

    expect(sighold(SIGBUS) == 0 && sighold(SIGINT) == 0, "sighold");
    hits();
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGINT), "both are reported");
    same(get(), 1 << (SIGBUS - 1) | 1 << (SIGINT - 1), "siggetmask");
    if (tap_active())
        expect(!side_blocks(RAW, SIGBUS), "the library reads on");
    bad_buffer();
    signal(SIGBUS, count);
    calls = 0;
    kill(getpid(), SIGBUS);
    expect(calls == 0, "held back");
    expect(sigrelse(SIGBUS) == 0 && calls == 1 && !side_blocks(LIBC, SIGBUS), "released");
    same(get(), 1 << (SIGINT - 1), "siggetmask");
    expect(sighold(999) == -1 && errno == EINVAL, "sighold of nothing");
}

/* ---- waiting, while both are blocked, for a handler that meets the new end of the file ---- */

static void cut_and_read(int sig)
{
    (void)sig;
    calls++;
    for (enum side s = LIBC; s < SIDES; s++)
        side_ftruncate(RAW, writer.fd[s], 4000);
    same_pread(&p, &b, BYTES, 5000);
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV),
           "both are blocked in the handler");
}

static sigset_t all_but_alarm(void)
{
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    return set;
}

static long by_under_sigsuspend(sigset_t *set)
{
    return ((int (*)(const sigset_t *))named("__sigsuspend"))(set);
}

static long by_sigpause(sigset_t *set)
{
    int low = 0;
    memcpy(&low, set, sizeof low);
    return ((int (*)(int))named("sigpause"))(low);
}

/* These two let one signal in, and have the others as they are. */
static long by_xpg_sigpause(sigset_t *set)
{
    (void)set;
    return ((int (*)(int))named("__xpg_sigpause"))(SIGALRM);
}

static long by_under_sigpause(sigset_t *set)
{
    (void)set;
    return ((int (*)(int, int))named("__sigpause"))(SIGALRM, 1);
}

static const struct timespec long_time = {60, 0};

static long by_ppoll_chk(sigset_t *set)
{
    struct pollfd none;
    int (*call)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t) =
        (int (*)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t))named(
            "__ppoll_chk");
    return call(&none, 0, &long_time, set, sizeof none);
}

#if __SIZEOF_LONG__ == 8
static long by_sigsuspend_number(sigset_t *set)
{
    return syscall(SYS_rt_sigsuspend, set, 8L);
}

static long by_ppoll_number(sigset_t *set)
{
    return syscall(SYS_ppoll, NULL, 0L, &(struct timespec){60, 0}, set, 8L);
}

static long by_pselect_number(sigset_t *set)
{
    long given[2] = {(long)set, 8};
    return syscall(SYS_pselect6, 0L, NULL, NULL, NULL, &(struct timespec){60, 0}, given);
}

static long by_epoll_number(sigset_t *set)
{
    struct epoll_event event;
    return syscall(SYS_epoll_pwait, (long)epoll_create1(0), &event, 1L, 60000L, set, 8L);
}
#endif

static long (*wait_by)(sigset_t *set);

static void wait_and_be_interrupted(void)
{
    struct sigaction act = {.sa_handler = cut_and_read};
    sigset_t set = all_but_alarm(), all;

    sigfillset(&act.sa_mask);
    sigaction(SIGALRM, &act, NULL);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    hits();
    kill(getpid(), SIGALRM); /* pending until the wait lets it in */
    expect(wait_by(&set) == -1 && errno == EINTR && calls == 1, "called %d times, errno %d",
           (int)calls, errno);
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGALRM),
           "the mask is back");
    same_pread(&p, &b, BYTES, 3990);
}

static void waits(void)
{
    static const struct {
        const char *name;
        long (*wait)(sigset_t *set);
    } ways[] = {
        {"__sigsuspend", by_under_sigsuspend},
        {"sigpause", by_sigpause},
        {"__xpg_sigpause", by_xpg_sigpause},
        {"__sigpause", by_under_sigpause},
        {"__ppoll_chk", by_ppoll_chk},
#if __SIZEOF_LONG__ == 8
        {"rt_sigsuspend by number", by_sigsuspend_number},
        {"ppoll by number", by_ppoll_number},
        {"pselect6 by number", by_pselect_number},
        {"epoll_pwait by number", by_epoll_number},
#endif
    };
    char name[80];

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        wait_by = ways[i].wait;
        snprintf(name, sizeof name, "waiting in %s", ways[i].name);
        in_child(wait_and_be_interrupted, name);
    }
}

/* ---- a thread that is born with another mask than its maker's ---- */

static void *born(void *arg)
{
    expect(side_blocks(LIBC, SIGBUS) && side_blocks(LIBC, SIGSEGV) && side_blocks(LIBC, SIGINT),
           "born with all blocked");
    hits();
    cut_and_read(0);
    return arg;
}

static void born_masked(void)
{
    int (*set_mask)(pthread_attr_t *, const sigset_t *) =
        (int (*)(pthread_attr_t *, const sigset_t *))dlsym(RTLD_DEFAULT,
                                                           "pthread_attr_setsigmask_np");
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all;

    sigfillset(&all);
    pthread_attr_init(&attr);
    if (set_mask)
        expect(set_mask(&attr, &all) == 0, "pthread_attr_setsigmask_np");
    else /* before glibc 2.32 */
        sigprocmask(SIG_SETMASK, &all, NULL);
    expect(pthread_create(&thread, &attr, born, NULL) == 0, "pthread_create");
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    expect(!set_mask || !side_blocks(LIBC, SIGBUS), "its maker's mask is its own");
}

/* ---- signals that are waited for by number ---- */

static void awaited(void)
{
    uint64_t bus = 1u << (SIGBUS - 1);
    siginfo_t info;
    struct signalfd_siginfo got;
    struct timespec none = {0, 0};
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    hits();
    kill(getpid(), SIGBUS);
    same(syscall(SYS_rt_sigtimedwait, &bus, &info, &none, 8L), SIGBUS, "rt_sigtimedwait");
    hits();
    int fd = (int)syscall(SYS_signalfd4, -1L, &bus, 8L, (long)SFD_NONBLOCK);
    expect(fd >= 0, "signalfd4");
    hits();
    kill(getpid(), SIGBUS);
    expect(read(fd, &got, sizeof got) == sizeof got && got.ssi_signo == SIGBUS, "read of it");
    same(side_result(syscall(SYS_rt_sigtimedwait, (void *)8, &info, &none, 8L)), -EFAULT,
         "rt_sigtimedwait for nothing");
    hits();
}

/* ---- what programs inherit: 1 SIGBUS blocked, 2 SIGSEGV blocked, 4 SIGBUS ignored ---- */

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

static int exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int by_system(void)
{
    char command[TWIN_PATH + 200];
    snprintf(command, sizeof command, "exec %s --inherited", self);
    return exit_status(system(command));
}

static int by_popen(void)
{
    char command[TWIN_PATH + 200];
    snprintf(command, sizeof command, "exec %s --inherited", self);
    FILE *f = popen(command, "r");
    return f ? exit_status(pclose(f)) : -1;
}

/* With a mask or with defaults that the program asks for. */
static int spawned_with(short flags, int masked)
{
    posix_spawnattr_t attr;
    sigset_t set;
    char *const argv[] = {self, (char *)(uintptr_t) "--inherited", NULL};
    pid_t pid = -1;
    int status = -1;

    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, flags);
    sigemptyset(&set);
    if (masked)
        sigaddset(&set, masked);
    posix_spawnattr_setsigmask(&attr, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    posix_spawnattr_setsigdefault(&attr, &set);
    expect(posix_spawn(&pid, self, NULL, &attr, argv, environ) == 0, "posix_spawn");
    posix_spawnattr_destroy(&attr);
    waitpid(pid, &status, 0);
    return exit_status(status);
}

static void programs(void)
{
    for (int i = 0; i < 2; i++) {
        hits();
        same(by_system(), i ? 2 : 0, "by system");
        same(by_popen(), i ? 2 : 0, "by popen");
        same(spawned_with(POSIX_SPAWN_SETSIGMASK, 0), 0, "by posix_spawn, with no mask");
        same(spawned_with(POSIX_SPAWN_SETSIGMASK, SIGBUS), 1, "by posix_spawn, with a mask");
        hits();
        sighold(SIGSEGV);
    }
    signal(SIGBUS, SIG_IGN);
    hits();
    same(by_system(), 6, "by system, ignored and blocked");
    same(spawned_with(POSIX_SPAWN_SETSIGDEF, 0), 2, "by posix_spawn, with the default");
    same(spawned_with(POSIX_SPAWN_SETSIGMASK, 0), 4, "by posix_spawn, ignored");
    hits();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--inherited") == 0)
        return inherited();
    tap_start(argc, argv);
    self = argv[0];
    in_child(old_handlers, "handlers by old names");
    in_child(interrupting, "siginterrupt and sigignore");
    in_child(old_masks, "sighold, sigrelse and siggetmask");
    waits();
    in_child(born_masked, "a thread with a mask of its attributes");
    in_child(awaited, "waited for by number");
    in_child(programs, "what programs inherit from system, popen and posix_spawn's attributes");
    return tap_done();
}
