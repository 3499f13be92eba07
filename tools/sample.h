/*
 * What a tree of processes holds in memory, from /proc/PID/smaps_rollup.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Memory at one moment, summed over processes; bytes. */
struct sample {
    uint64_t pss, rss, private;
    uint64_t images;   /* allocated in image files (homes.h) ... */
    uint64_t unmapped; /* ... and of these not seen mapped in the processes */
    bool complete;     /* every instance was running */
};

struct series {
    struct sample *samples;
    size_t count, room;
};

/* The descendants of a process, itself left out, in *LIST (to be freed); how many. */
size_t sample_descendants(pid_t root, pid_t **list);

/*
 * Add up all COUNT processes.  With WITH_IMAGES also the images of the homes.  Processes that have
 * ended meanwhile count nothing.  Returns how many could not be read though they are alive.
 */
size_t sample_take(const pid_t *pids, size_t count, bool with_images, struct sample *out);

void series_add(struct series *series, const struct sample *sample);

/* MemAvailable of the machine. */
uint64_t sample_mem_available(void);

enum measure { MEASURE_PSS, MEASURE_RSS, MEASURE_PRIVATE, MEASURE_IMAGES, MEASURE_UNMAPPED };

/* The largest, and the median of the last third of the samples in which every instance was
 * running.  What images hold without any process mapping it is part of the first three.
 * False: too few samples to tell. */
#define SERIES_LEAST 3
bool series_peak(const struct series *series, enum measure measure, uint64_t *bytes);
bool series_steady(const struct series *series, enum measure measure, uint64_t *bytes);

#endif
