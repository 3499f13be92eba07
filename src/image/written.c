#include "image/written.h"

#include "base/log.h"
#include "base/own.h"
#include "base/sys.h"

enum {
    SAMPLES = 32,     /* pages looked at, some 10 us in all */
    LEAST_PAGES = 64, /* smaller pieces say little */
    FILES = 32,
};

/* Of /proc/PID/pagemap. */
#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)

static struct {
    uint64_t dev, ino;
} rewritten[FILES];
static unsigned known, next;

bool oc_written_mostly(uint64_t dev, uint64_t ino)
{
    for (unsigned i = 0; i < known; i++)
        if (rewritten[i].dev == dev && rewritten[i].ino == ino)
            return true;
    return false;
}

/* A page of the program's own where the image's was. */
static bool was_written(int pagemap, uintptr_t page)
{
    uint64_t entry = 0;

    if (oc_sys_pread_all(pagemap, &entry, sizeof(entry), page / oc_page * sizeof(entry)) !=
        (ssize_t)sizeof(entry))
        return false;
    return entry & (PAGE_PRESENT | PAGE_SWAPPED) && !(entry & PAGE_OF_FILE);
}

static void note(const struct oc_identity *id)
{
    rewritten[next].dev = id->dev;
    rewritten[next].ino = id->ino;
    next = (next + 1) % FILES;
    known += known < FILES;
    oc_log(OC_LOG_INFO, "file %llu:%llu is rewritten in memory: not lent any more",
           (unsigned long long)id->dev, (unsigned long long)id->ino);
}

void oc_written_look(uintptr_t from, uintptr_t to, const struct oc_identity *id)
{
    uintptr_t pages = (to - from) / oc_page;
    unsigned written = 0;
    int fd;

    if (pages < LEAST_PAGES || oc_written_mostly(id->dev, id->ino))
        return;
    fd = oc_own_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    for (unsigned i = 0; i < SAMPLES; i++)
        written += was_written(fd, from + (2 * i + 1) * pages / (2 * SAMPLES) * oc_page);
    oc_own_close(fd);
    if (written > SAMPLES / 2)
        note(id);
}
