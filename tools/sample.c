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

static bool add_process(pid_t pid, struct sample *sum)
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

/* What the processes map of the images is read before the images' size, which only grows
 * meanwhile: an error counts against us. */
static void add_images(const pid_t *pids, size_t count, struct sample *sum)
{
    uint64_t mapped = 0;

    if (homes_allocated() == 0)
        return;
    for (size_t i = 0; i < count; i++)
        mapped += homes_mapped(pids[i]);
    sum->images = homes_allocated();
    sum->unmapped = sum->images > mapped ? sum->images - mapped : 0;
}

size_t sample_take(const pid_t *pids, size_t count, bool with_images, struct sample *out)
{
    size_t unreadable = 0;

    *out = (struct sample){0};
    for (size_t i = 0; i < count; i++)
        unreadable += !add_process(pids[i], out);
    if (with_images)
        add_images(pids, count, out);
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

static uint64_t value(const struct sample *sample, enum measure measure)
{
    switch (measure) {
    case MEASURE_PSS:
        return sample->pss + sample->unmapped;
    case MEASURE_RSS:
        return sample->rss + sample->unmapped;
    case MEASURE_PRIVATE:
        return sample->private + sample->unmapped;
    case MEASURE_IMAGES:
        return sample->images;
    case MEASURE_UNMAPPED:
        return sample->unmapped;
    }
    return 0;
}

bool series_peak(const struct series *series, enum measure measure, uint64_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < series->count; i++) {
        uint64_t now = value(&series->samples[i], measure);
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

bool series_steady(const struct series *series, enum measure measure, uint64_t *bytes)
{
    size_t count = 0;
    uint64_t *values = calloc(series->count + 1, sizeof *values);

    if (!values)
        abort();
    for (size_t i = 0; i < series->count; i++)
        if (series->samples[i].complete)
            values[count++] = value(&series->samples[i], measure);
    if (count >= SERIES_LEAST) {
        size_t last = (count + 2) / 3;
        uint64_t *tail = values + count - last;
        qsort(tail, last, sizeof *tail, ascending);
        *bytes = tail[last / 2];
    }
    free(values);
    return count >= SERIES_LEAST;
}
