/*
 * Several threads: on one descriptor, beside forks, and with descriptor tables of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../newer.h"
#include "twin.h"

static struct twin twin, brief;
static struct buffers b;

/* ---- beside forks ---- */

static _Atomic int stop_threads, thread_faults;

static void *reader(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int fd = (int)side_open(LIBC, twin.path[LIBC], O_RDONLY, 0);
    char buf[256];
    uint64_t at = 0;

    while (!stop_threads) {
        int64_t off = rand_r(&seed) % 100000;
        if (side_pread(LIBC, fd, buf, 200, off) != 200)
            thread_faults++;
        for (int i = 0; i < 200; i++)
            thread_faults += (unsigned char)buf[i] != twin_byte((uint64_t)(off + i));
        if (side_read(LIBC, fd, buf, 1) != 1 || (unsigned char)buf[0] != twin_byte(at++))
            thread_faults++;
        if (at == 100000)
            at = (uint64_t)side_lseek(LIBC, fd, 0, SEEK_SET);
    }
    side_close(LIBC, fd);
    return NULL;
}

static void while_threads_read(void)
{
    pthread_t threads[3];
    struct pair p = pair_read_on(&twin, &b, 0);

    stop_threads = 0;
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, reader, (void *)(i + 1));
    for (int k = 0; k < 100; k++) {
        pid_t child = fork();
        if (child == 0) {
            same_read(&p, &b, 100);
            for (int i = 0; i < 20; i++)
                same_pread(&p, &b, 100, i * 1000);
            struct pair q = pair_open(&twin, O_RDONLY);
            same_read(&q, &b, k % 10 ? 1000 : 400000);
            if (k % 2)
                exit(0);
            child_done();
        }
        child_wait(child, "child of a threaded process");
        same_read(&p, &b, 100);
    }
    stop_threads = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    expect(thread_faults == 0, "%d wrong bytes in threads", thread_faults);
    report("fork while other threads read");
    pair_close(&p);
}

/* ---- tables ---- */

/* In a descriptor table of its own, which is not the one that the library knows: a number
 * is reused that is alive in the other. */
static void *in_own_table(void *arg)
{
    struct pair *p = arg;
    char c;

    same_read(p, &b, 64);
    side_close(LIBC, p->fd[LIBC]);
    expect(side_pread(LIBC, p->fd[LIBC], &c, 1, 0) == -EBADF, "pread of a closed descriptor");
    int fd = open("/dev/null", O_RDONLY);
    expect(dup2(fd, p->fd[LIBC]) == p->fd[LIBC], "dup2");
    expect(side_pread(LIBC, p->fd[LIBC], &c, 1, 0) == 0, "pread of /dev/null");
    /* And a matched file, of which the other table knows nothing. */
    int own = open(brief.path[LIBC], O_RDONLY);
    expect(dup2(own, p->fd[LIBC]) == p->fd[LIBC], "dup2");
    side_lseek(LIBC, p->fd[LIBC], 7, SEEK_SET);
    side_close(RAW, p->fd[RAW]);
    return p;
}

static void *by_unshare(void *arg)
{
    return unshare(CLONE_FILES) == 0 ? in_own_table(arg) : NULL;
}

static void *by_unshare_number(void *arg)
{
    return syscall(SYS_unshare, CLONE_FILES) == 0 ? in_own_table(arg) : NULL;
}

/* A range of numbers that nobody has is closed. */
static void *by_close_range(void *arg)
{
    return side_close_range(LIBC, 900000, 900001, CLOSE_RANGE_UNSHARE) == 0 ? in_own_table(arg)
                                                                            : NULL;
}

static void by_thread(void *(*body)(void *), struct pair *p)
{
    pthread_t thread;
    void *result = NULL;

    pthread_create(&thread, NULL, body, p);
    pthread_join(thread, &result);
    expect(result == p, "a table of its own");
}

static int cloned(void *arg)
{
    return in_own_table(arg) == arg ? 0 : 1;
}

/* Memory shared, descriptors not; it has this thread's own thread-local memory. */
static void by_clone(void *(*body)(void *), struct pair *p)
{
    static char stack[256 << 10] __attribute__((aligned(64)));
    int status = -1;
    pid_t pid = clone(cloned, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, p);

    (void)body;
    expect(pid > 0 && waitpid(pid, &status, 0) == pid, "clone");
    expect(status == 0, "the clone ended with %#x", (unsigned)status);
}

static void own_table(void (*run)(void *(*)(void *), struct pair *), void *(*body)(void *),
                      const char *name)
{
    pid_t child = fork(); /* what happens there may end all serving */

    if (child == 0) {
        struct pair p = pair_read_on(&twin, &b, 100);
        run(body, &p);
        for (int k = 0; k < 30; k++) {
            same_read(&p, &b, 64);
            same_pread(&p, &b, 64, 300);
            same_pread(&p, &b, 64, 300 * KB); /* where the other's file has ended */
            same_lseek(&p, 3, SEEK_CUR);
        }
        pair_close(&p);
        child_done();
    }
    child_wait(child, "process with another table");
    report(name);
}

/* ---- one descriptor ---- */

/* Read by one descriptor, two threads: every byte once, none twice. */
#define GRAIN 61

static struct taking {
    int fd;
    unsigned char seen[20000];
} taking;

static void *taker(void *arg)
{
    unsigned char buf[GRAIN];
    long got;

    (void)arg;
    while ((got = side_read(LIBC, taking.fd, buf, GRAIN)) > 0) {
        size_t at = (size_t)buf[0] | (size_t)buf[1] << 8 | (size_t)buf[2] << 16;
        if (got == GRAIN && at < sizeof taking.seen)
            __atomic_add_fetch(&taking.seen[at], 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void two_threads_one_offset(void)
{
    struct twin records = twin_make("records", 0);
    size_t count = sizeof taking.seen;
    long fd = side_open(RAW, records.path[LIBC], O_WRONLY, 0);
    pthread_t threads[2];

    for (size_t i = 0; i < count; i++) {
        unsigned char record[GRAIN] = {i & 255, i >> 8 & 255, i >> 16 & 255, 1};
        side_write(RAW, (int)fd, record, GRAIN);
    }
    side_close(RAW, (int)fd);
    for (int round = 0; round < 3; round++) {
        memset(taking.seen, 0, sizeof taking.seen);
        taking.fd = open(records.path[LIBC], O_RDONLY);
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, taker, NULL);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        for (size_t i = 0; i < count; i++)
            if (!expect(taking.seen[i] == 1, "record %zu was read %d times", i, taking.seen[i]))
                break;
        close(taking.fd);
    }
    report("two threads read one descriptor: every record once");
}

/* Records are appended while two threads read: reads end short again and again, and still
 * every record is read once.  Each asks for more than there is, mostly. */
#define NUMBERS 30000

static struct {
    int fd;
    uint32_t read; /* of both threads */
    unsigned char seen[NUMBERS];
} growing;

static void *follower(void *arg)
{
    uint32_t got[150];

    (void)arg;
    while (__atomic_load_n(&growing.read, __ATOMIC_RELAXED) < NUMBERS) {
        long n = side_read(LIBC, growing.fd, got, sizeof got);
        if (n < 0)
            break;
        for (long i = 0; i < n / 4; i++)
            if (got[i] < NUMBERS)
                __atomic_add_fetch(&growing.seen[got[i]], 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&growing.read, n / 4, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void two_threads_growing_file(void)
{
    struct twin log = twin_make("growing", 0);
    long writer = side_open(RAW, log.path[LIBC], O_WRONLY | O_APPEND, 0);
    pthread_t threads[2];

    growing.fd = open(log.path[LIBC], O_RDONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, follower, NULL);
    for (uint32_t next = 0; next < NUMBERS;) {
        uint32_t some[97], n = 1 + next * 7 % 97;
        for (uint32_t i = 0; i < n; i++)
            some[i] = next + i;
        if (n > NUMBERS - next)
            n = NUMBERS - next;
        side_write(RAW, (int)writer, some, n * sizeof some[0]);
        next += n;
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < NUMBERS; i++)
        if (!expect(growing.seen[i] == 1, "number %zu was read %d times", i, growing.seen[i]))
            break;
    close(growing.fd);
    side_close(RAW, (int)writer);
    report("two threads read a file that grows: no gap after short reads");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("threads", 400 * KB);
    brief = twin_make("brief", 100 * KB);
    b = buffers_make(512 * KB);
    while_threads_read();
    own_table(by_thread, by_unshare, "a thread with a descriptor table of its own");
    own_table(by_thread, by_unshare_number, "a thread that left the table by number");
    own_table(by_thread, by_close_range, "a thread that left the table by close_range");
    own_table(by_clone, NULL, "a clone that shares memory, but not the table");
    two_threads_one_offset();
    two_threads_growing_file();
    return tap_done();
}
