/*
 * A batch: the same command, N times at once, without or with the library.
 */
#ifndef BATCH_H
#define BATCH_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "moments.h"
#include "sample.h"
#include "served.h"
#include "settings.h"

/* One of the two ways that are compared. */
struct side {
    const char *name; /* "without", "with"; "a", "b" */
    bool library;
    enum settings_layer layer;
    const char *options; /* what --a or --b was given, or NULL */
};

/* What to run. */
struct job {
    char **argv;
    const char *path; /* where argv[0] was found */
    size_t n;
    const char *input;   /* each instance's standard input, or NULL: /dev/null */
    const char *library; /* to preload where a side asks for it */
    unsigned interval;   /* milliseconds between samples */
    struct side sides[2];
    const char *until; /* an instance is ready when it has printed this, or NULL */
    regex_t until_regex;
    double hold; /* seconds after which instances are ended; 0: they end by themselves */
};

struct instance {
    pid_t pid;
    int out, err;         /* nameless files with what it wrote */
    off_t looked[2];      /* how far these were searched for job.until */
    double ready_seconds; /* when it had printed that; negative: not seen */
    bool stopped, killed; /* ended by us, because of job.hold: asked to, forced to */
    bool ended;
    int status; /* as wait() gives it */
    double wall_seconds;
    struct rusage usage;
    uint64_t output_bytes;
};

struct batch {
    const struct side *side;
    size_t n;
    struct instance *instances;
    struct series series;
    struct moments moments;
    struct served served;
    double ready_seconds; /* when the last instance was ready; negative: not known */
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
int batch_run(const struct job *job, const struct side *side, struct batch *batch);

/* Close the instances' outputs. */
void batch_close(struct batch *batch);

/* The most that one process ever held, as the kernel tells at its end: bytes of RSS. */
uint64_t batch_max_rss(const struct batch *batch);

#endif
