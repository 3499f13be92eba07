/*
 * Lent memory behaves as the private anonymous memory it stands in for: a
 * snapshot of the file, private to the process, with nothing left behind.  The
 * same steps are made on the twin's buffer, which the kernel filled.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../newer.h"
#include "base/sys.h"
#include "twin.h"

#define LEN (2 * MB)

static struct twin twin;
static size_t page;

/* Fill both buffers with the file's bytes from OFF on; the matched one must be lent. */
static void fill(struct buffers *b, size_t at, size_t n, int64_t off)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    same(side_pread(LIBC, p.fd[LIBC], b->at[LIBC] + at, n, off),
         side_pread(RAW, p.fd[RAW], b->at[RAW] + at, n, off), "pread of %zu", n);
    pair_close(&p);
    buffers_same(b, 0, b->len, "after the read");
}

/* A new state of the file: what an earlier test wrote to its copy says nothing of it. */
static void renew(void)
{
    OC_SYS_4(SYS_utimensat, AT_FDCWD, twin.path[LIBC], NULL, 0);
}

static struct buffers lent(void)
{
    struct buffers b = buffers_make(LEN);

    renew();
    fill(&b, 0, LEN, 1000);
    expect(image_mapped(), "the read was not lent");
    return b;
}

/* Nothing mapped, nothing in the home. */
static void gone(const char *when)
{
    if (!tap_active())
        return;
    expect(!image_mapped(), "%s: the image is still mapped", when);
    expect(images_in_home() == 0, "%s: %d images left", when, images_in_home());
}

static void finish(struct buffers *b, const char *name)
{
    buffers_same(b, 0, b->len, name);
    buffers_free(b);
    gone(name);
    report(name);
}

static void every_shift(void)
{
    static const size_t ats[] = {0, 1, 16, 100, 2048, 4000, 4095};
    static const int64_t offs[] = {0, 1, 16, 4095, 4096, 70001};

    for (size_t i = 0; i < sizeof ats / sizeof ats[0]; i++)
        for (size_t k = 0; k < sizeof offs / sizeof offs[0]; k++) {
            struct buffers b = buffers_make(LEN + 2 * page);
            fill(&b, ats[i], LEN - 777, offs[k]);
            expect(image_mapped(), "not lent at %zu from %lld", ats[i], (long long)offs[k]);
            buffers_free(&b);
        }
    gone("after all");
    report("lent at every shift, the bytes around left alone");
}

static void short_at_the_end(void)
{
    struct buffers b = buffers_make(LEN);

    fill(&b, 8, LEN - 8, (int64_t)(twin.size - LEN / 2 - 13));
    expect(image_mapped(), "not lent");
    finish(&b, "a read across the end of file leaves the rest of the buffer alone");
}

static void snapshot(void)
{
    struct twin own = twin_make("snapshot", 3 * MB);
    struct pair p = pair_open(&own, O_RDONLY), w;
    struct buffers b = buffers_make(LEN);

    for (enum side s = LIBC; s < SIDES; s++) {
        w.fd[s] = (int)side_open(RAW, own.path[s], O_RDWR, 0);
        same(side_pread(s, p.fd[s], b.at[s], LEN, 100), (long)LEN, "pread");
    }
    expect(image_mapped(), "not lent");
    for (enum side s = LIBC; s < SIDES; s++)
        for (int64_t off = 0; off < (int64_t)LEN; off += 3000)
            side_pwrite(RAW, w.fd[s], "overwritten", 11, off);
    buffers_same(&b, 0, LEN, "after the file was overwritten");
    for (enum side s = LIBC; s < SIDES; s++)
        side_ftruncate(s, w.fd[s], 10);
    buffers_same(&b, 0, LEN, "after the file was truncated");
    for (enum side s = LIBC; s < SIDES; s++)
        unlink(own.path[s]);
    pair_close(&p);
    for (enum side s = LIBC; s < SIDES; s++)
        side_close(RAW, w.fd[s]);
    finish(&b, "a snapshot: overwritten, truncated, unlinked, closed");
}

static void private(void)
{
    struct buffers b = lent(), again;
    struct pair p = pair_open(&twin, O_RDONLY);

    for (size_t i = 0; i < LEN; i += 5000)
        for (enum side s = LIBC; s < SIDES; s++)
            b.at[s][i] ^= 0x55;
    again = buffers_make(LEN);
    fill(&again, 0, LEN, 1000);
    buffers_free(&again);
    for (int64_t off = 0; off < (int64_t)LEN; off += 4999)
        same(side_pread(RAW, p.fd[LIBC], b.at[LIBC] + off, 3, off),
             side_pread(RAW, p.fd[RAW], b.at[RAW] + off, 3, off), "pread");
    pair_close(&p);
    finish(&b, "writes to lent memory stay private");
}

static void read_over(void)
{
    struct buffers b = lent();
    struct pair p = pair_open(&twin, O_RDONLY);

    for (int k = 0; k < 200; k++) {
        size_t n = k % 20 == 0 ? 600000 : (size_t)k * 41, at = (size_t)k * 4321 % (LEN - 600000);
        same(side_pread(LIBC, p.fd[LIBC], b.at[LIBC] + at, n, k * 999),
             side_pread(RAW, p.fd[RAW], b.at[RAW] + at, n, k * 999), "pread");
        buffers_same(&b, 0, LEN, "after a read over it");
    }
    pair_close(&p);
    finish(&b, "reads of every size over lent memory");
}

static void overlaid(void)
{
    struct buffers b = lent();

    for (enum side s = LIBC; s < SIDES; s++) {
        char *at = b.at[s] + 10 * page;
        void *over = side_mmap(s, at, 20 * page, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        expect(over == at, "mmap over lent memory");
    }
    buffers_same(&b, 0, LEN, "after MAP_FIXED");
    fill(&b, 5 * page, 400000, 77);
    finish(&b, "MAP_FIXED over lent memory");
}

static void unmapped_in_parts(void)
{
    struct buffers b = lent();

    for (enum side s = LIBC; s < SIDES; s++) {
        same(side_munmap(s, b.at[s], 3 * page), 0, "munmap of the start");
        same(side_munmap(s, b.at[s] + 100 * page, 7 * page), 0, "munmap of the middle");
        same(side_munmap(s, b.at[s] + LEN - page, page), 0, "munmap of the end");
    }
    buffers_same(&b, 3 * page, 97 * page, "the first part");
    buffers_same(&b, 107 * page, LEN - 108 * page, "the second part");
    for (enum side s = LIBC; s < SIDES; s++)
        same(side_munmap(s, b.at[s], LEN), 0, "munmap of all");
    gone("after munmap");
    report("munmap of parts, then of all");
}

static void remapped(void)
{
    struct buffers b = lent();

    for (enum side s = LIBC; s < SIDES; s++) {
        b.at[s][5000] = 'x';
        b.at[s] = side_mremap(s, b.at[s], LEN, LEN + LEN / 2, MREMAP_MAYMOVE);
        expect((uintptr_t)b.at[s] < (uintptr_t)-4096, "mremap");
    }
    b.len = LEN + LEN / 2;
    buffers_same(&b, 0, b.len, "grown: zeros at the end");
    for (enum side s = LIBC; s < SIDES; s++)
        expect(side_mremap(s, b.at[s], b.len, LEN / 2, 0) == b.at[s], "mremap to less");
    b.len = LEN / 2;
    buffers_same(&b, 0, b.len, "shrunk");
    for (enum side s = LIBC; s < SIDES; s++) {
        b.at[s] = side_mremap(s, b.at[s], b.len, LEN, MREMAP_MAYMOVE);
        memset(b.at[s] + LEN / 4, 7, LEN / 2);
    }
    b.len = LEN;
    finish(&b, "mremap to more, to less, and elsewhere");
}

/* Grown, and over other memory, which is there no more afterwards. */
static void remapped_to_a_place(void)
{
    struct buffers b = lent(), there = buffers_make(2 * LEN);
    void *at[SIDES];

    buffers_fill(&there, '#');
    for (enum side s = LIBC; s < SIDES; s++) { /* in pieces, that do not merge again */
        b.at[s][5000] = 'x';
        same(side_madvise(s, b.at[s] + 16 * page, 8 * page, MADV_DONTNEED), 0, "madvise");
        b.at[s][17 * page] = 'y';
        same(side_mprotect(s, b.at[s] + 64 * page, 8 * page, PROT_READ | PROT_EXEC), 0, "mprotect");
        same(side_mprotect(s, b.at[s] + 64 * page, 8 * page, PROT_READ | PROT_WRITE), 0,
             "mprotect");
        b.at[s][65 * page] = 'z';
    }
    at[LIBC] = mremap(b.at[LIBC], LEN, LEN + LEN / 2, MREMAP_MAYMOVE | MREMAP_FIXED,
                      there.at[LIBC] + LEN / 4);
    at[RAW] =
        (void *)oc_syscall(SYS_mremap, (long)b.at[RAW], LEN, LEN + LEN / 2,
                           MREMAP_MAYMOVE | MREMAP_FIXED, (long)there.at[RAW] + (long)LEN / 4, 0);
    for (enum side s = LIBC; s < SIDES; s++)
        expect(at[s] == there.at[s] + LEN / 4, "mremap of side %d: %p", s, at[s]);
    finish(&there, "mremap to more at a place that is in use");
}

/* The kernel refuses to move two kinds of memory in one call. */
static void remapped_divided(int advice, const char *name)
{
    struct buffers b = lent();

    for (enum side s = LIBC; s < SIDES; s++)
        same(side_madvise(s, b.at[s] + 8 * page, 8 * page, advice), 0, "madvise");
    void *grown[SIDES];
    for (enum side s = LIBC; s < SIDES; s++)
        grown[s] = side_mremap(s, b.at[s], LEN, 2 * LEN, MREMAP_MAYMOVE);
    same((long)grown[LIBC], (long)grown[RAW], "mremap to more");
    expect((long)grown[RAW] == -EFAULT, "the kernel has learnt to grow divided memory");
    for (enum side s = LIBC; s < SIDES; s++)
        expect(side_mremap(s, b.at[s], LEN, LEN / 2, 0) == b.at[s], "mremap to less");
    b.len = LEN / 2;
    finish(&b, name);
}

static void protected(void)
{
    static const int prots[] = {PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC,
                                PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ | PROT_WRITE};

    for (size_t i = 0; i < sizeof prots / sizeof prots[0]; i++) {
        struct buffers b = lent();
        same(side_mprotect(LIBC, b.at[LIBC], LEN / 2, prots[i]),
             side_mprotect(RAW, b.at[RAW], LEN / 2, prots[i]), "mprotect(%d)", prots[i]);
        struct pair p = pair_open(&twin, O_RDONLY);
        same(side_pread(LIBC, p.fd[LIBC], b.at[LIBC] + LEN / 2 - 100, 5000, 0),
             side_pread(RAW, p.fd[RAW], b.at[RAW] + LEN / 2 - 100, 5000, 0), "pread over the edge");
        same(side_pread(LIBC, p.fd[LIBC], b.at[LIBC] + LEN / 4, LEN / 2, 0),
             side_pread(RAW, p.fd[RAW], b.at[RAW] + LEN / 4, LEN / 2, 0), "a big one");
        pair_close(&p);
        for (enum side s = LIBC; s < SIDES; s++)
            same(side_mprotect(s, b.at[s], LEN, PROT_READ | PROT_WRITE), 0, "mprotect back");
        buffers_same(&b, 0, LEN, "after mprotect");
        buffers_free(&b);
    }
    gone("after all");
    report("mprotect to everything and back");
}

static void advised(int advice, const char *name)
{
    struct buffers b = lent();

    b.at[LIBC][9 * page] = b.at[RAW][9 * page] = 1;
    same(side_madvise(LIBC, b.at[LIBC] + 3 * page, 50 * page, advice),
         side_madvise(RAW, b.at[RAW] + 3 * page, 50 * page, advice), "%s", name);
    if (advice == MADV_FREE) /* the pages may keep their bytes or be zero: write them anew */
        for (enum side s = LIBC; s < SIDES; s++)
            memset(b.at[s] + 3 * page, 3, 50 * page);
    buffers_same(&b, 0, LEN, name);
    if (advice != MADV_DONTFORK) {
        pid_t child = fork(); /* wiped there, or copied */
        if (child == 0) {
            buffers_same(&b, 0, LEN, "in a child");
            child_done();
        }
        child_wait(child, name);
    }
    memset(b.at[LIBC] + page, 9, 60 * page);
    memset(b.at[RAW] + page, 9, 60 * page);
    finish(&b, name);
}

/* All numbers that the process may have are in use: the same calls as ever, with no descriptor to
 * look with. */
static void no_descriptor_left(void)
{
    static const char name[] = "with no descriptor left: zeros, growth, execution, free";
    struct buffers b = lent();
    struct rlimit was, now;
    char *block = malloc(LEN);
    struct pair p = pair_open(&twin, O_RDONLY);
    int top;

    same(side_pread(LIBC, p.fd[LIBC], block, LEN, 0), (long)LEN, "pread to the heap");
    pair_close(&p);
    top = open("/dev/null", O_RDONLY);
    close(top);
    getrlimit(RLIMIT_NOFILE, &was);
    now = (struct rlimit){(rlim_t)top, was.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
    expect(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE, "a number is left");
    for (enum side s = LIBC; s < SIDES; s++) {
        same(side_madvise(s, b.at[s] + 16 * page, 8 * page, MADV_DONTNEED), 0, "madvise");
        same(side_mprotect(s, b.at[s] + 64 * page, 8 * page, PROT_READ | PROT_EXEC), 0, "mprotect");
        same(side_mprotect(s, b.at[s] + 64 * page, 8 * page, PROT_READ | PROT_WRITE), 0,
             "mprotect");
        b.at[s] = side_mremap(s, b.at[s], LEN, LEN + 32 * page, MREMAP_MAYMOVE);
        expect((long)b.at[s] > 0, "mremap of side %d", s);
    }
    b.len = LEN + 32 * page;
    free(block);
    expect(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE, "a number is left afterwards");
    expect(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD, "a child is left");
    setrlimit(RLIMIT_NOFILE, &was);
    buffers_same(&b, 0, b.len, name);
    buffers_free(&b);
    /* Images whose last use ended without a descriptor are removed by the next start. */
    expect(system("true") == 0, "system");
    gone(name);
    report(name);
}

/* Nobody but the program may make the first process of a namespace that it has asked for. */
static int first_of_namespace(const struct buffers *b)
{
    struct rlimit was, now;
    int top = open("/dev/null", O_RDONLY);
    pid_t pid;

    close(top);
    if (syscall(SYS_unshare, CLONE_NEWPID) != 0)
        return 77;
    getrlimit(RLIMIT_NOFILE, &was);
    now = (struct rlimit){(rlim_t)top, was.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
    if (side_madvise(LIBC, b->at[LIBC] + 16 * page, 8 * page, MADV_DONTNEED) != 0 &&
        errno != EAGAIN)
        return 1;
    setrlimit(RLIMIT_NOFILE, &was);
    pid = fork();
    if (pid == 0)
        _exit(getpid() == 1 ? 0 : 1);
    return pid > 0 && waitpid(pid, &top, 0) == pid && top == 0 ? 0 : 2;
}

static void namespace_of_pids(void)
{
    static const char name[] = "with no descriptor left, in a new namespace of pids";
    struct buffers b = lent();
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(first_of_namespace(&b));
    expect(waitpid(child, &status, 0) == child, "waitpid");
    buffers_free(&b);
    gone(name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip(name, "may not make one");
        return;
    }
    expect(status == 0, "the child ended with %#x", (unsigned)status);
    report(name);
}

static void posix_advised(void)
{
    struct buffers b = lent();

    for (int advice = POSIX_MADV_NORMAL; advice <= POSIX_MADV_DONTNEED; advice++)
        same(posix_madvise(b.at[LIBC], LEN, advice), posix_madvise(b.at[RAW], LEN, advice),
             "posix_madvise(%d)", advice);
    finish(&b, "posix_madvise: DONTNEED keeps the bytes, as in glibc");
}

static void locked(void)
{
    struct buffers b = lent();

    same(side_mlock(LIBC, b.at[LIBC], 100 * page), side_mlock(RAW, b.at[RAW], 100 * page), "mlock");
    buffers_same(&b, 0, LEN, "mlock");
    b.at[LIBC][50 * page] = b.at[RAW][50 * page] = 77;
    fill(&b, 20 * page, 400000, 33);
    same(side_munlock(LIBC, b.at[LIBC], LEN), side_munlock(RAW, b.at[RAW], LEN), "munlock");
    finish(&b, "mlock, reads into locked memory, munlock");
}

/* Copy-on-write between parent and child, in both directions. */
static void forked(void)
{
    struct buffers b = lent();
    int go[2];
    char c = 0;

    expect(pipe(go) == 0, "pipe");
    b.at[LIBC][100] = b.at[RAW][100] = 'p';
    pid_t child = fork();
    if (child == 0) {
        expect(read(go[0], &c, 1) == 1, "go");
        buffers_same(&b, 0, LEN, "in the child, after the parent wrote and unmapped");
        for (enum side s = LIBC; s < SIDES; s++)
            memset(b.at[s] + 3 * page + 5, 'c', 10 * page);
        buffers_same(&b, 0, LEN, "in the child, after it wrote");
        fill(&b, 7, 700000, 5);
        buffers_free(&b);
        child_done();
    }
    for (enum side s = LIBC; s < SIDES; s++)
        memset(b.at[s] + page, 'w', 10 * page);
    buffers_same(&b, 0, LEN, "in the parent");
    buffers_free(&b);
    expect(write(go[1], &c, 1) == 1, "go");
    child_wait(child, "child");
    close(go[0]);
    close(go[1]);
    gone("after parent and child");
    report("fork: copy-on-write both ways, the child outlives the parent's use");
}

static void exited(void)
{
    for (int how = 0; how < 3; how++) {
        pid_t child = fork();
        if (child == 0) {
            struct buffers b = lent();
            (void)b;
            if (how == 0)
                exit(0);
            if (how == 1)
                quick_exit(0);
            execl("/bin/true", "true", NULL);
        }
        waitpid(child, NULL, 0);
        gone(how == 0 ? "after exit" : how == 1 ? "after quick_exit" : "after exec");
    }
    report("no image is left after exit, quick_exit and exec");
}

static void killed(void)
{
    pid_t child = fork();

    if (child == 0) {
        struct buffers b = lent();
        (void)b;
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    /* Of our own kind: on a mixed system the shell may be of the other. */
    child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "lends", "--nothing", NULL);
        _exit(1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    expect(status == 0, "another process with the library"); /* it starts, and cleans */
    gone("after SIGKILL and the next start");
    report("an image whose user was killed is removed by the next start");
}

/* ---- through malloc ---- */

static struct buffers blocks(size_t len)
{
    struct buffers b = {.len = len};

    renew();
    for (enum side s = LIBC; s < SIDES; s++)
        b.at[s] = malloc(len);
    struct pair p = pair_open(&twin, O_RDONLY);
    for (enum side s = LIBC; s < SIDES; s++)
        same(side_pread(s, p.fd[s], b.at[s], len, 3), (long)len, "pread");
    pair_close(&p);
    buffers_same(&b, 0, len, "a block from malloc");
    return b;
}

static void blocks_free(struct buffers *b)
{
    for (enum side s = LIBC; s < SIDES; s++)
        free(b->at[s]);
}

static void freed(void)
{
    for (size_t len = LEN; len > 300000; len = len * 7 / 9) {
        struct buffers b = blocks(len);
        /* A first piece waits, if it is little of the file. */
        expect(image_mapped() || len < twin.size / 4, "a block of %zu is not lent", len);
        blocks_free(&b);
        gone("after free");
    }
    report("free of lent blocks of many sizes lets the image go");
}

/* Blocks in the heap proper: freed, merged, given out again, trimmed. */
static void recycled(void)
{
    void *big = malloc(31 * MB);

    free(big); /* from now on glibc keeps blocks of this size in its heap */
    for (int k = 0; k < 20; k++) {
        struct buffers a = blocks(LEN), b = blocks(LEN / 2 + (size_t)k * 1000);
        blocks_free(k % 2 ? &a : &b);
        char *zeros = calloc(1, LEN / 3);
        for (size_t i = 0; i < LEN / 3; i++)
            if (!expect(zeros[i] == 0, "byte %zu of calloc is %d", i, zeros[i]))
                break;
        free(zeros);
        buffers_same(k % 2 ? &b : &a, 0, (k % 2 ? &b : &a)->len, "the block that stays");
        blocks_free(k % 2 ? &b : &a);
        if (k % 3 == 0)
            malloc_trim(0);
        gone("after free");
    }
    report("blocks in the heap: calloc after free is zero, malloc_trim");
}

static void reallocated(void)
{
    static const size_t sizes[] = {LEN + 1, 3 * LEN, LEN, LEN / 2, 10, 2 * LEN, 5 * LEN, 400000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffers b = blocks(LEN);
        size_t kept = sizes[i] < LEN ? sizes[i] : LEN;
        for (enum side s = LIBC; s < SIDES; s++) {
            b.at[s][5] = 'r';
            b.at[s][LEN - 5] = 'r';
            b.at[s] = realloc(b.at[s], sizes[i]);
        }
        buffers_same(&b, 0, kept, "after realloc");
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            kept = sizes[k] < kept ? sizes[k] : kept;
            for (enum side s = LIBC; s < SIDES; s++)
                b.at[s] = realloc(b.at[s], sizes[k]);
            buffers_same(&b, 0, kept, "after realloc again");
        }
        blocks_free(&b);
        gone("after realloc and free");
    }
    for (enum side s = LIBC; s < SIDES; s++) {
        struct buffers b = blocks(LEN);
        expect(realloc(b.at[s], 0) == NULL, "realloc to nothing");
        free(b.at[1 - s]);
    }
    gone("after realloc to nothing");
    report("realloc to more, to less, again and again");
}

/* Less address space than two blocks take, and enough for one that grows. */
static void reallocated_in_place(void)
{
    struct buffers b = buffers_make(LEN);
    struct rlimit was, now;
    unsigned long pages = 0;
    const size_t size = 8 * LEN; /* no chunk of the heap */
    char *block, *grown;
    struct pair p = pair_open(&twin, O_RDONLY);
    FILE *f = fopen("/proc/self/statm", "r");

    mallopt(M_MMAP_THRESHOLD, LEN / 2);
    malloc_trim(0);
    block = malloc(size);
    renew();
    same(side_pread(LIBC, p.fd[LIBC], block, LEN, 500), (long)LEN, "pread");
    same(side_pread(RAW, p.fd[RAW], b.at[RAW], LEN, 500), (long)LEN, "pread");
    expect(image_mapped(), "the read was not lent");
    pair_close(&p);
    expect(f && fscanf(f, "%lu", &pages) == 1, "statm");
    getrlimit(RLIMIT_AS, &was);
    now = (struct rlimit){pages * page + size / 2, was.rlim_max};
    setrlimit(RLIMIT_AS, &now);
    grown = realloc(block, size + LEN);
    setrlimit(RLIMIT_AS, &was);
    expect(grown != NULL, "realloc: %s", strerror(errno));
    expect(grown && memcmp(grown, b.at[RAW], LEN) == 0, "other bytes");
    free(grown ? grown : block);
    fclose(f);
    buffers_free(&b);
    gone("realloc");
    report("realloc where there is no room for two blocks");
}

static void aligned(void)
{
    for (size_t align = 16; align <= 65536; align *= 8) {
        struct buffers b = {.len = LEN};
        struct pair p = pair_open(&twin, O_RDONLY);
        for (enum side s = LIBC; s < SIDES; s++) {
            b.at[s] = aligned_alloc(align, LEN);
            same(side_pread(s, p.fd[s], b.at[s], LEN, 0), (long)LEN, "pread");
        }
        buffers_same(&b, 0, LEN, "aligned_alloc");
        expect(malloc_usable_size(b.at[LIBC]) >= LEN, "malloc_usable_size");
        pair_close(&p);
        blocks_free(&b);
    }
    gone("after free");
    report("aligned_alloc");
}

/* ---- used by the kernel and by others ---- */

static void written_out(void)
{
    struct buffers b = lent();
    static char copy[LEN];
    int fd = memfd_create("copy", 0);
    struct iovec from = {b.at[LIBC], LEN}, to = {copy, LEN};

    same(side_pwrite(RAW, fd, b.at[LIBC], LEN, 0), (long)LEN, "pwrite from lent memory");
    same(side_pread(RAW, fd, copy, LEN, 0), (long)LEN, "pread");
    expect(memcmp(copy, b.at[RAW], LEN) == 0, "written from lent memory");
    memset(copy, 0, LEN);
    same(process_vm_readv(getpid(), &to, 1, &from, 1, 0), (long)LEN, "process_vm_readv");
    expect(memcmp(copy, b.at[RAW], LEN) == 0, "process_vm_readv");
    close(fd);
    finish(&b, "system calls that take lent memory");
}

static void in_steps(void)
{
    struct buffers b = buffers_make(4 * MB);
    renew();
    struct pair p = pair_open(&twin, O_RDONLY);

    for (int step = 0; step < 8; step++)
        same(side_read(LIBC, p.fd[LIBC], b.at[LIBC] + (size_t)step * 400001, 400001),
             side_read(RAW, p.fd[RAW], b.at[RAW] + (size_t)step * 400001, 400001), "read");
    expect(image_mapped(), "not lent");
    same_lseek(&p, 0, SEEK_CUR);
    pair_close(&p);
    finish(&b, "one file read in steps into one buffer");
}

static void streaming(void)
{
    struct buffers b = buffers_make(512 * KB);
    struct pair p = pair_open(&twin, O_RDONLY);

    for (int round = 0; round < 4; round++) {
        same_lseek(&p, round * 7, SEEK_SET);
        for (long got = 1; got > 0;) {
            got = side_read(LIBC, p.fd[LIBC], b.at[LIBC], b.len);
            same(got, side_read(RAW, p.fd[RAW], b.at[RAW], b.len), "read");
            buffers_same(&b, 0, b.len, "a reused buffer");
        }
    }
    pair_close(&p);
    finish(&b, "one buffer used again and again");
}

/* Two processes that lend the same bytes use one image. */
static void shared(void)
{
    struct buffers b = lent();
    pid_t child = fork();

    if (child == 0) {
        struct buffers mine = buffers_make(LEN);
        fill(&mine, 0, LEN, 1000);
        expect(!tap_active() || images_in_home() == 1, "%d images", images_in_home());
        buffers_free(&mine);
        child_done();
    }
    child_wait(child, "second user");
    expect(!tap_active() || images_in_home() == 1, "%d images", images_in_home());
    finish(&b, "two processes use one image");
}

/* Pages of address space. */
static long mapped_pages(void)
{
    char text[64] = "";
    long fd = side_open(RAW, "/proc/self/statm", O_RDONLY, 0);

    side_read(RAW, (int)fd, text, sizeof text - 1);
    side_close(RAW, (int)fd);
    return atol(text);
}

/* Over and over into memory of which only the beginning is lent: nothing stays mapped of it. */
static void partly_read_again(void)
{
    long before = 0;

    for (int k = 0; k < 12; k++) {
        struct buffers b = buffers_make(6 * MB);

        renew();
        fill(&b, 0, MB, 0);
        fill(&b, 0, 5 * MB, 0);
        fill(&b, 0, 5 * MB, 4096);
        buffers_free(&b);
        if (k == 1)
            before = mapped_pages();
    }
    long more = mapped_pages() - before;
    expect(more * (long)page < 8 * (long)MB, "%ld pages more are mapped", more);
    report("reads over what is lent in part leave nothing mapped");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--nothing") == 0)
        return 0;
    tap_start(argc, argv);
    page = (size_t)sysconf(_SC_PAGESIZE);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("lends", 6 * MB + 17);
    every_shift();
    short_at_the_end();
    snapshot();
    private();
    read_over();
    overlaid();
    unmapped_in_parts();
    remapped();
    remapped_to_a_place();
    remapped_divided(MADV_DONTDUMP, "mremap over a part left out of dumps");
    remapped_divided(MADV_DONTFORK, "mremap over a part that children do not get");
    remapped_divided(MADV_WIPEONFORK, "mremap over a part that children get wiped");
    protected();
    advised(MADV_DONTNEED, "MADV_DONTNEED gives zeros");
    advised(MADV_FREE, "MADV_FREE");
    advised(MADV_NORMAL, "MADV_NORMAL");
    advised(MADV_RANDOM, "MADV_RANDOM");
    advised(MADV_WILLNEED, "MADV_WILLNEED");
    advised(MADV_COLD, "MADV_COLD");
    advised(MADV_PAGEOUT, "MADV_PAGEOUT");
    advised(MADV_HUGEPAGE, "MADV_HUGEPAGE");
    advised(MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE");
    advised(MADV_MERGEABLE, "MADV_MERGEABLE");
    advised(MADV_DONTFORK, "MADV_DONTFORK");
    advised(MADV_WIPEONFORK, "MADV_WIPEONFORK");
    advised(MADV_DONTDUMP, "MADV_DONTDUMP");
    advised(MADV_REMOVE, "MADV_REMOVE");
    advised(MADV_POPULATE_READ, "MADV_POPULATE_READ");
    advised(MADV_POPULATE_WRITE, "MADV_POPULATE_WRITE");
    advised(9999, "unknown advice");
    posix_advised();
    no_descriptor_left();
    namespace_of_pids();
    locked();
    partly_read_again();
    forked();
    exited();
    killed();
    freed();
    recycled();
    reallocated();
    aligned();
    written_out();
    in_steps();
    streaming();
    shared();
    reallocated_in_place(); /* the last, as it changes malloc's ways */
    return tap_done();
}
