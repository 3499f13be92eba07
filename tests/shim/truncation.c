/*
 * Another process truncates and extends the file all the time while it is read, in every
 * state that a program's signals and stacks can be in.  A read gives what was there at some
 * moment: the file's bytes or zeros, up to some size; never a signal, never a fault, and
 * the program's own handlers are called for its own faults only.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#define SIZE  (64 * KB)
#define READS 1500

static struct twin twin;
static int fd = -1;
static pid_t truncator;

/* Shorter, longer again (zeros), and the bytes back. */
static void truncate_for_ever(void)
{
    static char bytes[SIZE];
    unsigned seed = 7;
    int file = (int)side_open(RAW, twin.path[LIBC], O_RDWR, 0);

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)twin_byte(i);
    while (getppid() != 1) {
        side_ftruncate(RAW, file, rand_r(&seed) % 5 * 4096 + rand_r(&seed) % 3);
        usleep(20);
        side_ftruncate(RAW, file, SIZE);
        side_pwrite(RAW, file, bytes, SIZE, 0);
        usleep(300); /* time for the places that are read often to be mapped */
    }
    _exit(0);
}

static void start(void)
{
    truncator = fork();
    if (truncator == 0)
        truncate_for_ever();
    fd = open(twin.path[LIBC], O_RDONLY);
}

static void finish(void)
{
    kill(truncator, SIGKILL);
    waitpid(truncator, NULL, 0);
    close(fd);
}

/* One read, mostly at one of few places: is it possible? */
static void one(unsigned *seed)
{
    unsigned char buf[4000];
    int dice = rand_r(seed) % 8;
    size_t off = dice ? (size_t)dice * 8000 : (size_t)rand_r(seed) % SIZE;
    size_t n = (size_t)rand_r(seed) % (dice % 2 ? 200 : sizeof buf) + 1;
    long got = side_pread(LIBC, fd, buf, n, (int64_t)off);

    if (!expect(got >= 0 && got <= (long)n, "pread of %zu at %zu: %ld", n, off, got))
        return;
    for (long i = 0; i < got; i++)
        if (buf[i] != 0 && buf[i] != twin_byte(off + (size_t)i)) {
            expect(false, "byte %ld of %ld at %zu is %d", i, got, off, buf[i]);
            return;
        }
}

static void read_on(unsigned seed)
{
    for (int i = 0; i < READS; i++)
        one(&seed);
}

static void plainly(void)
{
    read_on(1);
}

/* ---- masks ---- */

static void block_all(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void *worker(void *arg)
{
    block_all();
    read_on((unsigned)(uintptr_t)arg);
    return NULL;
}

static void in_workers(void)
{
    pthread_t threads[2];

    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, (void *)(i + 2));
    read_on(1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* Blocked before anything was read, and by the process's creator. */
static void all_blocked(void)
{
    block_all();
    read_on(3);
}

static volatile sig_atomic_t rounds;

static void reading_handler(int sig)
{
    unsigned seed = (unsigned)++rounds;
    (void)sig;
    for (int i = 0; i < 20; i++)
        one(&seed);
}

static void in_full_handlers(void)
{
    struct sigaction act = {.sa_handler = reading_handler};
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};

    sigfillset(&act.sa_mask);
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 100 && (i == 0 || rounds < 20); i++)
        read_on((unsigned)i);
    setitimer(ITIMER_REAL, &never, NULL);
    expect(rounds > 0, "the handler never ran");
}

/* ---- stacks ---- */

static void *on_small_stack(void *arg)
{
    size_t least = getauxval(AT_MINSIGSTKSZ);
    stack_t stack = {.ss_size = least > 2048 ? least : 2048};

    (void)arg;
    stack.ss_sp = malloc(stack.ss_size);
    expect(sigaltstack(&stack, NULL) == 0, "sigaltstack of %zu", stack.ss_size);
    read_on(5);
    stack_t off = {.ss_flags = SS_DISABLE}, was;
    expect(sigaltstack(&off, &was) == 0 && was.ss_sp == stack.ss_sp, "the stack is as it was set");
    read_on(6);
    free(stack.ss_sp);
    return NULL;
}

static void on_small_stacks(void)
{
    pthread_t thread;
    read_on(4);
    on_small_stack(NULL);
    pthread_create(&thread, NULL, on_small_stack, NULL);
    pthread_join(thread, NULL);
}

/* ---- waiting for the signals ---- */

static sigset_t both(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    sigaddset(&set, SIGSEGV);
    return set;
}

static void with_signalfd(void)
{
    struct signalfd_siginfo info;
    sigset_t set = both();

    read_on(7);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int queue = signalfd(-1, &set, SFD_NONBLOCK);
    read_on(8);
    same(side_read(RAW, queue, &info, sizeof info), -EAGAIN, "a signal in the signalfd");
    kill(getpid(), SIGBUS);
    expect(read(queue, &info, sizeof info) == sizeof info && info.ssi_signo == SIGBUS,
           "the program's own signal is in the signalfd");
    read_on(9);
}

static void *waits(void *arg)
{
    sigset_t set = both();
    int sig = 0;
    sigwait(&set, &sig);
    *(int *)arg = sig;
    return NULL;
}

static void with_sigwait(void)
{
    sigset_t set = both();
    pthread_t thread;
    int got = 0;

    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, waits, &got);
    read_on(10);
    expect(got == 0, "sigwait got %d, which nobody sent", got);
    kill(getpid(), SIGSEGV);
    pthread_join(thread, NULL);
    expect(got == SIGSEGV, "sigwait got %d", got);
    read_on(11);
}

/* ---- dispositions ---- */

static volatile sig_atomic_t called;

static void count(int sig)
{
    (void)sig;
    called++;
}

static void is_handler(int sig, void (*handler)(int))
{
    struct sigaction act;
    expect(sigaction(sig, NULL, &act) == 0 && act.sa_handler == handler, "signal %d: not ours",
           sig);
}

static void with_handlers(void)
{
    static void (*const handlers[])(int) = {count, SIG_IGN, SIG_DFL, count};

    read_on(12);
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        signal(SIGBUS, handlers[i]);
        signal(SIGSEGV, handlers[i]);
        read_on(13);
        is_handler(SIGBUS, handlers[i]);
        is_handler(SIGSEGV, handlers[i]);
    }
    expect(called == 0, "the handler was called %d times", called);
    kill(getpid(), SIGBUS);
    raise(SIGSEGV);
    expect(called == 2, "the program's own signals: called %d times", called);
}

/* The kernel's sigaction, by number. */
static void with_handlers_by_number(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } act = {SIG_IGN, 0, NULL, 0}, was = {count, 1, NULL, 1};

    read_on(14);
    same(syscall(SYS_rt_sigaction, SIGBUS, &act, NULL, 8), 0, "rt_sigaction");
    read_on(15);
    same(syscall(SYS_rt_sigaction, SIGBUS, NULL, &was, 8), 0, "rt_sigaction");
    expect(was.handler == SIG_IGN, "it is ignored");
    kill(getpid(), SIGBUS);
}

/* Memory that is there once it was touched, as in a Java heap, a debugger, a GC. */
static char *closed_page;

static void let_in(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    called++;
    if (info->si_addr < (void *)closed_page || info->si_addr >= (void *)(closed_page + 4096))
        _exit(99);
    mprotect(closed_page, 4096, PROT_READ | PROT_WRITE);
}

static void let_in_and_read(int sig, siginfo_t *info, void *context)
{
    unsigned seed = 16;
    let_in(sig, info, context);
    for (int i = 0; i < 20; i++)
        one(&seed);
}

static void living_on(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    unsigned seed = 17;

    expect(sigaction(SIGSEGV, &act, NULL) == 0, "sigaction");
    closed_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 1; i < 300; i++) {
        mprotect(closed_page, 4096, PROT_NONE);
        *(volatile char *)(closed_page + i) = (char)i;
        expect(called == i && closed_page[i] == (char)i, "fault %d", i);
        for (int k = 0; k < 5; k++)
            one(&seed);
    }
}

static void on_faults(void)
{
    living_on(let_in);
}

static void on_faults_reading(void)
{
    living_on(let_in_and_read);
}

/* ---- other ways to read ---- */

static void big(void)
{
    for (int i = 0; i < 100; i++) {
        unsigned char *buf =
            mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long got = side_pread(LIBC, fd, buf, SIZE, 0);
        expect(got >= 0 && got <= (long)SIZE, "pread of everything: %ld", got);
        for (long k = 0; k < (long)SIZE; k++)
            /* Beyond what was returned, a copy that was cut short may have been. */
            if (!expect(buf[k] == 0 ||
                            ((k < got || tap_active()) && buf[k] == twin_byte((uint64_t)k)),
                        "byte %ld of %ld is %d", k, got, buf[k]))
                break;
        munmap(buf, SIZE);
    }
}

static void sequential(void)
{
    unsigned char buf[512];

    for (int i = 0; i < READS; i++) {
        int64_t at = side_lseek(LIBC, fd, 0, SEEK_CUR);
        long got = side_read(LIBC, fd, buf, sizeof buf);
        expect(got >= 0, "read: %ld", got);
        expect(side_lseek(LIBC, fd, 0, SEEK_CUR) == at + got, "the offset moved by what was read");
        for (long k = 0; k < got; k++)
            if (!expect(buf[k] == 0 || buf[k] == twin_byte((uint64_t)(at + k)), "byte %ld", k))
                break;
        if (got == 0)
            side_lseek(LIBC, fd, 0, SEEK_SET);
    }
}

static void while_truncated(void (*body)(void), const char *name)
{
    pid_t child = fork();

    if (child == 0) {
        start();
        body();
        finish();
        child_done();
    }
    child_wait(child, name);
    report(name);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("truncation", SIZE);
    while_truncated(plainly, "truncated while it is read");
    while_truncated(sequential, "truncated while it is read on and on");
    while_truncated(big, "truncated while big reads load it");
    while_truncated(all_blocked, "truncated, all signals blocked");
    while_truncated(in_workers, "truncated, worker threads that block all signals");
    while_truncated(in_full_handlers, "truncated, reading in handlers with a full mask");
    while_truncated(on_small_stacks, "truncated, alternate stacks of 2 KB");
    while_truncated(with_signalfd, "truncated, signalfd for SIGBUS and SIGSEGV");
    while_truncated(with_sigwait, "truncated, sigwait for SIGBUS and SIGSEGV");
    while_truncated(with_handlers, "truncated, handlers installed, queried, ignored, replaced");
    while_truncated(with_handlers_by_number, "truncated, SIGBUS ignored by number");
    while_truncated(on_faults, "truncated, a program that lives on SIGSEGV");
    while_truncated(on_faults_reading, "truncated, reading in a handler of SIGSEGV");
    return tap_done();
}
