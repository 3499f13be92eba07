/*
 * One descriptor in several hands at once: read() against close, dup2 and another
 * read(); and the child of vfork, which has the memory but not the numbers.
 *
 * Every 8-byte word of a file here says which file it is of and where it is, so what
 * one read got is checked by itself: each word of a description comes once, in its turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twin.h"

#define FILES 16
#define WORDS ((uint64_t)8192)
#define BIG   ((uint64_t)1 << 20) /* words of the file that is read in big pieces */

static char path[FILES + 1][TWIN_PATH];

static uint64_t word_of(unsigned file, uint64_t at)
{
    return (uint64_t)(file + 1) << 40 | at;
}

static void make_file(unsigned file, uint64_t words)
{
    uint64_t *bytes = malloc(words * sizeof *bytes);

    for (uint64_t i = 0; i < words; i++)
        bytes[i] = word_of(file, i);
    snprintf(path[file], sizeof path[file], "%s/words-%u.matched", twin_dir(), file);
    int fd = (int)side_open(RAW, path[file], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    expect(side_write(RAW, fd, bytes, words * sizeof *bytes) == (long)(words * sizeof *bytes),
           "write of %s", path[file]);
    side_close(RAW, fd);
    free(bytes);
}

/* ---- a reader beside the one who closes ---- */

static struct {
    _Atomic int fd; /* to read from; -1: nothing, -2: end */
    _Atomic unsigned rounds;
    _Atomic unsigned wrong;
    _Atomic uint64_t reads;
    _Atomic uint64_t last, expected; /* of the first wrong one */
} shared;

static void note_wrong(uint64_t got, uint64_t expected)
{
    if (shared.wrong++ == 0) {
        shared.last = got;
        shared.expected = expected;
    }
}

/* Word after word of one description, until it is closed. */
static void *read_until_closed(void *arg)
{
    (void)arg;
    for (int fd; (fd = shared.fd) != -2;) {
        uint64_t word, next = 0;
        if (fd < 0)
            continue;
        while (read(fd, &word, sizeof word) == sizeof word) {
            if ((word & 0xffffffffff) != next)
                note_wrong(word & 0xffffffffff, next);
            next = (word & 0xffffffffff) + 1;
            shared.reads++;
        }
        shared.fd = -1;
        shared.rounds++;
    }
    return NULL;
}

static void wait_a_little(unsigned k)
{
    for (volatile unsigned i = 0; i < k * 37 % 4000; i = i + 1)
        ;
}

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* MOST rounds, or fewer where the machine is so busy that threads hardly come to meet. */
static bool once_more(unsigned k, unsigned most, time_t began)
{
    return k < most && (k < 10 || seconds() - began < 8);
}

static void close_beside_a_read(void)
{
    time_t began = seconds();
    pthread_t thread;

    shared.fd = -1;
    expect(pthread_create(&thread, NULL, read_until_closed, NULL) == 0, "pthread_create");
    for (unsigned k = 0; once_more(k, 400, began); k++) {
        int fd = open(path[k % FILES], O_RDONLY);
        uint64_t before = shared.reads;
        shared.fd = fd;
        while (shared.reads == before)
            sched_yield();
        wait_a_little(k);
        close(fd);
        while (shared.rounds == k)
            sched_yield();
    }
    shared.fd = -2;
    pthread_join(thread, NULL);
    expect(shared.wrong == 0, "%u reads of %llu; the first got word %llu, not %llu", shared.wrong,
           (unsigned long long)shared.reads, (unsigned long long)shared.last,
           (unsigned long long)shared.expected);
    report("a read beside close goes on from its place, or fails");
}

/* Descriptions come and go under one number; each begins at its first word. */
static void *read_on(void *arg)
{
    uint64_t word, before = 0;
    int fd = *(int *)arg;

    for (; shared.fd != -2; shared.rounds++)
        if (read(fd, &word, sizeof word) == sizeof word) {
            uint64_t next = word >> 40 == before >> 40 ? before + 1 : word >> 40 << 40;
            if (word != next)
                note_wrong(word, next);
            before = word;
            shared.reads++;
        }
    return NULL;
}

static int by_dup2(int from, int to)
{
    return dup2(from, to);
}

static int by_dup3(int from, int to)
{
    return dup3(from, to, O_CLOEXEC);
}

static void replace_beside_a_read(int (*replaced)(int, int), const char *name)
{
    time_t began = seconds();
    pthread_t thread;
    int fd = open(path[0], O_RDONLY);

    shared.fd = fd;
    shared.wrong = 0;
    expect(pthread_create(&thread, NULL, read_on, &fd) == 0, "pthread_create");
    for (unsigned k = 1; once_more(k, 800, began); k++) {
        int next = open(path[k % FILES], O_RDONLY);
        expect(replaced(next, fd) == fd, "dup2 or dup3");
        close(next);
        wait_a_little(k);
        /* Calls, not words: the file may be at its end by now. */
        for (unsigned after = shared.rounds; shared.rounds - after < 2;)
            sched_yield();
    }
    shared.fd = -2;
    pthread_join(thread, NULL);
    close(fd);
    expect(shared.wrong == 0, "%u reads of %llu; the first got %llx, not %llx", shared.wrong,
           (unsigned long long)shared.reads, (unsigned long long)shared.last,
           (unsigned long long)shared.expected);
    report(name);
}

/* ---- two readers where the offset is the kernel's ---- */

#define PIECE 300000 /* bytes; would be lent into fresh private memory */

static struct {
    int fd;
    _Atomic unsigned count;
    _Atomic uint64_t taken[BIG * 8 / PIECE * 4]; /* the words that pieces began with */
} * pieces;                                      /* in memory that a child shares */

/* Into memory that is lent to, or (MAP_SHARED) that cannot be. */
static void *take_pieces(void *arg)
{
    int flags = *(int *)arg;

    for (;;) {
        char *buf = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
        long got = read(pieces->fd, buf, PIECE);
        uint64_t first = 0;
        memcpy(&first, buf, sizeof first);
        munmap(buf, PIECE);
        if (got < PIECE)
            return NULL;
        pieces->taken[pieces->count++] = first;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static unsigned pieces_lost(void)
{
    unsigned n = pieces->count, lost = n > BIG * 8 / PIECE ? n - BIG * 8 / PIECE : 0;

    qsort((void *)pieces->taken, n, sizeof pieces->taken[0], by_value);
    for (unsigned i = 0; i < n && i < BIG * 8 / PIECE; i++)
        lost += pieces->taken[i] != word_of(FILES, i * (uint64_t)PIECE / 8);
    return lost + (n < BIG * 8 / PIECE);
}

static void one_round_of_pieces(int first, int second, unsigned *lost)
{
    int flags[2] = {first, second};
    FILE *f = fopen(path[FILES], "r");
    pthread_t thread[2];

    pieces->fd = fileno(f);
    pieces->count = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, take_pieces, &flags[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    *lost += pieces_lost();
    fclose(f);
}

static void two_readers_of_a_stream(int first, int second, const char *name)
{
    unsigned lost = 0;

    for (int k = 0; k < 5; k++)
        one_round_of_pieces(first, second, &lost);
    expect(lost == 0, "%u pieces came twice or not at all", lost);
    report(name);
}

/* The other reader is a forked process. */
static void fork_beside_a_read(int flags, const char *name)
{
    unsigned lost = 0;

    for (unsigned k = 0; k < 10; k++) {
        pthread_t thread;
        FILE *f = fopen(path[FILES], "r");
        pieces->fd = fileno(f);
        pieces->count = 0;
        pthread_create(&thread, NULL, take_pieces, &flags);
        while (pieces->count < 1 + k % 5)
            sched_yield();
        wait_a_little(k);
        pid_t child = fork();
        if (child == 0) {
            take_pieces(&flags);
            _exit(0);
        }
        pthread_join(thread, NULL);
        waitpid(child, NULL, 0);
        lost += pieces_lost();
        fclose(f);
    }
    expect(lost == 0, "%u pieces came twice or not at all", lost);
    report(name);
}

/* ---- numbers that are free ---- */

static _Atomic bool loading;
static _Atomic unsigned loads;

/* Each load opens files of the library's. */
static void *load_pieces(void *arg)
{
    int fd = *(int *)arg;

    while (loading) {
        char *buf = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        loads += pread(fd, buf, PIECE, 0) == PIECE;
        munmap(buf, PIECE);
    }
    return NULL;
}

/* The lowest number is the next one that anything is given. */
static unsigned replace_free(int fd, int free)
{
    uint64_t word = 0;
    unsigned wrong = dup2(fd, free) != free;

    for (unsigned i = 0; i < 20; i++)
        wrong += pread(free, &word, sizeof word, 8) != 8 || word != word_of(0, 1);
    return wrong + (close(free) != 0);
}

static void dup2_beside_loads(void)
{
    pthread_t thread;
    time_t began = seconds();
    unsigned wrong = 0;
    int big = open(path[FILES], O_RDONLY), fd = open(path[0], O_RDONLY);
    int lowest = dup(fd);

    close(lowest);
    loading = true;
    expect(pthread_create(&thread, NULL, load_pieces, &big) == 0, "pthread_create");
    for (unsigned k = 0; once_more(k, loads < 200 ? 3000000 : 3000, began) || loads == 0; k++)
        wrong += replace_free(fd, lowest);
    loading = false;
    pthread_join(thread, NULL);
    close(fd);
    close(big);
    expect(wrong == 0, "%u times wrong beside %u loads", wrong, loads);
    expect(loads > 0, "no load succeeded");
    report("dup2 onto a free number beside loads: never busy, nor taken away");
}

static volatile sig_atomic_t alarms;

static void open_in_handler(int sig)
{
    int saved = errno, fd = open(path[1], O_RDONLY);
    (void)sig;
    close(fd);
    alarms++;
    errno = saved;
}

/* The handler wants what a loading thread has locked, which must not wait for the dup2 that the
 * handler interrupted. */
static void dup2_interrupted_beside_loads(void)
{
    struct sigaction act = {.sa_handler = open_in_handler}, before;
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    sigset_t alarm_only, mask;
    pthread_t thread;
    int big = open(path[FILES], O_RDONLY), fd = open(path[0], O_RDONLY), free = dup(fd);
    unsigned wrong = 0;

    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigaction(SIGALRM, &act, &before);
    loads = 0;
    loading = true;
    pthread_sigmask(SIG_BLOCK, &alarm_only, &mask);
    expect(pthread_create(&thread, NULL, load_pieces, &big) == 0, "pthread_create");
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (unsigned k = 0; k < 3000 || (loads < 100 && k < 300000); k++)
        wrong += dup2(fd, free) != free;
    setitimer(ITIMER_REAL, &never, NULL);
    loading = false;
    pthread_join(thread, NULL);
    sigaction(SIGALRM, &before, NULL);
    close(free);
    close(fd);
    close(big);
    expect(wrong == 0 && loads > 0 && alarms > 0, "%u wrong, %u loads, %d alarms", wrong, loads,
           (int)alarms);
    report("a handler that opens and closes in the middle of dup2 beside loads");
}

static int open_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void fork_beside_loads(void)
{
    pthread_t thread;
    unsigned more = 0;
    int big = open(path[FILES], O_RDONLY), n = open_descriptors(), status;

    loads = 0;
    loading = true;
    expect(pthread_create(&thread, NULL, load_pieces, &big) == 0, "pthread_create");
    for (unsigned k = 0; k < 150 || (loads < 20 && k < 3000); k++) {
        pid_t child = fork();
        if (child == 0)
            _exit(open_descriptors() != n);
        waitpid(child, &status, 0);
        more += status != 0;
    }
    loading = false;
    pthread_join(thread, NULL);
    close(big);
    expect(more == 0, "%u children had other descriptors", more);
    report("a forked child beside loads has the program's descriptors, and no more");
}

/* ---- the child of vfork ---- */

/* Two memory locations that it shares with its parent. */
static volatile uint64_t child_word[3];
static volatile long child_result[3];

static uint64_t pread_word(int fd, uint64_t at)
{
    uint64_t word = 0;

    return pread(fd, &word, sizeof word, (off_t)(at * sizeof word)) == sizeof word ? word : 0;
}

/* So often that the page is worth a section. */
static int opened_warm(unsigned file)
{
    int fd = open(path[file], O_RDONLY);

    for (int k = 0; k < 60; k++)
        expect(pread_word(fd, (uint64_t)k) == word_of(file, (uint64_t)k), "pread");
    return fd;
}

/* By dup2, or closed and opened anew. */
static void child_replaces(int fd, int other, bool by_dup)
{
    uint64_t word = 0;

    if (by_dup)
        dup2(other, fd);
    else if (close(fd) != 0 || open(path[2], O_RDONLY) != fd)
        _exit(1);
    child_word[0] = pread_word(fd, 7);
    child_result[0] = lseek(fd, 80, SEEK_SET);
    child_result[1] = read(fd, &word, sizeof word);
    child_word[1] = word;
    child_result[2] = lseek(fd, 0, SEEK_CUR);
}

static void vfork_child_replaces(bool by_dup)
{
    int fd = opened_warm(1), other = open(path[2], O_RDONLY);
    uint64_t word = 0;

    expect(lseek(fd, 160, SEEK_SET) == 160, "lseek");
    pid_t child = vfork();
    if (child == 0) {
        child_replaces(fd, other, by_dup);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    expect(child_word[0] == word_of(2, 7), "pread in the child: %llx",
           (unsigned long long)child_word[0]);
    expect(child_result[0] == 80 && child_result[1] == 8 && child_result[2] == 88 &&
               child_word[1] == word_of(2, 10),
           "lseek and read in the child: %ld, %ld, %ld, %llx", child_result[0], child_result[1],
           child_result[2], (unsigned long long)child_word[1]);
    expect(read(fd, &word, sizeof word) == 8 && word == word_of(1, 20), "read in the parent: %llx",
           (unsigned long long)word);
    expect(pread_word(fd, 9) == word_of(1, 9), "pread in the parent");
    close(fd);
    close(other);
}

static void vfork_children(void)
{
    vfork_child_replaces(true);
    vfork_child_replaces(false);
    report("a vfork child that has replaced a number reads the new file, its parent the old");
}

/* What the child opens is not the parent's. */
static void vfork_child_opens(void)
{
    int ends[2];
    char c = 0;

    expect(pipe(ends) == 0, "pipe");
    pid_t child = vfork();
    if (child == 0) {
        close(ends[0]);
        child_result[0] = open(path[3], O_RDONLY);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    expect(child_result[0] == ends[0], "the number is reused in the child");
    expect(write(ends[1], "x", 1) == 1 && read(ends[0], &c, 1) == 1 && c == 'x',
           "the parent's pipe under that number");
    expect(lseek(ends[0], 0, SEEK_CUR) == -1 && errno == ESPIPE, "lseek of the pipe");
    close(ends[0]);
    close(ends[1]);
    report("a file that a vfork child opens is not taken for its parent's");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    for (unsigned i = 0; i < FILES; i++)
        make_file(i, WORDS);
    make_file(FILES, BIG);
    pieces = mmap(NULL, sizeof *pieces, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    close_beside_a_read();
    replace_beside_a_read(
        by_dup2, "a read beside dup2 onto its number gets the old file's bytes, or the new one's");
    replace_beside_a_read(by_dup3, "a read beside dup3 onto its number gets either file's bytes");
    two_readers_of_a_stream(MAP_PRIVATE, MAP_PRIVATE, "two readers of a stream, lent to both");
    two_readers_of_a_stream(MAP_PRIVATE, MAP_SHARED, "two readers of a stream, lent to one");
    two_readers_of_a_stream(MAP_SHARED, MAP_SHARED, "two readers of a stream, lent to none");
    fork_beside_a_read(MAP_PRIVATE, "fork beside a read that lends");
    fork_beside_a_read(MAP_SHARED, "fork beside a read that cannot be lent");
    dup2_beside_loads();
    dup2_interrupted_beside_loads();
    fork_beside_loads();
    vfork_children();
    vfork_child_opens();
    return tap_done();
}
