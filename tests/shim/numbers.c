/* Calls by their numbers, through libc's syscall(): served, followed, and answered as the kernel
 * would. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "twin.h"

static struct twin twin, other;

#define NUMBER(...) side_result(syscall(__VA_ARGS__))

static struct pair by_number(const struct twin *t)
{
    long fd = NUMBER(SYS_openat, AT_FDCWD, t->path[LIBC], O_RDONLY | O_CLOEXEC, 0);
    long raw = side_open(RAW, t->path[RAW], O_RDONLY | O_CLOEXEC, 0);

    expect(fd >= 0 && raw >= 0, "openat by number: %ld", fd);
    return (struct pair){{(int)fd, (int)raw}};
}

static void close_number(struct pair *p)
{
    same(NUMBER(SYS_close, p->fd[LIBC]), side_close(RAW, p->fd[RAW]), "close");
    same(NUMBER(SYS_close, p->fd[LIBC]), side_close(RAW, p->fd[RAW]), "close of what is closed");
}

static void read_number(const struct pair *p, struct buffers *b, size_t n)
{
    same(NUMBER(SYS_read, p->fd[LIBC], b->at[LIBC], n), side_read(RAW, p->fd[RAW], b->at[RAW], n),
         "read of %zu", n);
    buffers_same(b, 0, b->len, "read");
}

static void test_reads(void)
{
    struct buffers b = buffers_make(64 * KB);
    struct pair p = by_number(&twin);

    for (int i = 0; i < 40; i++) {
        int64_t to = (int64_t)i * 7919 % (int64_t)twin.size;

        read_number(&p, &b, 100 + (size_t)i * 700);
        same_read(&p, &b, 64);
        same(NUMBER(SYS_lseek, p.fd[LIBC], (long)to, SEEK_SET),
             side_lseek(RAW, p.fd[RAW], to, SEEK_SET), "lseek");
#if __SIZEOF_LONG__ == 8
        same(NUMBER(SYS_pread64, p.fd[LIBC], b.at[LIBC], 3000L, (long)to),
             side_pread(RAW, p.fd[RAW], b.at[RAW], 3000, to), "pread64");
        buffers_same(&b, 0, b.len, "pread64");
#endif
    }
    same_lseek(&p, 0, SEEK_CUR);
    close_number(&p);
    buffers_free(&b);
}

static void test_vectors(void)
{
    struct buffers b = buffers_make(16 * KB);
    struct pair p = by_number(&twin);
    struct iovec v[SIDES][2];

    for (int s = 0; s < SIDES; s++) {
        v[s][0] = (struct iovec){b.at[s], 1000};
        v[s][1] = (struct iovec){b.at[s] + 5000, 3000};
    }
    for (int i = 0; i < 5; i++) {
        same(NUMBER(SYS_readv, p.fd[LIBC], v[LIBC], 2), side_readv(RAW, p.fd[RAW], v[RAW], 2),
             "readv");
        same(NUMBER(SYS_preadv2, p.fd[LIBC], v[LIBC], 2L, -1L, -1L, 0L),
             side_preadv2(RAW, p.fd[RAW], v[RAW], 2, -1, 0), "preadv2 at the offset");
        buffers_same(&b, 0, b.len, "vectors");
        same_read(&p, &b, 50);
    }
    close_number(&p);
    buffers_free(&b);
}

/* After each, both numbers are one description. */
static void both_move(const struct pair *p, const struct pair *copy, struct buffers *b,
                      const char *how)
{
    expect(copy->fd[LIBC] >= 0 && copy->fd[RAW] >= 0, "%s", how);
    for (int i = 0; i < 3; i++) {
        same_read(p, b, 500);
        same_read(copy, b, 700);
        same_lseek(copy, 1000 * i, SEEK_CUR);
        read_number(p, b, 100);
    }
}

static void test_dups(void)
{
    struct buffers b = buffers_make(4 * KB);
    struct pair p = by_number(&twin), c;

    same_read(&p, &b, 10);
    c = (struct pair){{(int)NUMBER(SYS_dup, p.fd[LIBC]), (int)side_dup(RAW, p.fd[RAW])}};
    both_move(&p, &c, &b, "dup");
    close_number(&c);
    c = (struct pair){{(int)NUMBER(SYS_fcntl, p.fd[LIBC], F_DUPFD_CLOEXEC, 50L),
                       (int)side_fcntl(RAW, p.fd[RAW], F_DUPFD_CLOEXEC, 50)}};
    both_move(&p, &c, &b, "fcntl");
    c = (struct pair){{(int)NUMBER(SYS_dup3, p.fd[LIBC], c.fd[LIBC], O_CLOEXEC),
                       (int)side_dup3(RAW, p.fd[RAW], c.fd[RAW], O_CLOEXEC)}};
    both_move(&p, &c, &b, "dup3");
#ifdef SYS_dup2
    c = (struct pair){
        {(int)NUMBER(SYS_dup2, p.fd[LIBC], c.fd[LIBC]), (int)side_dup2(RAW, p.fd[RAW], c.fd[RAW])}};
    both_move(&p, &c, &b, "dup2");
    struct pair q = by_number(&other);
    same(NUMBER(SYS_dup2, p.fd[LIBC], q.fd[LIBC]) == q.fd[LIBC],
         side_dup2(RAW, p.fd[RAW], q.fd[RAW]) == q.fd[RAW], "dup2 over another file");
    both_move(&p, &q, &b, "dup2 over another file");
    same_pread(&q, &b, 500, 250 * KB);
    close_number(&q);
#endif
    close_number(&c);
    close_number(&p);
    buffers_free(&b);
}

/* A number that was closed, or put on another file, by its number is not served from the first. */
static void test_reuse(void)
{
    struct buffers b = buffers_make(4 * KB);
    struct pair p = by_number(&twin), q;

    same_read(&p, &b, 100);
    int was = p.fd[LIBC];
    close_number(&p);
    p = pair_open(&other, O_RDONLY);
    expect(p.fd[LIBC] == was, "the number is used again: %d, %d", p.fd[LIBC], was);
    same_read(&p, &b, 100);
    q = by_number(&twin);
    same_read(&q, &b, 300);
    same(NUMBER(SYS_dup3, p.fd[LIBC], q.fd[LIBC], O_CLOEXEC) >= 0,
         side_dup3(RAW, p.fd[RAW], q.fd[RAW], O_CLOEXEC) >= 0, "dup3 over it");
    same_read(&q, &b, 300);
#ifdef SYS_close_range
    if (NUMBER(SYS_close_range, (long)q.fd[LIBC], (long)q.fd[LIBC], 0L) == 0) {
        side_close(RAW, q.fd[RAW]);
        expect(NUMBER(SYS_read, q.fd[LIBC], b.at[LIBC], 10L) == -EBADF, "closed by close_range");
    } else
#endif
        close_number(&q);
    close_number(&p);
    buffers_free(&b);
}

static void test_transfers(void)
{
    struct buffers b = buffers_make(4 * KB);
    struct pair p = by_number(&twin), out;
    int pipes[SIDES][2], left[SIDES] = {0};

    expect(pipe(pipes[LIBC]) == 0 && pipe(pipes[RAW]) == 0, "pipes");
    out = (struct pair){{pipes[LIBC][1], pipes[RAW][1]}};
    for (int i = 0; i < 4; i++) {
        /* One that was handed over to the kernel is the kernel's for good. */
        close_number(&p);
        p = by_number(&twin);
        same_read(&p, &b, 900);
        same(NUMBER(SYS_splice, p.fd[LIBC], NULL, out.fd[LIBC], NULL, 500L, 0L),
             side_splice(RAW, p.fd[RAW], NULL, out.fd[RAW], 500, 0), "splice");
        same_read(&p, &b, 900);
        close_number(&p);
        p = by_number(&twin);
        same_read(&p, &b, 900);
        same(NUMBER(SYS_sendfile, out.fd[LIBC], p.fd[LIBC], NULL, 500L),
             side_sendfile(RAW, out.fd[RAW], p.fd[RAW], NULL, 500), "sendfile");
        same_read(&p, &b, 900);
        close_number(&p);
        p = by_number(&twin);
        same_read(&p, &b, 900);
        same(NUMBER(SYS_ioctl, p.fd[LIBC], FIONREAD, &left[LIBC]),
             side_fionread(RAW, p.fd[RAW], &left[RAW]), "FIONREAD");
        same(left[LIBC], left[RAW], "what is left");
        for (int s = 0; s < SIDES; s++)
            expect(side_read(RAW, pipes[s][0], b.at[s], 1000) == 1000, "through the pipe");
        buffers_same(&b, 0, 1000, "through the pipe");
    }
    for (int s = 0; s < SIDES; s++) {
        close(pipes[s][0]);
        close(pipes[s][1]);
    }
    close_number(&p);
    buffers_free(&b);
}

/* A child made by number is served as any other, and has the offset where the parent left it. */
static void test_fork(long nr)
{
    struct buffers b = buffers_make(2 * MB);
    struct pair p = by_number(&twin);

    same_read(&p, &b, 900);
    long child = nr == SYS_clone ? syscall(nr, (long)SIGCHLD, 0L, 0L, 0L, 0L) : syscall(nr);
    if (child == 0) {
        struct pair q = by_number(&twin);

        same_kernel_offset(&p, "in the child");
        same_read(&p, &b, 700);
        same_pread(&q, &b, 300 * KB - 50, 20);
        expect(image_mapped(), "nothing is lent to the child");
        child_done();
    }
    child_wait((int)child, "the child");
    same_kernel_offset(&p, "in the parent");
    same_read(&p, &b, 100);
    close_number(&p);
    buffers_free(&b);
}

/* What a child has lent goes with it when it ends by number, too. */
static void test_exit(void)
{
    struct buffers b = buffers_make(2 * MB);
    pid_t child = fork();

    if (child == 0) {
        struct pair p = by_number(&twin);

        same_pread(&p, &b, 300 * KB - 50, 20);
        bool lent = image_mapped();
        syscall(SYS_exit_group, lent ? 0 : 1);
    }
    child_wait(child, "the child");
    expect(images_in_home() == 0, "an image is left");
    buffers_free(&b);
}

static void test_errors(void)
{
    same(NUMBER(SYS_openat, AT_FDCWD, "/nowhere/at/all.matched", O_RDONLY, 0),
         side_open(RAW, "/nowhere/at/all.matched", O_RDONLY, 0), "openat of nothing");
    same(NUMBER(SYS_read, -1L, NULL, 10L), -EBADF, "read of -1");
    same(NUMBER(SYS_dup, 999L), -EBADF, "dup of nothing");
    same(NUMBER(100000L), -ENOSYS, "a number that is none");
    errno = 77;
    expect(syscall(SYS_getpid) == getpid() && errno == 77, "errno stays");
}

/* Numbers that are in use. */
static int in_use(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += side_fcntl(RAW, fd, F_GETFD, 0) >= 0;
    return n;
}

int main(int argc, char **argv)
{
    int before;

    tap_start(argc, argv);
    before = in_use();
    twin = twin_make("numbers", 300 * KB);
    other = twin_make("other", 200 * KB);
    test_reads();
    report("read, pread64, lseek and close by number");
    test_vectors();
    report("readv and preadv2 by number");
    test_dups();
    report("dup, dup2, dup3 and fcntl by number");
    test_reuse();
    report("numbers that are used again");
    test_transfers();
    report("splice, sendfile and FIONREAD by number");
#ifdef SYS_fork
    test_fork(SYS_fork);
#endif
    test_fork(SYS_clone);
    report("fork and clone by number");
    test_exit();
    report("exit_group by number");
    test_errors();
    report("errors by number");
    same(in_use(), before, "numbers in use");
    report("each call was made once: no descriptor is left");
    return tap_done();
}
