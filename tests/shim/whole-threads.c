/*
 * Streams in which fseek is a pointer's move (shim/whole.h), and several threads: some share a
 * stream, others have their own, locked or not, while processes are forked beside them.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

#define FILE_SIZE (2 * MB + 77)

static struct twin twin;
static atomic_bool other_bytes;

/* Sought in so often that it is in the state in question, where its descriptor is at the end. */
static FILE *sought(enum side s)
{
    char some[100];
    FILE *f = fopen(twin.path[s], "r");

    expect(f != NULL, "fopen");
    for (int i = 0; i < 30; i++) {
        expect(fread(some, 1, sizeof some, f) == sizeof some, "fread");
        expect(fseek(f, (long)i * 4100, SEEK_SET) == 0, "fseek");
    }
    return f;
}

/* One stream, and whoever has locked it is alone with it. */
static FILE *common;

static void *reader(void *arg)
{
    uint64_t x = (uint64_t)(uintptr_t)arg * 77 + 1;
    unsigned char some[300];

    for (int i = 0; i < 3000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        size_t off = (size_t)(x >> 33) % (FILE_SIZE - sizeof some), n = 1 + (size_t)(x >> 20) % 299;
        flockfile(common);
        fseek(common, (long)off, SEEK_SET);
        for (size_t at = 0; at < n; at += 100) {
            size_t step = n - at < 100 ? n - at : 100;
            if (fread(some + at, 1, step, common) != step)
                other_bytes = true;
        }
        if (i % 7 == 0 && getc(common) != twin_byte(off + n))
            other_bytes = true;
        funlockfile(common);
        for (size_t k = 0; k < n; k++)
            if (some[k] != twin_byte(off + k))
                other_bytes = true;
        if (i % 500 == 250)
            fflush(common);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t thread[3];

    common = fopen(twin.path[LIBC], "r");
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, reader, (void *)i);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    expect(!other_bytes, "every thread has read its own bytes");
    fclose(common);
    report("threads that share a stream");
}

/* ---- forks beside threads ---- */

enum { FORKS = 400 };

static pthread_barrier_t meeting;

/* Has locked a stream while another thread forks. */
static void *holder(void *arg)
{
    FILE *f = arg;

    pthread_barrier_wait(&meeting);
    flockfile(f);
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    funlockfile(f);
    return NULL;
}

/* The child has the stream as it was, and the same offset: that is the thread's. */
static void child_of_another(void)
{
    pthread_t thread;
    FILE *f = sought(LIBC);

    pthread_barrier_init(&meeting, NULL, 2);
    pthread_create(&thread, NULL, holder, f);
    fseek(f, 29 * 4100, SEEK_SET); /* the new thread did not get it in that state */
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    long at = side_lseek(RAW, fileno(f), 0, SEEK_CUR);
    expect(!tap_active() || at == FILE_SIZE, "the stream is in the state in question");
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    same(side_lseek(RAW, fileno(f), 0, SEEK_CUR), at, "the offset after a child's end");
    pthread_barrier_wait(&meeting);
    pthread_join(thread, NULL);
    same(getc(f), twin_byte(29 * 4100), "the byte read after that");
    fclose(f);
    report("a fork while another thread has locked a stream");
}

static atomic_bool forks_done;

/* Streams of its own, with and without locks, soon closed. */
static void *alone(void *arg)
{
    uint64_t x = (uint64_t)(uintptr_t)arg * 77 + 1;
    unsigned char some[64];

    while (!forks_done) {
        FILE *f = fopen(twin.path[LIBC], "re");
        for (int i = 0; i < 20; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            size_t off = (size_t)(x >> 33) % (FILE_SIZE - sizeof some);
            fseek(f, (long)off, SEEK_SET);
            size_t got =
                x & 1024 ? fread(some, 1, sizeof some, f) : fread_unlocked(some, 1, sizeof some, f);
            if (got != sizeof some || ftell(f) != (long)(off + got))
                other_bytes = true;
            for (size_t k = 0; k < sizeof some; k++)
                if (some[k] != twin_byte(off + k))
                    other_bytes = true;
        }
        fclose(f);
    }
    return NULL;
}

static void forks(void)
{
    pthread_t thread[3];

    other_bytes = forks_done = false;
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, alone, (void *)i);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
    }
    forks_done = true;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    expect(!other_bytes, "every thread has read its stream's bytes");
    report("forks beside threads that read streams");
}

/* ---- a stream that is one thread's alone, which so need not lock it ---- */

enum { ROUNDS = 150 };

static _Atomic(FILE *) unlocked_stream;

/* As compilers put it into programs: from the buffer, unless that is empty.  Once only from where
 * it was sought to: the next seek would notice. */
static void *by_bytes(void *arg)
{
    FILE *f = sought(LIBC);
    size_t off = 29 * 4100, n = 100000;

    (void)arg;
    unlocked_stream = f;
    for (size_t k = 0; k < n; k++)
        if (getc_unlocked(f) != twin_byte(off + k)) {
            other_bytes = true;
            break;
        }
    fclose(f);
    return NULL;
}

static void duplicate(int fd)
{
    close(dup(fd));
}

/* The same of a stream that another thread has sought in, and passed on. */
static void *by_bytes_passed(void *arg)
{
    FILE *f = arg;
    size_t off = 29 * 4100, n = 300000;

    for (size_t k = 0; k < n; k++) {
        if (getc_unlocked(f) != twin_byte(off + k)) {
            other_bytes = true;
            break;
        }
        if (k == 100)
            unlocked_stream = f;
    }
    return NULL;
}

/* Waits for the stream that it is to read. */
static void *by_bytes_later(void *arg)
{
    FILE *f;

    while (!(f = *(_Atomic(FILE *) *)arg))
        sched_yield();
    return by_bytes_passed(f);
}

/* LATER: to a thread that was there before. */
static void pass_on(bool later)
{
    for (int i = 0; i < ROUNDS; i++) {
        _Atomic(FILE *) passed = NULL;
        pthread_t thread;
        FILE *f = sought(LIBC);

        unlocked_stream = NULL;
        pthread_create(&thread, NULL, later ? by_bytes_later : by_bytes_passed,
                       later ? (void *)&passed : f);
        if (later) {
            fseek(f, 29 * 4100, SEEK_SET);
            passed = f;
            while (!unlocked_stream)
                sched_yield();
        }
        for (int spin = 0; spin < i * 37 % 3000; spin++)
            atomic_thread_fence(memory_order_seq_cst);
        duplicate(fileno(f));
        pthread_join(thread, NULL);
        fclose(f);
    }
}

static void passed_on(bool later, const char *name)
{
    pid_t child = fork();

    if (child == 0) {
        other_bytes = false;
        pass_on(later);
        expect(!other_bytes, "the other thread has read its stream's bytes");
        child_done();
    }
    child_wait(child, name);
    report(name);
}

/* Streams are mapped no more, whoever has them. */
static void limit_space(int fd)
{
    struct rlimit limit = {RLIM_INFINITY / 2, RLIM_INFINITY};
    (void)fd;
    setrlimit(RLIMIT_AS, &limit);
}

static void beside_unlocked(void (*what)(int fd), int rounds, const char *name)
{
    pid_t child = fork();

    if (child == 0) {
        other_bytes = false;
        for (intptr_t i = 0; i < rounds; i++) {
            pthread_t thread;
            FILE *f;

            unlocked_stream = NULL;
            pthread_create(&thread, NULL, by_bytes, (void *)i);
            while (!(f = unlocked_stream))
                sched_yield();
            for (int spin = 0; spin < i * 37 % 3000; spin++)
                atomic_thread_fence(memory_order_seq_cst);
            what(fileno(f));
            pthread_join(thread, NULL);
        }
        expect(!other_bytes, "every thread has read its stream's bytes");
        child_done();
    }
    child_wait(child, name);
    report(name);
}

int main(int argc, char **argv)
{
    setenv("ONECOPY_TEST_FILES", "*.matched,unchanging", 1);
    tap_start(argc, argv);
    twin = twin_make("whole", FILE_SIZE);
    threads();
    child_of_another();
    forks();
    beside_unlocked(duplicate, ROUNDS,
                    "a duplicate is made of a stream that another thread reads, unlocked");
    passed_on(false, "a stream is passed on to a new thread, and a duplicate made");
    passed_on(true, "a stream is passed on to another thread, and a duplicate made");
    for (int i = 0; i < 3; i++)
        beside_unlocked(limit_space, 1,
                        i == 0   ? "a limit on space while another thread reads, unlocked"
                        : i == 1 ? "the same again"
                                 : "and again");
    return tap_done();
}
