/*
 * How many views a second, in how many threads?  Each gets and releases views of 64
 * bytes at random places of a file of 16 MB that is mapped.  Also what one takes of the
 * processors' time, which tells more on a busy machine: where threads don't hinder each other
 * it stays the same.
 *
 *   views [SECONDS [THREADS...]]      0.5 seconds each of 1, 2 and 4 threads
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "onecopy.h"

enum { SIZE = 16 << 20, MOST = 64 };

static struct onecopy_file *file;
static atomic_bool stop;

struct worker {
    pthread_t id;
    uint64_t views, sum;
} __attribute__((aligned(128)));

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t seed = (uintptr_t)w * 2654435761u | 1, views = 0;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        struct onecopy_view view;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (onecopy_get(file, (seed >> 20) % (SIZE - 64), 64, &view))
            abort();
        w->sum += *(unsigned char *)view.data;
        if (onecopy_release(&view))
            abort();
        views++;
    }
    w->views = views;
    return NULL;
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench(int threads, double seconds)
{
    static struct worker worker[MOST];
    uint64_t views = 0;
    double begun = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
    stop = false;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&worker[i].id, NULL, work, &worker[i]))
            abort();
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
    stop = true;
    for (int i = 0; i < threads; i++) {
        pthread_join(worker[i].id, NULL);
        views += worker[i].views;
    }
    printf("%d threads: %.2f million views a second, %.0f ns of a processor each\n", threads,
           (double)views / (now(CLOCK_MONOTONIC) - begun) / 1e6,
           (now(CLOCK_PROCESS_CPUTIME_ID) - used) / (double)views * 1e9);
}

int main(int argc, char **argv)
{
    char name[] = "/var/tmp/onecopy-views-XXXXXX", *usual[] = {"1", "2", "4"};
    char **threads = argc > 2 ? argv + 2 : usual;
    int n = argc > 2 ? argc - 2 : 3;
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    if (mkdtemp(name) == NULL || chdir(name))
        return 1;
    file = onecopy_create("f", SIZE, 0600, 0);
    unlink("f");
    if (chdir("/") || rmdir(name))
        return 1;
    if (!file)
        return 1;
    for (int i = 0; i < n; i++)
        bench(atoi(threads[i]), seconds);
    onecopy_close(file);
    return 0;
}
