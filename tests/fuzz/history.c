/*
 * The home's history with any bytes in it.  Input: two bytes for the identity, then
 * stores into the table: place, length, bytes.
 *
 * Checked: a file never looks older than the machine, and once asked for it is known.
 */
#include "image/history.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "fuzz.h"
#include "image/home.h"
#include "kit.h"

enum { TABLE = 64 << 10 };

static struct oc_identity id;
static int dir;

static void put_table(const void *bytes, size_t n, uint32_t at)
{
    int fd = openat(dir, OC_HISTORY_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    MUST(fd >= 0);
    if (at == 0xffff)
        MUST(ftruncate(fd, (off_t)n) == 0);
    MUST(pwrite(fd, bytes, n, at % TABLE) == (ssize_t)n);
    close(fd);
}

static void strew(struct feed *f)
{
    uint8_t bytes[64];
    uint32_t at = feed_word(f);
    size_t n = 1 + feed_byte(f) % sizeof bytes;

    for (size_t i = 0; i < n; i++)
        bytes[i] = feed_byte(f);
    put_table(bytes, n, at);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    kit_start();
    int fd = kit_file(1000);
    MUST(oc_identity_of(fd, &id) == 0);
    close(fd);
    dir = open(kit_home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(dir >= 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};
    uint64_t begin, age, known;

    unlinkat(dir, OC_HISTORY_NAME, 0);
    id.size = feed_word(&f); /* another bucket */
    begin = oc_sys_monotonic();
    MUST(oc_history_age(dir, &id) == 0);
    while (f.left)
        strew(&f);
    age = oc_history_age(dir, &id);
    known = oc_history_age(dir, &id);
    /* Bytes may make it look older, or new, but not older than the clock. */
    MUST(age <= oc_sys_monotonic());
    MUST(known >= age || known <= oc_sys_monotonic() - begin);
    return 0;
}
