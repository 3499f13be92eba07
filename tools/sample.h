/*
 * What a tree of processes holds in memory, from /proc/PID/smaps_rollup.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Memory at one moment, summed over processes; bytes.  The processes are looked at one after
 * another, while they run, so a page that others map meanwhile is counted once by its first
 * user and in parts again by the next.  What is mapped of images is known not to be more than
 * what they hold; so the sum takes them as that, and also counts what nobody has mapped yet.
 */
struct sample {
    double at; /* seconds since the start */
    uint64_t pss, rss, private;
    uint64_t mapped; /* the part of pss that is images' */
    uint64_t images; /* allocated in image files */
    bool complete;   /* every instance was running */
};

struct series {
    struct sample *samples;
    size_t count, room;
    double steady_from; /* when everything was loaded, if that is known; else 0 */
};

/* What one process has, as the kernel tells. */
struct share {
    uint64_t pss, rss, private;
};

/* The descendants of a process, itself left out, in *LIST (to be freed); how many. */
size_t sample_descendants(pid_t root, pid_t **list);

/*
 * Add up all COUNT processes, those that share an address space once.  With WITH_IMAGES also the
 * images of the homes.  Processes that have ended meanwhile count nothing.  EACH has a place for
 * each process, or is NULL.  Returns how many could not be read though they are alive.
 */
size_t sample_take(const pid_t *pids, size_t count, bool with_images, struct sample *out,
                   struct share *each);

void series_add(struct series *series, const struct sample *sample);

/* MemAvailable of the machine. */
uint64_t sample_mem_available(void);

/* UNMAPPED: what images hold and no process maps; it is part of the first three. */
enum measure { MEASURE_PSS, MEASURE_RSS, MEASURE_PRIVATE, MEASURE_IMAGES, MEASURE_UNMAPPED };

/* The largest, and the median of what was seen while every instance was running: from
 * steady_from on, or in the last third of that time.  False: too few samples to tell. */
#define SERIES_LEAST 3
bool series_peak(const struct series *series, enum measure measure, uint64_t *bytes);
bool series_steady(const struct series *series, enum measure measure, uint64_t *bytes);

/* The sample that had this peak, or (STEADY) this median, of PSS; NULL: too few samples. */
const struct sample *series_sample(const struct series *series, bool steady);

uint64_t sample_value(const struct sample *sample, enum measure measure);

#endif
