/*
 * The home's table of hot parts with any bytes in it.  Input: two bytes for the key, then
 * steps: stores into the table (place, length, bytes), a cut, and what a process had.
 *
 * Checked: never more than the table may tell; what was stored last is told first, in its order,
 * and once.
 */
#include "image/hot.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "kit.h"

/* Beyond the end of the whole table. */
enum { TABLE = 160 << 10, SHIFT = 21 };

static int dir;

static void strew(struct feed *f, bool cut)
{
    uint8_t bytes[64];
    uint64_t at = (feed_word(f) * 4u) % TABLE;
    size_t n = feed_byte(f) % sizeof bytes;
    int fd = openat(dir, OC_HOT_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    for (size_t i = 0; i < n; i++)
        bytes[i] = feed_byte(f);
    MUST(fd >= 0);
    if (cut)
        MUST(ftruncate(fd, (off_t)at) == 0);
    MUST(pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n);
    close(fd);
}

static void some_parts(struct oc_hot *hot, struct feed *f)
{
    hot->n = feed_byte(f) % (OC_HINTS_MAX + 1);
    for (uint32_t i = 0; i < hot->n; i++)
        hot->at[i] = feed_word(f) % 512;
}

static bool has(const struct oc_hot *hot, uint32_t n, uint32_t at)
{
    for (uint32_t i = 0; i < n; i++)
        if (hot->at[i] == at)
            return true;
    return false;
}

static void store(const uint64_t key[2], struct feed *f)
{
    struct oc_hot mine, told;
    uint32_t next = 0;

    some_parts(&mine, f);
    oc_hot_store(dir, key, SHIFT, &mine);
    oc_hot_load(dir, key, SHIFT, &told);
    MUST(told.n <= OC_HINTS_MAX);
    for (uint32_t i = 0; i < mine.n; i++) {
        if (has(&mine, i, mine.at[i]))
            continue;
        MUST(next < told.n && told.at[next] == mine.at[i]);
        next++;
    }
    for (uint32_t i = 0; i < told.n; i++)
        MUST(!has(&told, i, told.at[i]));
    oc_hot_load(dir, key, SHIFT + 1, &told);
    MUST(told.n <= OC_HINTS_MAX);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    kit_start();
    dir = open(kit_home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(dir >= 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};
    struct oc_hot told;
    uint64_t key[2] = {feed_byte(&f), feed_byte(&f)};

    unlinkat(dir, OC_HOT_NAME, 0);
    while (f.left) {
        uint8_t what = feed_byte(&f);
        if (what % 4 == 0)
            store(key, &f);
        else
            strew(&f, what % 16 == 1);
        oc_hot_load(dir, key, SHIFT, &told);
        MUST(told.n <= OC_HINTS_MAX);
    }
    return 0;
}
