/*
 * A batch: the same command, N times at once, without or with the library.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "sample.h"

/* What to run. */
struct job {
    char **argv;
    const char *path; /* where argv[0] was found */
    size_t n;
    const char *input;   /* each instance's standard input, or NULL: /dev/null */
    const char *library; /* to preload in a batch "with" */
    unsigned interval;   /* milliseconds between samples */
};

struct instance {
    pid_t pid;
    int out, err; /* nameless files with what it wrote */
    bool ended;
    int status; /* as wait() gives it */
    double wall_seconds;
    struct rusage usage;
};

struct batch {
    bool with;
    size_t n;
    struct instance *instances;
    struct series series;
    double wall_seconds, user_seconds, system_seconds;
    uint64_t minor_faults, major_faults, disk_read;
    uint64_t available_before, available_least; /* MemAvailable */
    uint64_t images_before;                     /* in the homes already */
    size_t unreadable;                          /* at most, in one sample */
    size_t left_running;                        /* processes that outlived their instance */
};

/*
 * Run it to its end.  0, or the number of the signal that interrupted it, or -1 with a
 * message when it could not be run; in these cases nothing of it is left running.
 */
int batch_run(const struct job *job, bool with, struct batch *batch);

/* The most that one process ever held, as the kernel tells at its end: bytes of RSS. */
uint64_t batch_max_rss(const struct batch *batch);

#endif
