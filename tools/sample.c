/* Process trees and their memory, as /proc tells it: sample.h. */
#include "config.h"
#include "sample.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "homes.h"
#include "smaps.h"
#include "spaces.h"

struct pids {
    pid_t *list;
    size_t count, room;
};

static void add_pid(struct pids *pids, pid_t pid)
{
    if (pids->count == pids->room) {
        pids->room = pids->room ? 2 * pids->room : 64;
        pids->list = reallocarray(pids->list, pids->room, sizeof *pids->list);
        if (!pids->list)
            abort();
    }
    pids->list[pids->count++] = pid;
}

/* A child belongs to the thread that made it. */
static void add_children_of_thread(struct pids *pids, pid_t pid, const char *tid)
{
    char path[320];
    int child;

    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, tid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (fscanf(file, "%d", &child) == 1)
        add_pid(pids, child);
    fclose(file);
}

static void add_children(struct pids *pids, pid_t pid)
{
    char path[64];
    const struct dirent *entry;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]))
            add_children_of_thread(pids, pid, entry->d_name);
    closedir(dir);
}

size_t sample_descendants(pid_t root, pid_t **list)
{
    struct pids pids = {0};

    add_children(&pids, root);
    for (size_t i = 0; i < pids.count; i++)
        add_children(&pids, pids.list[i]);
    *list = pids.list;
    return pids.count;
}

/* The kilobytes after "NAME:" at the start of a line of TEXT. */
static uint64_t field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

static bool add_rollup(pid_t pid, struct sample *sum)
{
    char path[64], text[4096];

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH;
    ssize_t n = read(fd, text, sizeof text - 1);
    int why = errno;
    close(fd);
    if (n < 0)
        return why == ESRCH;
    text[n] = '\0';
    sum->rss += field(text, "\nRss:");
    sum->pss += field(text, "\nPss:");
    sum->private += field(text, "\nPrivate_Clean:") + field(text, "\nPrivate_Dirty:");
    return true;
}

static void add(struct sample *sum, const struct sample *one)
{
    sum->pss += one->pss;
    sum->rss += one->rss;
    sum->private += one->private;
    sum->mapped += one->mapped;
}

/* The size of the images is read last: it grows meanwhile, and an error is to be against us. */
static void count_images(struct home_files *images, struct sample *sum)
{
    homes_free(images);
    homes_list(images);
    sum->images = images->allocated;
}

size_t sample_take(const pid_t *pids, size_t count, bool with_images, struct sample *out,
                   struct share *each)
{
    struct home_files images = {0};
    struct spaces spaces;
    size_t unreadable = 0;

    *out = (struct sample){0};
    spaces_begin(&spaces, count);
    if (with_images)
        homes_list(&images);
    for (size_t i = 0; i < count; i++) {
        struct sample one = {0};
        if (!spaces_first(&spaces, pids[i]))
            continue;
        unreadable +=
            !(images.allocated ? smaps_add(pids[i], &images, &one) : add_rollup(pids[i], &one));
        if (each)
            each[i] = (struct share){one.pss, one.rss, one.private};
        add(out, &one);
    }
    if (images.allocated)
        count_images(&images, out);
    homes_free(&images);
    spaces_free(&spaces);
    return unreadable;
}

void series_add(struct series *series, const struct sample *sample)
{
    if (series->count == series->room) {
        series->room = series->room ? 2 * series->room : 256;
        series->samples = reallocarray(series->samples, series->room, sizeof *series->samples);
        if (!series->samples)
            abort();
    }
    series->samples[series->count++] = *sample;
}

uint64_t sample_mem_available(void)
{
    char text[4096] = "";
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? field(text, "\nMemAvailable:") : 0;
}

uint64_t sample_value(const struct sample *s, enum measure measure)
{
    uint64_t unmapped = s->images > s->mapped ? s->images - s->mapped : 0;

    switch (measure) {
    case MEASURE_PSS:
        return s->pss - s->mapped + s->images;
    case MEASURE_RSS:
        return s->rss + unmapped;
    case MEASURE_PRIVATE:
        return s->private + unmapped;
    case MEASURE_IMAGES:
        return s->images;
    case MEASURE_UNMAPPED:
        return unmapped;
    }
    return 0;
}

bool series_peak(const struct series *series, enum measure measure, uint64_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < series->count; i++) {
        uint64_t now = sample_value(&series->samples[i], measure);
        if (now > *bytes)
            *bytes = now;
    }
    return series->count >= SERIES_LEAST;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* When was the last sample with every instance running? */
static double complete_until(const struct series *series)
{
    for (size_t i = series->count; i > 0; i--)
        if (series->samples[i - 1].complete)
            return series->samples[i - 1].at;
    return 0;
}

static double steady_from(const struct series *series)
{
    return series->steady_from > 0 ? series->steady_from : complete_until(series) * 2 / 3;
}

const struct sample *series_sample(const struct series *series, bool steady)
{
    const struct sample *best = NULL;
    uint64_t wanted;

    if (steady ? !series_steady(series, MEASURE_PSS, &wanted)
               : !series_peak(series, MEASURE_PSS, &wanted))
        return NULL;
    for (size_t i = 0; i < series->count && !best; i++) {
        const struct sample *s = &series->samples[i];
        if (sample_value(s, MEASURE_PSS) == wanted &&
            (!steady || (s->complete && s->at >= steady_from(series))))
            best = s;
    }
    return best;
}

bool series_steady(const struct series *series, enum measure measure, uint64_t *bytes)
{
    double from = steady_from(series);
    size_t count = 0;
    uint64_t *values = calloc(series->count + 1, sizeof *values);

    if (!values)
        abort();
    for (size_t i = 0; i < series->count; i++)
        if (series->samples[i].complete && series->samples[i].at >= from)
            values[count++] = sample_value(&series->samples[i], measure);
    qsort(values, count, sizeof *values, ascending);
    if (count > 0)
        *bytes = values[count / 2];
    free(values);
    return count > 0 && series->count >= SERIES_LEAST;
}
