/* Duplicated descriptors share one offset; closing one leaves the others. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../newer.h"
#include "twin.h"

/* Exported by glibc beside the public names. */
int __dup2(int fd, int to);
int __close(int fd);
int __fcntl(int fd, int cmd, ...);

static struct twin twin, other;
static struct buffers b;

/* A way to duplicate: takes a side and a descriptor, returns the new one. */
typedef long duplicate_fn(enum side s, int fd);

static long by_dup(enum side s, int fd)
{
    return side_dup(s, fd);
}

static long by_dup2(enum side s, int fd)
{
    return side_dup2(s, fd, s == LIBC ? 300 : 301);
}

static long by_dup3(enum side s, int fd)
{
    return side_dup3(s, fd, s == LIBC ? 302 : 303, O_CLOEXEC);
}

static long by_fcntl(enum side s, int fd)
{
    return side_fcntl(s, fd, F_DUPFD, 200);
}

static long by_fcntl_cloexec(enum side s, int fd)
{
    return side_fcntl(s, fd, F_DUPFD_CLOEXEC, 250);
}

static long by_underscored(enum side s, int fd)
{
    if (s == LIBC)
        return side_result(__dup2(fd, (int)side_result(__fcntl(fd, F_DUPFD, 400))));
    return side_dup2(s, fd, (int)side_fcntl(s, fd, F_DUPFD, 400));
}

/* Numbers that the library's table has to grow for; where so many are not allowed, the highest. */
static long by_fcntl_high(enum side s, int fd)
{
    struct rlimit limit;
    long to = s == LIBC ? 40000 : 50000;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 60000) {
        limit.rlim_cur = limit.rlim_max < 60000 ? limit.rlim_max : 60000;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < 60000)
        to = (long)limit.rlim_cur - (s == LIBC ? 10 : 20);
    return side_fcntl(s, fd, F_DUPFD_CLOEXEC, to);
}

static struct pair duplicate(const struct pair *p, duplicate_fn *way)
{
    struct pair copy;

    for (enum side s = LIBC; s < SIDES; s++)
        copy.fd[s] = (int)way(s, p->fd[s]);
    expect(copy.fd[LIBC] >= 0, "duplicate: %d", copy.fd[LIBC]);
    return copy;
}

static void one_offset(const struct pair *p, const struct pair *copy)
{
    for (int k = 0; k < 60; k++) {
        same_read(k % 2 ? p : copy, &b, (size_t)(k * 37 % 500));
        same_lseek(k % 3 ? p : copy, 11, SEEK_CUR);
        same_pread(p, &b, 100, k * 100);
        if (k % 20 == 19)
            same_read(copy, &b, 300000);
    }
    pid_t child = fork();
    if (child == 0) {
        same_kernel_offset(p, "in a child");
        same_kernel_offset(copy, "in a child");
        child_done();
    }
    child_wait(child, "child");
    same_read(copy, &b, 50);
}

static void shared(duplicate_fn *way, const char *name)
{
    for (int first = 0; first < 2; first++) {
        struct pair p = pair_open(&twin, O_RDONLY);
        for (int k = 0; k < 100; k++)
            same_read(&p, &b, 100); /* hot before it is duplicated */
        struct pair copy = duplicate(&p, way);
        one_offset(&p, &copy);
        pair_close(first ? &p : &copy);
        for (int k = 0; k < 20; k++)
            same_read(first ? &copy : &p, &b, 333);
        pair_close(first ? &copy : &p);
    }
    report(name);
}

/* dup2 over a live descriptor of another matched file, and of an unmatched one. */
static void replaced(void)
{
    for (int k = 0; k < 20; k++) {
        struct pair p = pair_open(&twin, O_RDONLY), q = pair_open(&other, O_RDONLY);
        for (int i = 0; i < 40; i++) {
            same_read(&q, &b, 50);
            same_pread(&q, &b, 50, 500 + i);
        }
        same_lseek(&p, 1000 + k, SEEK_SET);
        for (enum side s = LIBC; s < SIDES; s++)
            expect(side_dup2(s, p.fd[s], q.fd[s]) == q.fd[s], "dup2 onto a live descriptor");
        same_pread(&q, &b, 50, 500);
        same_read(&q, &b, 77);
        same_read(&p, &b, 77);
        pair_close(&p);
        same_read(&q, &b, 77);
        pair_close(&q);
    }
    report("dup2 over a matched descriptor replaces it");
}

static void replaced_by_stranger(void)
{
    struct pair p = pair_open(&twin, O_RDONLY), null = {{-1, -1}};

    for (int i = 0; i < 100; i++)
        same_read(&p, &b, 50);
    for (enum side s = LIBC; s < SIDES; s++) {
        null.fd[s] = (int)side_open(RAW, "/dev/null", O_RDWR, 0);
        side_dup2(s, null.fd[s], p.fd[s]);
    }
    same_read(&p, &b, 50);
    same_pread(&p, &b, 50, 0);
    report("dup2 of a stranger over a matched descriptor");
    pair_close(&p);
    pair_close(&null);
}

static void to_itself(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    same_read(&p, &b, 500);
    same(side_dup2(LIBC, p.fd[LIBC], p.fd[LIBC]) == p.fd[LIBC],
         side_dup2(RAW, p.fd[RAW], p.fd[RAW]) == p.fd[RAW], "dup2 to itself");
    same(side_dup3(LIBC, p.fd[LIBC], p.fd[LIBC], 0), side_dup3(RAW, p.fd[RAW], p.fd[RAW], 0),
         "dup3 to itself");
    same_read(&p, &b, 500);
    report("dup2 and dup3 to the same number");
    pair_close(&p);
}

static void errors(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    same_read(&p, &b, 500);
    same(side_dup2(LIBC, 9999, p.fd[LIBC]), side_dup2(RAW, 9999, p.fd[RAW]), "dup2 of a bad one");
    same(side_dup2(LIBC, p.fd[LIBC], -1), side_dup2(RAW, p.fd[RAW], -1), "dup2 to -1");
    same(side_dup2(LIBC, p.fd[LIBC], 1 << 30), side_dup2(RAW, p.fd[RAW], 1 << 30), "dup2 to 2^30");
    same(side_dup3(LIBC, p.fd[LIBC], 77, -1), side_dup3(RAW, p.fd[RAW], 77, -1), "dup3 flags");
    same(side_fcntl(LIBC, p.fd[LIBC], F_DUPFD, -1), side_fcntl(RAW, p.fd[RAW], F_DUPFD, -1),
         "F_DUPFD of -1");
    same(side_fcntl(LIBC, p.fd[LIBC], 12345, 0), side_fcntl(RAW, p.fd[RAW], 12345, 0),
         "unknown fcntl");
    same_read(&p, &b, 500);
    report("failed duplicates leave everything as it was");
    pair_close(&p);
    same(side_dup(LIBC, p.fd[LIBC]), -EBADF, "dup of -1");
    same(side_close(LIBC, 9999), side_close(RAW, 9999), "close of a bad one");
    report("closed descriptors");
}

static void flags(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    for (int k = 0; k < 40; k++) {
        int flag = k % 4 == 0 ? O_NONBLOCK : k % 4 == 1 ? O_APPEND : k % 4 == 2 ? O_NOATIME : 0;
        same(side_fcntl(LIBC, p.fd[LIBC], F_SETFL, flag), side_fcntl(RAW, p.fd[RAW], F_SETFL, flag),
             "F_SETFL");
        same(side_fcntl(LIBC, p.fd[LIBC], F_GETFL, 0), side_fcntl(RAW, p.fd[RAW], F_GETFL, 0),
             "F_GETFL");
        same(side_fcntl(LIBC, p.fd[LIBC], F_SETFD, k & 1),
             side_fcntl(RAW, p.fd[RAW], F_SETFD, k & 1), "F_SETFD");
        same(side_fcntl(LIBC, p.fd[LIBC], F_GETFD, 0), side_fcntl(RAW, p.fd[RAW], F_GETFD, 0),
             "F_GETFD");
        same_read(&p, &b, 100);
    }
    report("F_SETFL and F_SETFD between reads");
    same(side_fcntl(LIBC, p.fd[LIBC], F_SETFL, O_DIRECT),
         side_fcntl(RAW, p.fd[RAW], F_SETFL, O_DIRECT), "F_SETFL O_DIRECT");
    same_lseek(&p, 0, SEEK_SET);
    for (size_t n = 1; n < 9000; n += 511) {
        same_read(&p, &b, n);
        same_pread(&p, &b, n, 512);
        same_pread(&p, &b, n, 7);
    }
    report("O_DIRECT switched on later, alignment errors included");
    pair_close(&p);
}

static void is_served(const struct pair *p, const char *when)
{
    struct buffers big = buffers_make(2 * MB);

    expect(!tap_active() || !image_mapped(), "%s: something is lent already", when);
    same_pread(p, &big, MB - 50, 20);
    expect(image_mapped(), "%s: it is not served any more", when);
    buffers_free(&big);
}

/* Only O_DIRECT leaves a file to the kernel, and only that file, of those that others share. */
static void still_served(void)
{
    static const int kept[] = {O_NONBLOCK, O_APPEND, O_NOATIME, 0};
    struct pair p;

    buffers_free(&b); /* it may be lent in part */
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        p = pair_open(&twin, O_RDONLY);
        for (enum side s = LIBC; s < SIDES; s++)
            side_fcntl(s, p.fd[s], F_SETFL, kept[i]);
        is_served(&p, "other flags");
        pair_close(&p);
    }
    p = pair_open(&twin, O_RDONLY);
    pid_t child = fork();
    if (child == 0) {
        int stranger = (int)side_open(LIBC, twin.path[RAW], O_RDONLY, 0);

        side_fcntl(LIBC, stranger, F_SETFL, O_DIRECT);
        is_served(&p, "another file is read directly");
        child_done();
    }
    child_wait(child, "the child");
    pair_close(&p);
    b = buffers_make(512 * KB);
    report("F_SETFL but of O_DIRECT, or of another file: served as before");
}

/* The lowest number is reused at once: it must be the new file that is read. */
static void reused_numbers(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    int numbers[SIDES] = {p.fd[LIBC], p.fd[RAW]};

    for (int k = 0; k < 200; k++) {
        for (int i = 0; i < 10; i++)
            same_read(&p, &b, 64);
        same_pread(&p, &b, 64, 64);
        for (enum side s = LIBC; s < SIDES; s++)
            side_close(s, numbers[s]);
        struct pair next = pair_open(k % 2 ? &twin : &other, O_RDONLY);
        expect(next.fd[LIBC] == numbers[LIBC], "the number is reused");
        p = next;
        numbers[RAW] = p.fd[RAW];
        same_read(&p, &b, 64);
        same_pread(&p, &b, 64, 64);
    }
    report("close and open again under the same number");
    pair_close(&p);
}

/* The same when a pipe, a socket or a stranger's file gets the number. */
static void reused_by_others(void)
{
    for (int k = 0; k < 12; k++) {
        struct pair p = pair_open(&twin, O_RDONLY);
        int number = p.fd[LIBC], ends[2] = {-1, -1}, got = -1;
        for (int i = 0; i < 50; i++)
            same_read(&p, &b, 64);
        if (k % 2)
            side_close(LIBC, number);
        else
            side_result(__close(number));
        if (k % 3 == 0)
            got = pipe(ends) == 0 ? ends[0] : -1;
        else if (k % 3 == 1)
            got = socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? ends[0] : -1;
        else
            got = open("/dev/null", O_RDWR);
        expect(got == number, "the number is reused");
        char c;
        expect(side_pread(LIBC, number, &c, 1, 0) == (k % 3 == 2 ? 0 : -ESPIPE), "pread of it");
        expect(side_lseek(LIBC, number, 0, SEEK_CUR) == (k % 3 == 2 ? 0 : -ESPIPE), "lseek of it");
        side_close(LIBC, number);
        side_close(LIBC, ends[1]);
        side_close(RAW, p.fd[RAW]);
    }
    report("a pipe, a socket or another file under the number of a matched one");
}

static void ranges(void)
{
    for (int k = 0; k < 8; k++) {
        struct pair p = pair_open(&twin, O_RDONLY), high;
        for (int i = 0; i < 50; i++)
            same_read(&p, &b, 64);
        for (enum side s = LIBC; s < SIDES; s++)
            high.fd[s] = (int)side_fcntl(s, p.fd[s], F_DUPFD, 500 + 100 * (int)s);
        unsigned flag = k % 4 == 1 ? CLOSE_RANGE_CLOEXEC : 0;
        for (enum side s = LIBC; s < SIDES; s++)
            same(side_close_range(s, 500 + 100 * s, 599 + 100 * s, (int)flag), 0, "close_range");
        same_read(&high, &b, 64);
        same(side_fcntl(LIBC, high.fd[LIBC], F_GETFD, 0), side_fcntl(RAW, high.fd[RAW], F_GETFD, 0),
             "F_GETFD");
        same_read(&p, &b, 64);
        if (k % 2)
            closefrom(500);
        else
            pair_close(&high);
        same_read(&high, &b, 64);
        same(side_close_range(LIBC, 9, 5, 0), side_close_range(RAW, 9, 5, 0), "backwards");
        same(side_close_range(LIBC, 5, 9, 77), side_close_range(RAW, 5, 9, 77), "unknown flags");
        same_read(&p, &b, 64);
        pair_close(&p);
    }
    report("close_range, its CLOEXEC flag and errors, closefrom");
}

/* In a child, as it gives the process a table of its own. */
static void unshared_range(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    same_read(&p, &b, 64);
    pid_t child = fork();
    if (child == 0) {
        for (enum side s = LIBC; s < SIDES; s++)
            side_close_range(s, (unsigned)p.fd[s], (unsigned)p.fd[s], CLOSE_RANGE_UNSHARE);
        same_read(&p, &b, 64);
        child_done();
    }
    child_wait(child, "close_range(UNSHARE)");
    same_read(&p, &b, 64);
    report("close_range with CLOSE_RANGE_UNSHARE");
    pair_close(&p);
}

/* One of two descriptors is closed where libc does not see it: the other goes on, whatever is
 * done by the number afterwards. */
static void closed_unseen(void)
{
    for (int way = 0; way < 3; way++) {
        struct pair p = pair_open(&twin, O_RDONLY), copy = duplicate(&p, by_dup);
        int sink = (int)side_open(RAW, "/dev/null", O_RDONLY, 0);

        same_read(&p, &b, 5000);
        for (enum side s = LIBC; s < SIDES; s++)
            side_close(RAW, p.fd[s]);
        if (way == 0)
            side_close(LIBC, p.fd[LIBC]);
        else if (way == 1)
            lockf(p.fd[LIBC], F_TEST, 1);
        else
            side_dup2(LIBC, sink, p.fd[LIBC]);
        same_read(&copy, &b, 3000);
        same_lseek(&copy, 0, SEEK_CUR);
        side_close(RAW, sink);
        if (way == 2)
            side_close(LIBC, p.fd[LIBC]);
        pair_close(&copy);
    }
    report("a number closed unseen does not take the others' offset with it");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("dups", 2 * MB);
    other = twin_make("other", 100000);
    for (enum side s = LIBC; s < SIDES; s++) { /* so that a wrong file is noticed */
        long fd = side_open(RAW, other.path[s], O_WRONLY, 0);
        for (int64_t off = 0; off < 100000; off += 4)
            side_pwrite(RAW, (int)fd, "else", 4, off);
        side_close(RAW, (int)fd);
    }
    b = buffers_make(512 * KB);
    shared(by_dup, "dup: one offset, either closed first");
    shared(by_dup2, "dup2: one offset, either closed first");
    shared(by_dup3, "dup3: one offset, either closed first");
    shared(by_fcntl, "F_DUPFD: one offset, either closed first");
    shared(by_fcntl_cloexec, "F_DUPFD_CLOEXEC: one offset, either closed first");
    shared(by_fcntl_high, "F_DUPFD_CLOEXEC to high numbers: one offset, either closed first");
    shared(by_underscored, "__fcntl and __dup2: one offset, either closed first");
    replaced();
    replaced_by_stranger();
    to_itself();
    errors();
    flags();
    still_served();
    reused_numbers();
    reused_by_others();
    ranges();
    unshared_range();
    closed_unseen();
    return tap_done();
}
