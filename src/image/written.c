#include "image/written.h"

#include "base/hash.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/history.h"
#include "image/home.h"
#include "image/record.h"

#define HOUR (UINT64_C(3600) * 1000000000)

enum {
    SAMPLES = 32,     /* pages looked at, some 10 us in all */
    LEAST_PAGES = 64, /* smaller pieces say little */
    FILES = 32,
};

/* Of /proc/PID/pagemap. */
#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)

static struct oc_identity rewritten[FILES];
static unsigned known, next;

bool oc_written_mostly(const struct oc_identity *id)
{
    for (unsigned i = 0; i < known; i++)
        if (oc_identity_equal(&rewritten[i], id))
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

static void remember(const struct oc_identity *id, const char *how)
{
    rewritten[next] = *id;
    next = (next + 1) % FILES;
    known += known < FILES;
    oc_log(OC_LOG_INFO, "file %llu:%llu is rewritten in memory%s: not lent any more",
           (unsigned long long)id->dev, (unsigned long long)id->ino, how);
}

/* ---- other processes of the program ---- */

/* Its name and first two arguments: an interpreter's script, the work that a program of many
 * uses is told to do. */
static uint64_t command_line(void)
{
    char text[2048];
    int fd = oc_own_open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? 0 : oc_sys_pread_all(fd, text, sizeof(text), 0);
    unsigned ends = 0;
    size_t at = 0;

    if (fd >= 0)
        oc_own_close(fd);
    while ((ssize_t)at < n && ends < 3)
        ends += text[at++] == '\0';
    return oc_hash(text, at, OC_HASH_SEED_1);
}

/* Its executable file, as it is now, and what it was told to do. */
static uint64_t this_program(void)
{
    struct stat st;
    uint64_t words[6] = {0};
    int fd = oc_own_open("/proc/self/exe", O_PATH | O_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    if (oc_sys_fstat(fd, &st) == 0) {
        words[0] = (uint64_t)st.st_dev;
        words[1] = (uint64_t)st.st_ino;
        words[2] = (uint64_t)st.st_size;
        words[3] = (uint64_t)st.st_mtim.tv_sec;
        words[4] = (uint64_t)st.st_mtim.tv_nsec;
    }
    oc_own_close(fd);
    words[5] = command_line();
    return words[1] ? oc_hash(words, sizeof(words), OC_HASH_SEED_1) : 0;
}

static struct oc_history_note note_of(const struct oc_identity *id)
{
    return (struct oc_history_note){.id = *id, .what = OC_HISTORY_REWRITTEN, .who = this_program()};
}

static void tell_others(const struct oc_image *image)
{
    const struct oc_history_note note = note_of(&image->id);
    int dir = note.who ? oc_home_open(oc_image_home(image), false) : -ENOENT;

    if (dir < 0)
        return;
    oc_history_note(dir, &note, 0);
    oc_own_close(dir);
}

static bool others_know(const struct oc_history_note *note)
{
    char path[OC_HOME_PATH];
    bool found = false;

    for (unsigned i = 0; !found && oc_home_candidate(i, path); i++) {
        int dir = oc_home_open(path, false);

        if (dir < 0)
            continue;
        found = oc_history_knows(dir, note, HOUR);
        oc_own_close(dir);
    }
    return found;
}

void oc_written_recall(const struct oc_identity *id)
{
    const struct oc_history_note note = note_of(id);
    struct oc_lock_state st;

    if (!note.who || !others_know(&note))
        return;
    oc_lock(&st);
    if (!oc_written_mostly(id))
        remember(id, " by this program");
    oc_unlock(&st);
}

/* ---- looking ---- */

void oc_written_look(uintptr_t from, uintptr_t to, const struct oc_image *image)
{
    uintptr_t pages = (to - from) / oc_page;
    unsigned written = 0;
    int fd;

    if (pages < LEAST_PAGES || oc_written_mostly(&image->id))
        return;
    fd = oc_own_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    for (unsigned i = 0; i < SAMPLES; i++)
        written += was_written(fd, from + (2 * i + 1) * pages / (2 * SAMPLES) * oc_page);
    oc_own_close(fd);
    if (written <= SAMPLES / 2)
        return;
    remember(&image->id, "");
    tell_others(image);
}
