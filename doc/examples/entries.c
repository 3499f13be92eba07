/*
 * A file per entry: a table whose entries come, change and are read whole.
 *
 *     entries DIR write COUNT     add 1 to COUNT random entries; a line for each that is on disk
 *     entries DIR read            print the sum of all entries
 *
 * A changed entry is a new file that takes the old one's name, so a reader sees the old or
 * the new, never half of one, and needs no lock.  Writers keep each other from losing updates
 * by a lock for the entry, in a file for locks alone.
 */
#include <onecopy.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES = 10, WORDS = 3000 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void name_of(char path[4096], const char *dir, unsigned i)
{
    snprintf(path, 4096, "%s/entry-%u", dir, i);
}

/* All words of an entry are its value.  One that nobody has written is 0. */
static uint64_t value_of(const char *dir, unsigned i)
{
    char path[4096];
    name_of(path, dir, i);
    struct onecopy_file *file = onecopy_open(path, 0);
    if (!file && errno == ENOENT)
        return 0;
    struct onecopy_view view;
    if (!file || onecopy_get(file, 0, WORDS * sizeof(uint64_t), &view))
        fail(path);
    const uint64_t *words = view.data;
    uint64_t value = words[0];
    for (unsigned w = 0; w < WORDS; w++)
        if (words[w] != value) {
            fprintf(stderr, "half an entry\n");
            exit(1);
        }
    onecopy_release(&view);
    onecopy_close(file);
    return value;
}

static void set(const char *dir, unsigned i, uint64_t value)
{
    char path[4096];
    uint64_t words[WORDS];
    name_of(path, dir, i);
    for (unsigned w = 0; w < WORDS; w++)
        words[w] = value;
    if (onecopy_publish(path, words, sizeof words, 0644, ONECOPY_REPLACE | ONECOPY_SYNC))
        fail(path);
}

static void update(const char *dir, unsigned count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/locks", dir);
    struct onecopy_file *locks = onecopy_create(path, 0, 0644, 0);
    if (!locks)
        fail(path);
    srand((unsigned)getpid());
    for (unsigned n = 0; n < count; n++) {
        unsigned i = (unsigned)rand() % ENTRIES;
        struct onecopy_hold *hold = onecopy_lock(locks, i, 1, ONECOPY_WRITE);
        if (!hold)
            fail("onecopy_lock");
        set(dir, i, value_of(dir, i) + 1);
        onecopy_unlock(hold);
        printf("%u\n", n);
        fflush(stdout);
    }
    onecopy_close(locks);
}

int main(int argc, char **argv)
{
    int writes = argc == 4 && strcmp(argv[2], "write") == 0;
    if (!writes && (argc != 3 || strcmp(argv[2], "read") != 0))
        return fprintf(stderr, "usage: entries DIR write COUNT | entries DIR read\n"), 2;
    if (mkdir(argv[1], 0755) && errno != EEXIST)
        fail(argv[1]);
    if (writes) {
        update(argv[1], (unsigned)atoi(argv[3]));
        return 0;
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < ENTRIES; i++)
        sum += value_of(argv[1], i);
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
