/*
 * The calls that have another name in programs with 64-bit times, where the machine's are
 * of 32 bits (__sendmmsg64, __fcntl_time64 ...); elsewhere the plain ones.
 */
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS        64
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../newer.h"
#include "twin.h"

enum { BATCH = 3 };

static struct twin twin, other;
static struct buffers b;

/* Messages of one byte and one descriptor each. */
struct mail {
    struct mmsghdr m[BATCH];
    struct iovec byte[BATCH];
    char data[BATCH];
    union {
        char room[CMSG_SPACE(sizeof(int))];
        size_t align;
    } control[BATCH];
};

static void address(struct mail *mail)
{
    memset(mail, 0, sizeof *mail);
    for (int i = 0; i < BATCH; i++) {
        mail->byte[i] = (struct iovec){&mail->data[i], 1};
        mail->m[i].msg_hdr = (struct msghdr){.msg_iov = &mail->byte[i],
                                             .msg_iovlen = 1,
                                             .msg_control = mail->control[i].room,
                                             .msg_controllen = sizeof mail->control[i].room};
    }
}

static void enclose(struct mail *mail, int i, int fd)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(&mail->m[i].msg_hdr);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
}

static int enclosed(struct mail *mail, int i)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(&mail->m[i].msg_hdr);
    int fd = -1;

    if (expect(c && c->cmsg_type == SCM_RIGHTS, "no descriptor came"))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

/* All at once, or one by one by the call for one. */
static void post(int sock, const int fd[BATCH], bool at_once)
{
    struct mail mail;

    address(&mail);
    for (int i = 0; i < BATCH; i++)
        enclose(&mail, i, fd[i]);
    if (at_once)
        same(sendmmsg(sock, mail.m, BATCH, 0), BATCH, "sendmmsg");
    for (int i = 0; i < BATCH && !at_once; i++)
        same(sendmsg(sock, &mail.m[i].msg_hdr, 0), 1, "sendmsg");
}

static void collect(int sock, int fd[BATCH], bool at_once)
{
    struct mail mail;
    struct timespec soon = {5, 0};

    address(&mail);
    if (at_once)
        same(recvmmsg(sock, mail.m, BATCH, MSG_WAITFORONE, &soon), BATCH, "recvmmsg");
    for (int i = 0; i < BATCH && !at_once; i++)
        same(recvmsg(sock, &mail.m[i].msg_hdr, 0), 1, "recvmsg");
    for (int i = 0; i < BATCH; i++)
        fd[i] = enclosed(&mail, i);
}

/* Receivers share the offsets of what was sent. */
static void passed(bool at_once)
{
    int sock[2];

    expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock) == 0, "socketpair");
    for (int k = 0; k < 5; k++) {
        struct pair p[BATCH], got[BATCH];
        for (int i = 0; i < BATCH; i++)
            p[i] = pair_read_on(&twin, &b, 5000 * (size_t)i + 77);
        for (enum side s = LIBC; s < SIDES; s++) {
            int out[BATCH], in[BATCH] = {-1, -1, -1};
            for (int i = 0; i < BATCH; i++)
                out[i] = p[i].fd[s];
            post(sock[0], out, at_once);
            collect(sock[1], in, at_once);
            for (int i = 0; i < BATCH; i++)
                got[i].fd[s] = in[i];
        }
        for (int i = 0; i < BATCH; i++) {
            same_kernel_offset(&got[i], "of a received descriptor");
            same_read(&got[i], &b, 99);
            same_read(&p[i], &b, 99);
            same_lseek(&got[i], 5, SEEK_CUR);
            same_read(&p[i], &b, 99);
            pair_close(&p[i]);
            same_read(&got[i], &b, 99);
            pair_close(&got[i]);
        }
    }
    close(sock[0]);
    close(sock[1]);
}

/* Numbers closed where nobody saw it are given out anew, for another file. */
static void number_again(bool at_once)
{
    int sock[2];

    expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock) == 0, "socketpair");
    for (enum side s = LIBC; s < SIDES; s++) {
        int fd[BATCH], in[BATCH];
        for (int i = 0; i < BATCH; i++)
            fd[i] = (int)side_open(RAW, other.path[s], O_RDONLY, 0);
        post(sock[s], fd, at_once);
        for (int i = 0; i < BATCH; i++)
            side_close(RAW, fd[i]);
        struct pair old[BATCH];
        for (int i = 0; i < BATCH; i++)
            old[i] = pair_read_on(&twin, &b, 100);
        for (int i = 0; i < BATCH; i++)
            for (enum side t = LIBC; t < SIDES; t++)
                side_close(RAW, old[i].fd[t]);
        collect(sock[1 - s], in, at_once);
        for (int i = 0; i < BATCH; i++) {
            struct pair mixed = {{in[i], (int)side_open(RAW, other.path[RAW], O_RDONLY, 0)}};
            same_pread(&mixed, &b, 300, 4000);
            same_read(&mixed, &b, 300);
            pair_close(&mixed);
        }
    }
    close(sock[0]);
    close(sock[1]);
}

static void controlled(void)
{
    struct pair p = pair_read_on(&twin, &b, 12345), q;
    int n[SIDES] = {-7, -7};

    for (enum side s = LIBC; s < SIDES; s++) {
        same(ioctl(p.fd[s], FIONREAD, &n[s]), 0, "FIONREAD");
        q.fd[s] = fcntl(p.fd[s], F_DUPFD_CLOEXEC, 100);
    }
    same(n[LIBC], n[RAW], "FIONREAD's count");
    same_read(&q, &b, 10);
    same_read(&p, &b, 10);
    struct flock lock[SIDES];
    for (enum side s = LIBC; s < SIDES; s++) {
        lock[s] = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_CUR, .l_len = 10};
        same(fcntl(p.fd[s], F_SETLK, &lock[s]), 0, "F_SETLK");
    }
    same_kernel_offset(&p, "after a lock relative to it");
    pair_close(&p);
    same_read(&q, &b, 10);
    pair_close(&q);
    report("fcntl and ioctl");
}

/* ---- waiting with another mask ---- */

static volatile sig_atomic_t came;

static void note(int sig)
{
    (void)sig;
    came++;
}

static long wait_by(int way, const sigset_t *set)
{
    struct timespec soon = {5, 0};
    struct epoll_event event;
    int ep = way == 2 ? epoll_create1(0) : -1;
    long r = -1;

    if (way == 0)
        r = ppoll(NULL, 0, &soon, set);
    if (way == 1)
        r = pselect(0, NULL, NULL, NULL, &soon, set);
    if (way == 2)
        r = epoll_pwait2(ep, &event, 1, &soon, set);
    int err = errno;
    if (ep >= 0)
        close(ep);
    errno = err;
    return side_result(r);
}

static void waited(void)
{
    struct pair p = pair_read_on(&twin, &b, 50);
    sigset_t all, none, before, now;
    struct timespec soon = {5, 0};

    sigfillset(&all);
    sigemptyset(&none);
    signal(SIGUSR1, note);
    sigprocmask(SIG_SETMASK, &all, &before);
    for (int way = 0; way < 3; way++) {
        same_read(&p, &b, 100);
        came = 0;
        raise(SIGUSR1);
        expect(!came, "the signal is blocked");
        long r = wait_by(way, &none);
        expect((r == -EINTR && came == 1) || r == -ENOSYS, "wait %d: %ld, %d came", way, r, came);
        if (r == -ENOSYS)
            sigtimedwait(&all, NULL, &soon);
        sigprocmask(SIG_SETMASK, NULL, &now);
        expect(sigismember(&now, SIGSEGV) == 1 && sigismember(&now, SIGBUS) == 1 &&
                   sigismember(&now, SIGUSR1) == 1,
               "the mask is the one of before");
        same_read(&p, &b, 100);
    }
    raise(SIGUSR1);
    sigemptyset(&now);
    sigaddset(&now, SIGUSR1);
    same(sigtimedwait(&now, NULL, &soon), SIGUSR1, "sigtimedwait");
    same_read(&p, &b, 100);
    sigprocmask(SIG_SETMASK, &before, NULL);
    pair_close(&p);
    report("waiting with another mask, and for a signal");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    expect(sizeof(time_t) == 8 && sizeof(off_t) == 8, "times and offsets of 64 bits");
    report("the library is at work");
    twin = twin_make("time64", 500 * KB + 9);
    other = twin_make("other", 30 * KB);
    b = buffers_make(64 * KB);
    passed(true);
    report("descriptors passed by sendmmsg and recvmmsg");
    passed(false);
    report("descriptors passed by sendmsg and recvmsg");
    number_again(true);
    report("numbers given out anew by recvmmsg");
    number_again(false);
    report("numbers given out anew by recvmsg");
    controlled();
    waited();
    return tap_done();
}
