/*
 * Calls that few programs make, and the other names of calls that many make: by number, with
 * 64 in the name, of BSD and System V.  Each beside the kernel's or libc's answer.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "../newer.h"
#include "twin.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define FILE_SIZE (2 * MB + 77)

int __sigsuspend(const sigset_t *set);
int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
__sighandler_t bsd_signal(int sig, __sighandler_t handler);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *set,
                size_t size);

static struct twin twin;
static struct buffers b;
static size_t page;
static char *self;

/* ---- by number ---- */

static void opened_by_number(void)
{
#ifdef SYS_open
    struct pair p = {{(int)syscall(SYS_open, twin.path[LIBC], (long)(O_RDONLY | O_CLOEXEC)),
                      (int)side_open(RAW, twin.path[RAW], O_RDONLY | O_CLOEXEC, 0)}};

    expect(p.fd[LIBC] >= 0, "open by number");
    same(side_fcntl(RAW, p.fd[LIBC], F_GETFD, 0), FD_CLOEXEC, "its flags");
    same_read(&p, &b, 900);
    same_pread(&p, &b, 700 * KB - 50, 20); /* no stream's first piece */
    expect(image_mapped(), "it is not served");
    pair_close(&p);
    buffers_free(&b);
    b = buffers_make(MB);
#endif
    report("open by number");
}

static void copied_by_number(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    int64_t from[SIDES] = {5000, 5000};
    int to = open(twin_dir(), O_TMPFILE | O_RDWR, 0600);

    same_read(&p, &b, 900);
    same(
        side_result(syscall(SYS_copy_file_range, (long)p.fd[LIBC], NULL, (long)to, NULL, 500L, 0L)),
        side_copy_file_range(RAW, p.fd[RAW], NULL, to, 500), "copy_file_range");
    same_read(&p, &b, 100);
    same(side_result(
             syscall(SYS_copy_file_range, (long)p.fd[LIBC], &from[LIBC], (long)to, NULL, 500L, 0L)),
         side_copy_file_range(RAW, p.fd[RAW], &from[RAW], to, 500), "copy_file_range at a place");
    same(from[LIBC], from[RAW], "the place afterwards");
    same_read(&p, &b, 100);
    side_close(RAW, to);
    pair_close(&p);
    report("copy_file_range by number");
}

/* Whoever gets the descriptor has the offset where it was left. */
static void sent_by_number(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0}, c = 'd';
    struct iovec byte = {&c, 1};
    struct msghdr msg = {.msg_iov = &byte,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    int ends[2];

    same_read(&p, &b, 900);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &p.fd[LIBC], sizeof(int));
    same(syscall(SYS_sendmsg, (long)ends[0], &msg, 0L), 1, "sendmsg");
    same_kernel_offset(&p, "sent");
    long copy = side_recv_fd(RAW, ends[1]);
    same(side_read(RAW, (int)copy, b.at[LIBC], 300), side_read(RAW, p.fd[RAW], b.at[RAW], 300),
         "read by the receiver");
    same_read(&p, &b, 100);
    side_close(RAW, (int)copy);
    close(ends[0]);
    close(ends[1]);
    pair_close(&p);
    report("sendmsg by number");
}

static struct buffers lent(void)
{
    struct buffers big = buffers_make(2 * MB);
    struct pair p = pair_open(&twin, O_RDONLY);

    same_pread(&p, &big, MB, 1234);
    expect(image_mapped(), "nothing is lent");
    pair_close(&p);
    return big;
}

static void nothing_left(const char *when)
{
    expect(!tap_active() || (!image_mapped() && images_in_home() == 0), "%s: an image is left",
           when);
}

static void unmapped_by_number(void)
{
    struct buffers big;

    buffers_free(&b);
    big = lent();
    for (enum side s = LIBC; s < SIDES; s++)
        same(syscall(SYS_munmap, big.at[s], big.len), 0, "munmap");
    nothing_left("munmap");
#ifdef SYS_mmap
    big = lent();
    for (enum side s = LIBC; s < SIDES; s++)
        expect((char *)syscall(SYS_mmap, big.at[s], big.len, (long)(PROT_READ | PROT_WRITE),
                               (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1L,
                               0L) == big.at[s],
               "mmap");
    buffers_same(&big, 0, big.len, "new memory");
    nothing_left("mmap over it");
    buffers_free(&big);
#endif
    b = buffers_make(MB);
    report("munmap and mmap of lent memory by number");
}

/* In pieces, which the kernel does not take for one: see lends.c. */
static void remapped_by_number(void)
{
    struct buffers big = lent(), grown;

    for (enum side s = LIBC; s < SIDES; s++) {
        big.at[s][5000] = 'x';
        same(side_madvise(s, big.at[s] + 16 * page, 8 * page, MADV_DONTNEED), 0, "madvise");
        big.at[s][17 * page] = 'y';
        same(side_mprotect(s, big.at[s] + 64 * page, 8 * page, PROT_READ | PROT_EXEC), 0,
             "mprotect");
        same(side_mprotect(s, big.at[s] + 64 * page, 8 * page, PROT_READ | PROT_WRITE), 0,
             "mprotect");
        big.at[s][65 * page] = 'z';
    }
    grown.len = big.len + MB;
    grown.at[LIBC] =
        (char *)syscall(SYS_mremap, big.at[LIBC], big.len, grown.len, (long)MREMAP_MAYMOVE, 0L);
    grown.at[RAW] = side_mremap(RAW, big.at[RAW], big.len, grown.len, MREMAP_MAYMOVE);
    for (enum side s = LIBC; s < SIDES; s++)
        expect((uintptr_t)grown.at[s] < (uintptr_t)-4096, "mremap of side %d", s);
    buffers_same(&grown, 0, grown.len, "grown");
    buffers_free(&grown);
    report("mremap of lent memory by number");
}

/* ---- other widths ---- */

static void wide_names(void)
{
    struct pair p = pair_open(&twin, O_RDWR), made;
    struct iovec v[SIDES][2];
    char path[SIDES][TWIN_PATH + 8];

    for (enum side s = LIBC; s < SIDES; s++) {
        v[s][0] = (struct iovec){b.at[s], 1000};
        v[s][1] = (struct iovec){b.at[s] + 5000, 3000};
        snprintf(path[s], sizeof path[s], "%s.made", twin.path[s]);
    }
    for (int i = 0; i < 5; i++) {
        same(side_result(preadv64(p.fd[LIBC], v[LIBC], 2, 777)),
             side_preadv(RAW, p.fd[RAW], v[RAW], 2, 777), "preadv64");
        same(side_result(preadv64v2(p.fd[LIBC], v[LIBC], 2, -1, 0)),
             side_preadv2(RAW, p.fd[RAW], v[RAW], 2, -1, 0), "preadv64v2 at the offset");
        same(side_result(preadv64v2(p.fd[LIBC], v[LIBC], 2, 5000 * i, 0)),
             side_preadv2(RAW, p.fd[RAW], v[RAW], 2, 5000 * i, 0), "preadv64v2");
        buffers_same(&b, 0, b.len, "vectors");
        same_read(&p, &b, 50);
    }
    same(lockf64(p.fd[LIBC], F_TLOCK, 100), 0, "lockf64");
    same_kernel_offset(&p, "where a lock begins");
    same(lockf64(p.fd[LIBC], F_ULOCK, 0), 0, "lockf64");
    same_read(&p, &b, 50);
    pair_close(&p);
    for (enum side s = LIBC; s < SIDES; s++)
        made.fd[s] = s == LIBC ? creat64(path[s], 0600)
                               : (int)side_open(RAW, path[s], O_CREAT | O_WRONLY | O_TRUNC, 0600);
    same_read(&made, &b, 50); /* EBADF */
    pair_close(&made);
    report("names with 64");
}

/* ---- new processes and programs ---- */

/* Is an image mapped at AT? */
static bool lent_at(const char *at)
{
    unsigned long from, to, place = (unsigned long)at;
    char line[600];
    bool found = !tap_active();
    FILE *maps = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from <= place && place < to)
            found |= strstr(line, "/home/") != NULL;
    fclose(maps);
    return found;
}

/* The smallest pool, on a file system where it is used: all of it. */
static void fill_pool(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    for (int place = 0; place < 20; place++)
        for (int i = 0; i < 40; i++)
            same_pread(&p, &b, 64, place * 16384 + i);
    expect(!tap_tiny() || maps_have("seldom.matched"), "no section is mapped");
    pair_close(&p);
}

static int served_child(void *arg)
{
    struct buffers big = buffers_make(MB);
    struct pair *p = arg, q;

    same_kernel_offset(p, "in the child");
    same_read(p, &b, 700);
    q = pair_open(&twin, O_RDONLY);
    expect(!tap_active() || !maps_have("seldom.matched"), "a section of the parent's is there");
    for (int i = 0; i < 200 || (i < 20000 && tap_tiny() && !maps_have("seldom.matched")); i++)
        same_pread(&q, &b, 64, 700000 + i % 50);
    expect(!tap_tiny() || maps_have("seldom.matched"), "no section is mapped in the child");
    same_pread(&q, &big, 700 * KB - 50, 20);
    expect(lent_at(big.at[LIBC] + 2 * page), "nothing is lent to the child");
    child_done();
}

static pid_t by_clone(struct pair *p)
{
    static char stack[256 << 10] __attribute__((aligned(64)));

    return clone(served_child, stack + sizeof stack, SIGCHLD, p);
}

extern pid_t _Fork(void) __attribute__((weak)); /* since glibc 2.34 */

static pid_t by_fork(struct pair *p)
{
    pid_t pid = fork();

    if (pid == 0)
        served_child(p);
    return pid;
}

static pid_t by_bare_fork(struct pair *p)
{
    pid_t pid = _Fork ? _Fork() : fork();

    if (pid == 0)
        served_child(p);
    return pid;
}

static pid_t by_number(struct pair *p)
{
    pid_t pid = (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);

    if (pid == 0)
        served_child(p);
    return pid;
}

/* A child is served as its parent is, and its parent as before. */
static void forks(void)
{
    static pid_t (*const ways[])(struct pair * p) = {by_clone, by_fork, by_bare_fork, by_number};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct buffers big = buffers_make(MB);
        struct pair p = pair_open(&twin, O_RDONLY), q = pair_open(&twin, O_RDONLY);

        fill_pool();
        same_read(&p, &b, 900);
        pid_t child = ways[i](&p);
        expect(child > 0, "way %zu", i);
        child_wait(child, "the child");
        same_kernel_offset(&p, "in the parent");
        same_read(&p, &b, 100);
        same_pread(&q, &big, 700 * KB - 50, 20);
        expect(lent_at(big.at[LIBC] + 2 * page), "nothing is lent to the parent");
        buffers_free(&big);
        pair_close(&p);
        pair_close(&q);
    }
    report("clone, fork, _Fork and clone by number: parent and child are served");
}

static void end_by_Exit(void)
{
    _Exit(7);
}

static void end_by_exit(void)
{
    _exit(7);
}

static void ended(void)
{
    static void (*const ways[])(void) = {end_by_Exit, end_by_exit};

    buffers_free(&b);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        pid_t child = fork();
        int status = -1;

        if (child == 0) {
            struct buffers big = lent();

            expect(big.len > 0, "lent");
            ways[i]();
        }
        waitpid(child, &status, 0);
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
        nothing_left("way to end");
    }
    b = buffers_make(MB);
    report("_Exit and _exit");
}

/* In the new program: is the offset where the old one has left it? */
static int offset_is(char **argv)
{
    const char *mark = getenv("SELDOM");

    return mark && side_lseek(RAW, atoi(argv[2]), 0, SEEK_CUR) == atol(argv[3]) ? 0 : 1;
}

static void execute(int way, const char *program, char *const argv[], char *const env[])
{
    switch (way) {
    case 0:
        execvpe(program, argv, env);
        break;
    case 1:
        execveat(AT_FDCWD, program, argv, env, 0);
        break;
    case 2:
        execle(program, argv[0], argv[1], argv[2], argv[3], NULL, env);
        break;
    default:
        syscall(SYS_execve, program, argv, env);
    }
}

static void programs(void)
{
    char *const env[] = {(char[]){"SELDOM=1"}, NULL};
    char number[20], at[20];
    char *const argv[] = {self, (char[]){"--offset"}, number, at, NULL};

    for (int way = 0; way < 4; way++) {
        struct pair p = pair_open(&twin, O_RDONLY);

        same_read(&p, &b, 900);
        snprintf(number, sizeof number, "%d", p.fd[LIBC]);
        snprintf(at, sizeof at, "%d", 950);
        pid_t child = fork();
        if (child == 0) {
            struct pair q = pair_open(&twin, O_RDONLY); /* this one's own */

            same_read(&q, &b, 900);
            errno = 0;
            execute(way, "/nonexistent/program", argv, env);
            expect(errno == ENOENT, "a program that is not there");
            same_read(&q, &b, 50);
            snprintf(number, sizeof number, "%d", q.fd[LIBC]);
            execute(way, self, argv, env);
            expect(false, "exec %d: %d", way, errno);
            child_done();
        }
        child_wait(child, "the new program");
        same_read(&p, &b, 100);
        pair_close(&p);
    }
    report("execvpe, execveat, execle, execve by number");
}

/* ---- signals ---- */

static volatile sig_atomic_t calls;

static void count(int sig)
{
    (void)sig;
    calls++;
}

static struct sigaction now(int sig)
{
    struct sigaction act;

    expect(__sigaction(sig, NULL, &act) == 0, "__sigaction");
    return act;
}

static bool blocked(int sig)
{
    sigset_t set;

    sigprocmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, sig);
}

static void old_handlers(void)
{
    expect(siginterrupt(SIGSEGV, 1) == 0 && signal(SIGSEGV, count) == SIG_DFL, "siginterrupt");
    expect(!(now(SIGSEGV).sa_flags & SA_RESTART), "interrupts");
    expect(siginterrupt(SIGSEGV, 0) == 0 && now(SIGSEGV).sa_flags & SA_RESTART, "restarts");
    expect(now(SIGSEGV).sa_handler == count, "the handler stays");
    expect(bsd_signal(SIGBUS, count) == SIG_DFL && now(SIGBUS).sa_flags & SA_RESTART, "bsd_signal");
    expect(ssignal(SIGBUS, SIG_DFL) == count, "ssignal");
    expect(sysv_signal(SIGBUS, count) == SIG_DFL && now(SIGBUS).sa_flags & SA_RESETHAND &&
               now(SIGBUS).sa_flags & SA_NODEFER && !(now(SIGBUS).sa_flags & SA_RESTART),
           "sysv_signal");
    expect(sigignore(SIGBUS) == 0 && now(SIGBUS).sa_handler == SIG_IGN, "sigignore");
    raise(SIGBUS);
    expect(calls == 0, "ignored");
    errno = 0;
    expect(signal(SIGKILL, count) == SIG_ERR && errno == EINVAL, "signal of SIGKILL");
    errno = 0;
    expect(signal(0, count) == SIG_ERR && errno == EINVAL, "signal of none");
    errno = 0;
    expect(signal(999, count) == SIG_ERR && errno == EINVAL, "signal of none");
    errno = 0;
    expect(signal(SIGBUS, SIG_ERR) == SIG_ERR && errno == EINVAL, "signal to SIG_ERR");
    expect(sysv_signal(999, count) == SIG_ERR && sigset(999, count) == SIG_ERR &&
               sigset(999, SIG_HOLD) == SIG_ERR && siginterrupt(999, 1) == -1 &&
               sigignore(999) == -1 && sighold(999) == -1 && sigrelse(999) == -1,
           "no such signal");
}

/* By its name only: linkers warn of it. */
static int old_mask(void)
{
    int (*get)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "siggetmask");

    return get();
}

static void old_masks(void)
{
    const int bus = 1 << (SIGBUS - 1);
    const uint64_t both = (uint64_t)bus | UINT64_C(1) << (SIGSEGV - 1);
    uint64_t reported;
    sigset_t set;

    expect(sighold(SIGBUS) == 0 && blocked(SIGBUS) && old_mask() == bus, "sighold");
    expect(sigset(SIGBUS, count) == SIG_HOLD && !blocked(SIGBUS), "sigset of what was held");
    expect(sigset(SIGBUS, SIG_DFL) == count && sigset(SIGBUS, SIG_HOLD) == SIG_DFL, "sigset");
    expect(blocked(SIGBUS) && sigrelse(SIGBUS) == 0 && old_mask() == 0, "sigrelse");
    expect(sigprocmask(99, &(sigset_t){0}, NULL) == -1 && errno == EINVAL, "how 99");
    signal(SIGALRM, count);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigprocmask(SIG_BLOCK, NULL, &set);
    memcpy(&reported, &set, sizeof reported);
    expect((reported | both) == (side_mask(RAW) | both), "what cannot be blocked is not reported");
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    kill(getpid(), SIGALRM);
    expect(__sigsuspend(&set) == -1 && errno == EINTR && calls == 1, "__sigsuspend");
    expect(blocked(SIGBUS) && blocked(SIGALRM), "the mask is back");
    kill(getpid(), SIGALRM);
    struct timespec some_time = {60, 0};
    struct pollfd none = {-1, POLLIN, 0};
    expect(__ppoll_chk(&none, 1, &some_time, &set, sizeof none) == -1 && calls == 2, "__ppoll_chk");
    expect(blocked(SIGBUS) && blocked(SIGALRM), "the mask is back");
}

static void wait_in_handler(int sig)
{
    sigset_t bus;

    (void)sig;
    sigemptyset(&bus);
    sigaddset(&bus, SIGBUS);
    close(signalfd(-1, &bus, 0));
    calls++;
}

/* To wait for other signals changes nothing; to wait for one that faults send, also in a handler,
 * makes its mask one in earnest. */
static void awaited(void)
{
    struct sigaction act = {.sa_handler = wait_in_handler};
    const uint64_t bus_bit = UINT64_C(1) << (SIGBUS - 1), segv_bit = UINT64_C(1) << (SIGSEGV - 1);
    const struct timespec none = {0, 0};
    bool first = side_mask(RAW) & bus_bit;
    sigset_t set;

    expect(!first && sighold(SIGBUS) == 0, "sighold");
    first = side_mask(RAW) & bus_bit;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    expect(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN, "sigtimedwait");
    same((side_mask(RAW) & bus_bit) != 0, first, "the mask that the kernel has");
    sigaddset(&act.sa_mask, SIGSEGV);
    sigaction(SIGUSR1, &act, NULL);
    raise(SIGUSR1);
    expect(calls == 1 && blocked(SIGBUS) && !blocked(SIGSEGV), "after the handler");
    expect(side_mask(RAW) & bus_bit && !(side_mask(RAW) & segv_bit), "in earnest");
}

static void signals(void)
{
    static void (*const bodies[])(void) = {old_handlers, old_masks, awaited};

    for (int i = 0; i < 6; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct pair p = pair_open(&twin, O_RDONLY);

            for (int k = 0; i < 3 && k < 60; k++) /* else nothing is copied yet */
                same_pread(&p, &b, 48, 5000);
            bodies[i % 3]();
            for (int k = 0; k < 60; k++)
                same_pread(&p, &b, 48, 5000);
            child_done();
        }
        child_wait(child, "the child");
    }
    report("signals by BSD and System V");
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--offset") == 0)
        return offset_is(argv);
    tap_start(argc, argv);
    self = argv[0];
    page = (size_t)sysconf(_SC_PAGESIZE);
    twin = twin_make("seldom", FILE_SIZE);
    b = buffers_make(MB);
    opened_by_number();
    copied_by_number();
    sent_by_number();
    unmapped_by_number();
    remapped_by_number();
    wide_names();
    forks();
    ended();
    programs();
    signals();
    return tap_done();
}
