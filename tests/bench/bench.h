/*
 * What the measuring programs share: clocks, medians, libc's own functions behind ours.
 *
 * Ways take turns in rounds of a few milliseconds, so that whatever else the machine does
 * meets all of them alike, and each way's median is printed.
 */
#ifndef BENCH_H
#define BENCH_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static inline _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline double clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Of the process: what others take of the processor does not count. */
static inline double cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline double wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static inline int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, compare_doubles);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Random numbers, the same in every run. */
static inline uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

/* The compiler must believe that what P points to is looked at. */
static inline void used(const void *p)
{
    __asm__ volatile("" ::"r"(p) : "memory");
}

/* libc's own function of that name, which is what one has without the library. */
static inline void *libcs(const char *name)
{
    static void *libc;
    if (!libc)
        libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void *f = libc ? dlsym(libc, name) : NULL;
    if (!f)
        die(name);
    return f;
}

#endif
