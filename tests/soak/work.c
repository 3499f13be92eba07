/*
 * Those that load and those that change files.
 *
 * A byte of a file is a sum of its place and of the round that wrote it, so each byte tells which
 * round that was; it must be one between the last that had ended before the read
 * and the last that had begun after it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

static const size_t sizes[FILES] = {4 << 20, 1 << 20, 1 << 20, 1 << 20};

enum { ROUNDS_MAX = 200, BLOCK = 64 << 10 };

static uint8_t place_byte(size_t at)
{
    return (uint8_t)(at * 13 + (at >> 8) * 7 + (at >> 16));
}

void soak_write(int fd, int which, uint64_t round, size_t from)
{
    uint8_t block[BLOCK];

    while (from < sizes[which]) {
        size_t n = sizes[which] - from < BLOCK ? sizes[which] - from : BLOCK;

        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)(place_byte(from + i) + round);
        if (pwrite(fd, block, n, (off_t)from) != (ssize_t)n)
            soak_die("write");
        from += n;
    }
}

int soak_change(void)
{
    int fds[FILES];
    char path[300];

    for (int which = WRITTEN; which <= CUT; which++) {
        soak_path(path, sizeof(path), which);
        fds[which] = open(path, O_RDWR | O_CLOEXEC);
        if (fds[which] < 0)
            soak_die(path);
    }
    srand((unsigned)getpid());
    while (!atomic_load(&soak->stop)) {
        int which = WRITTEN + rand() % 2;
        uint64_t round = atomic_fetch_add(&soak->rounds[which].begun, 1) + 1;

        if (which == CUT && ftruncate(fds[which], rand() % (off_t)sizes[which]) != 0)
            soak_die("ftruncate");
        soak_write(fds[which], which, round, 0);
        atomic_store(&soak->rounds[which].done, round);
        soak_pause((unsigned)rand() % 1000);
    }
    return 0;
}

/* ---- loads ---- */

struct load {
    unsigned seed;
    int which, fd;
    uint64_t done; /* rounds, before the read */
};

static void check(const struct load *l, const uint8_t *data, size_t n, size_t at)
{
    uint64_t begun = atomic_load(&soak->rounds[l->which].begun);

    for (size_t i = 0; i < n; i++) {
        uint8_t round = (uint8_t)(data[i] - place_byte(at + i));

        /* Where a file is cut under a copy, zeros are let through. */
        if ((uint8_t)(round - (uint8_t)l->done) <= begun - l->done ||
            (l->which == CUT && data[i] == 0))
            continue;
        printf("# file %d at %zu+%zu: round %u, not %lu to %lu\n", l->which, at, i, round,
               (unsigned long)l->done, (unsigned long)begun);
        fflush(stdout);
        atomic_fetch_add(&soak->wrong, 1);
        return;
    }
    atomic_fetch_add(&soak->loads, 1);
    atomic_fetch_add(&soak->bytes, n);
}

static void take(struct load *l, uint8_t *buffer, size_t n, size_t at)
{
    l->done = atomic_load(&soak->rounds[l->which].done);
    ssize_t got = pread(l->fd, buffer, n, (off_t)at);

    if (got < 0 || (got < (ssize_t)n && l->which != CUT && at + n <= sizes[l->which])) {
        printf("# file %d at %zu: %zd of %zu, errno %d\n", l->which, at, got, n, errno);
        fflush(stdout);
        atomic_fetch_add(&soak->wrong, 1);
        return;
    }
    check(l, buffer, (size_t)got, at);
}

/* The file at once into memory of its own, some of which is changed. */
static void load_whole(struct load *l)
{
    uint8_t *buffer = malloc(sizes[l->which] + 1);

    if (!buffer)
        soak_die("malloc");
    take(l, buffer, sizes[l->which], 0);
    for (size_t i = 0; i < sizes[l->which]; i += 300000)
        buffer[i] = 1;
    if (rand_r(&l->seed) % 4 == 0) {
        uint8_t *moved = realloc(buffer, sizes[l->which] * 2);

        buffer = moved ? moved : buffer;
    }
    free(buffer);
}

static void load_pieces(struct load *l)
{
    uint8_t buffer[8192];

    for (int i = 0; i < 50; i++) {
        size_t n = 1 + (size_t)rand_r(&l->seed) % sizeof(buffer);

        take(l, buffer, n, (size_t)rand_r(&l->seed) % (sizes[l->which] - n));
    }
}

static void load_stream(struct load *l)
{
    uint8_t buffer[4096];
    size_t at = (size_t)rand_r(&l->seed) % (sizes[l->which] / 2);

    if (lseek(l->fd, (off_t)at, SEEK_SET) != (off_t)at)
        soak_die("lseek");
    for (int i = 0; i < 20; i++) {
        l->done = atomic_load(&soak->rounds[l->which].done);
        ssize_t n = read(l->fd, buffer, sizeof(buffer));

        if (n <= 0)
            return;
        check(l, buffer, (size_t)n, at);
        at += (size_t)n;
    }
}

static void load_in_child(struct load *l)
{
    pid_t pid = fork();

    if (pid == 0) {
        load_pieces(l);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void load_file(unsigned *seed)
{
    struct load l = {.seed = (unsigned)rand_r(seed), .which = rand_r(seed) % FILES};
    char path[300];
    unsigned how = (unsigned)rand_r(seed) % 16;

    soak_path(path, sizeof(path), l.which);
    l.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (l.fd < 0)
        soak_die(path);
    if (how < 6)
        load_whole(&l);
    else if (how < 11)
        load_pieces(&l);
    else if (how < 15)
        load_stream(&l);
    else
        load_in_child(&l);
    close(l.fd);
}

static void *load_files(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (int i = rand_r(&seed) % ROUNDS_MAX; i > 0 && !atomic_load(&soak->stop); i--) {
        load_file(&seed);
        soak_pause(soak->wait / 2 + (unsigned)rand_r(&seed) % (soak->wait + 1));
    }
    return NULL;
}

int soak_load(unsigned number)
{
    pthread_t threads[THREADS_MAX];

    for (unsigned i = 0; i < soak->threads; i++)
        if (pthread_create(&threads[i], NULL, load_files,
                           (void *)(uintptr_t)((unsigned)getpid() * 64 + number * 8 + i)) != 0)
            soak_die("pthread_create");
    for (unsigned i = 0; i < soak->threads; i++)
        pthread_join(threads[i], NULL);
    /* Both ways of ending. */
    if (number % 2)
        _exit(0);
    return 0;
}
