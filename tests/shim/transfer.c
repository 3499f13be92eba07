/* Calls that use the kernel's offset behind reads that were served in user space. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "twin.h"

static struct twin twin;
static struct buffers b;

static void sink_compare(const int sink[SIDES], const char *what)
{
    static char bytes[SIDES][512 * 1024];
    long got[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        got[s] = side_pread(RAW, sink[s], bytes[s], sizeof bytes[s], 0);
    same(got[LIBC], got[RAW], "%s: bytes that arrived", what);
    expect(got[LIBC] <= 0 || memcmp(bytes[LIBC], bytes[RAW], (size_t)got[LIBC]) == 0,
           "%s: other bytes arrived", what);
    for (enum side s = LIBC; s < SIDES; s++) {
        side_ftruncate(RAW, sink[s], 0);
        side_lseek(RAW, sink[s], 0, SEEK_SET);
    }
}

/* Whatever the width of off_t here. */
extern ssize_t plain_sendfile(int out, int in, long *off, size_t n) __asm__("sendfile");

static void to_a_file(void)
{
    int sink[SIDES];
    static const size_t counts[] = {0, 1, 100, 5000, 300000, SIZE_MAX};

    for (enum side s = LIBC; s < SIDES; s++)
        sink[s] = memfd_create("sink", 0);
    for (size_t i = 0; i < 6; i++) {
        struct pair p = pair_read_on(&twin, &b, 700 * i);
        same(side_sendfile(LIBC, sink[LIBC], p.fd[LIBC], NULL, counts[i]),
             side_sendfile(RAW, sink[RAW], p.fd[RAW], NULL, counts[i]), "sendfile");
        same_read(&p, &b, 100);
        sink_compare(sink, "sendfile");
        int64_t at[SIDES] = {12345, 12345};
        same(side_sendfile(LIBC, sink[LIBC], p.fd[LIBC], &at[LIBC], counts[i]),
             side_sendfile(RAW, sink[RAW], p.fd[RAW], &at[RAW], counts[i]), "sendfile at");
        same(at[LIBC], at[RAW], "sendfile's offset");
        same_read(&p, &b, 100);
        sink_compare(sink, "sendfile at");
        pair_close(&p);
    }
    struct pair p = pair_read_on(&twin, &b, 4321);
    same(side_result(plain_sendfile(sink[LIBC], p.fd[LIBC], NULL, 1000)),
         side_sendfile(RAW, sink[RAW], p.fd[RAW], NULL, 1000), "sendfile by its plain name");
    same_read(&p, &b, 100);
    sink_compare(sink, "sendfile by its plain name");
    pair_close(&p);
    report("sendfile with and without an offset");
    for (enum side s = LIBC; s < SIDES; s++)
        close(sink[s]);
}

static void copied(void)
{
    struct twin sink = twin_make("sink", 0);
    struct pair out;

    for (enum side s = LIBC; s < SIDES; s++)
        out.fd[s] = (int)side_open(RAW, sink.path[s], O_RDWR, 0);
    for (size_t n = 0; n < 400000; n = n * 3 + 1) {
        struct pair p = pair_read_on(&twin, &b, n);
        same(side_copy_file_range(LIBC, p.fd[LIBC], NULL, out.fd[LIBC], n),
             side_copy_file_range(RAW, p.fd[RAW], NULL, out.fd[RAW], n), "copy_file_range");
        same_read(&p, &b, 100);
        sink_compare(out.fd, "copy_file_range");
        int64_t at[SIDES] = {99, 99};
        same(side_copy_file_range(LIBC, p.fd[LIBC], &at[LIBC], out.fd[LIBC], n),
             side_copy_file_range(RAW, p.fd[RAW], &at[RAW], out.fd[RAW], n), "copy_file_range at");
        same_read(&p, &b, 100);
        sink_compare(out.fd, "copy_file_range at");
        pair_close(&p);
    }
    report("copy_file_range with and without an offset");
    pair_close(&out);
}

static void spliced(void)
{
    int pipes[SIDES][2];
    static char bytes[SIDES][70000];

    for (enum side s = LIBC; s < SIDES; s++)
        expect(pipe2(pipes[s], O_NONBLOCK) == 0, "pipe");
    for (size_t n = 1; n < 70000; n = n * 3 + 1)
        for (int with_offset = 0; with_offset < 2; with_offset++) {
            struct pair p = pair_read_on(&twin, &b, n);
            int64_t at[SIDES] = {4097, 4097};
            long moved[SIDES];
            for (enum side s = LIBC; s < SIDES; s++) {
                moved[s] = side_splice(s, p.fd[s], with_offset ? &at[s] : NULL, pipes[s][1], n, 0);
                side_read(RAW, pipes[s][0], bytes[s], sizeof bytes[s]);
            }
            same(moved[LIBC], moved[RAW], "splice of %zu", n);
            same(at[LIBC], at[RAW], "splice's offset");
            expect(memcmp(bytes[LIBC], bytes[RAW], sizeof bytes[0]) == 0, "splice: other bytes");
            same_read(&p, &b, 100);
            pair_close(&p);
        }
    report("splice into a pipe with and without an offset");
    for (enum side s = LIBC; s < SIDES; s++)
        close(pipes[s][0]), close(pipes[s][1]);
}

static void counted(void)
{
    for (size_t to = 0; to < twin.size + 5000; to += 100001) {
        struct pair p = pair_read_on(&twin, &b, to);
        int n[SIDES] = {-7, -7};
        same(side_fionread(LIBC, p.fd[LIBC], &n[LIBC]), side_fionread(RAW, p.fd[RAW], &n[RAW]),
             "FIONREAD");
        same(n[LIBC], n[RAW], "FIONREAD's count");
        same_read(&p, &b, 10);
        pair_close(&p);
    }
    report("ioctl(FIONREAD)");
}

/* Where a lock relative to the offset came to lie, as another process sees it. */
static void seen_from_outside(const struct pair *p, short type, const char *what)
{
    pid_t child = fork();

    if (child == 0) {
        struct flock seen[SIDES];
        for (enum side s = LIBC; s < SIDES; s++) {
            seen[s] = (struct flock){.l_type = type, .l_whence = SEEK_SET};
            side_fcntl(RAW, p->fd[s], F_GETLK, (long)&seen[s]);
        }
        same(seen[LIBC].l_type, seen[RAW].l_type, "%s: type", what);
        same(seen[LIBC].l_start, seen[RAW].l_start, "%s: start", what);
        same(seen[LIBC].l_len, seen[RAW].l_len, "%s: length", what);
        expect(seen[RAW].l_type != F_UNLCK, "%s: there is no lock", what);
        child_done();
    }
    child_wait(child, what);
}

static void locked(void)
{
    for (int k = 0; k < 6; k++) {
        struct pair p = pair_read_on(&twin, &b, 1000 * (size_t)k);
        struct flock lock[SIDES];
        for (enum side s = LIBC; s < SIDES; s++) {
            lock[s] = (struct flock){
                .l_type = F_RDLCK, .l_whence = SEEK_CUR, .l_start = k - 3, .l_len = 10 + k};
            same(side_fcntl(s, p.fd[s], F_SETLK, (long)&lock[s]), 0, "F_SETLK");
        }
        seen_from_outside(&p, F_WRLCK, "a lock relative to the offset");
        same_read(&p, &b, 100);
        pair_close(&p);
    }
    report("record locks relative to the offset");
    struct twin own = twin_make("lockf", 100000);
    struct pair p = pair_open(&own, O_RDWR);
    for (int k = 0; k < 6; k++) {
        same_read(&p, &b, 1001);
        same(
            side_result(lockf(p.fd[LIBC], F_LOCK, 50)),
            side_fcntl(RAW, p.fd[RAW], F_SETLK,
                       (long)&(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = 50}),
            "lockf");
        seen_from_outside(&p, F_WRLCK, "lockf");
        same(
            lockf(p.fd[LIBC], F_ULOCK, 50),
            side_fcntl(RAW, p.fd[RAW], F_SETLK,
                       (long)&(struct flock){.l_type = F_UNLCK, .l_whence = SEEK_CUR, .l_len = 50}),
            "F_ULOCK");
    }
    report("lockf locks from the offset on");
    pair_close(&p);
}

static void advised(void)
{
    static const int advice[] = {POSIX_FADV_NORMAL,
                                 POSIX_FADV_RANDOM,
                                 POSIX_FADV_SEQUENTIAL,
                                 POSIX_FADV_WILLNEED,
                                 POSIX_FADV_NOREUSE,
                                 POSIX_FADV_DONTNEED,
                                 99};
    struct pair p = pair_read_on(&twin, &b, 0);

    for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++) {
        same(posix_fadvise(p.fd[LIBC], 0, 0, advice[i]), posix_fadvise(p.fd[RAW], 0, 0, advice[i]),
             "posix_fadvise(%d)", advice[i]);
        same_read(&p, &b, 100);
        same_pread(&p, &b, 300000, 5);
    }
    report("posix_fadvise");
    pair_close(&p);
}

/* A received descriptor shares the offset of the one that was sent. */
static void passed(void)
{
    int sock[2];

    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0, "socketpair");
    for (int k = 0; k < 10; k++) {
        struct pair p = pair_read_on(&twin, &b, 5000), got;
        for (enum side s = LIBC; s < SIDES; s++) {
            same(side_send_fd(s, sock[0], p.fd[s]), 1, "sendmsg");
            got.fd[s] = (int)side_recv_fd(s, sock[1]);
        }
        same_kernel_offset(&got, "of a received descriptor");
        for (int i = 0; i < 20; i++) {
            same_read(i % 2 ? &p : &got, &b, 99);
            same_lseek(i % 3 ? &got : &p, 5, SEEK_CUR);
            same_pread(&got, &b, 99, 1000);
        }
        pair_close(k % 2 ? &p : &got);
        same_read(k % 2 ? &got : &p, &b, 99);
        pair_close(k % 2 ? &got : &p);
    }
    report("a descriptor passed over a socket and back");
    close(sock[0]);
    close(sock[1]);
}

/* Two in one message: each of them is shared from then on. */
static void passed_in_twos(void)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control = {.space = {0}};
    char c = 'd';
    struct iovec byte = {&c, 1};
    struct msghdr msg = {.msg_iov = &byte,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control.space};
    struct pair first = pair_read_on(&twin, &b, 500), second = pair_read_on(&twin, &b, 900);
    int sock[2], fds[2] = {first.fd[LIBC], second.fd[LIBC]};

    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0, "socketpair");
    control.head = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds)};
    memcpy(CMSG_DATA(&control.head), fds, sizeof fds);
    same(sendmsg(sock[0], &msg, 0), 1, "sendmsg");
    same_kernel_offset(&first, "of the first sent");
    same_kernel_offset(&second, "of the second sent");
    same_read(&second, &b, 99);
    same_kernel_offset(&second, "of the second, read on");
    report("two descriptors passed in one message");
    pair_close(&first);
    pair_close(&second);
    close(sock[0]);
    close(sock[1]);
}

/* In flight while its sender closes it. */
static void in_flight(void)
{
    int sock[2];
    struct pair p = pair_read_on(&twin, &b, 3000), got;

    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0, "socketpair");
    for (enum side s = LIBC; s < SIDES; s++)
        side_send_fd(s, sock[s], p.fd[s]);
    same_read(&p, &b, 50);
    pair_close(&p);
    for (enum side s = LIBC; s < SIDES; s++)
        got.fd[s] = (int)side_recv_fd(s, sock[1 - s]);
    same_read(&got, &b, 50);
    pair_close(&got);
    report("a descriptor in flight, read on and closed by its sender");
    close(sock[0]);
    close(sock[1]);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("transfer", 500 * KB + 9);
    b = buffers_make(512 * KB);
    to_a_file();
    copied();
    spliced();
    counted();
    locked();
    advised();
    passed();
    passed_in_twos();
    in_flight();
    return tap_done();
}
