/*
 * A growing file: a journal that several processes append to while others follow it.
 *
 *     growing FILE write COUNT     append COUNT records; a line for each that is on disk
 *     growing FILE read COUNT      follow until there are COUNT records; print how many
 *
 * The file begins with the number of bytes that are good.  A record becomes part of
 * the journal when that number moves past it, so what a killed writer leaves
 * behind it is not seen by anybody and overwritten by the next.
 */
#include <onecopy.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 64, STEP = 1 << 20 };

struct header {
    _Atomic uint64_t good; /* 0: HEADER */
};

struct record {
    uint64_t size; /* of all of it */
    uint64_t check;
    char text[];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t check_of(const char *text, size_t n)
{
    uint64_t sum = n;
    while (n-- > 0)
        sum = sum * 31 + (unsigned char)text[n];
    return sum;
}

static struct onecopy_view view(struct onecopy_file *file, uint64_t offset, size_t n)
{
    struct onecopy_view v;
    if (onecopy_get(file, offset, n, &v))
        fail("onecopy_get");
    return v;
}

/* The caller holds the lock. */
static void append(struct onecopy_file *file, struct header *header, const char *text)
{
    uint64_t length = strlen(text), size = (sizeof(struct record) + length + 7) / 8 * 8;
    uint64_t at = atomic_load(&header->good);
    if (at == 0)
        at = HEADER;
    if ((uint64_t)onecopy_size(file) < at + size && onecopy_grow(file, at + size + STEP))
        fail("onecopy_grow");

    struct onecopy_view v = view(file, at, size);
    struct record *record = v.data;
    memset(record, 0, size);
    record->size = size;
    memcpy(record->text, text, length);
    record->check = check_of(record->text, size - sizeof *record);
    onecopy_release(&v);
    if (onecopy_flush(file, at, size)) /* first the record, ... */
        fail("onecopy_flush");
    atomic_store(&header->good, at + size);
    if (onecopy_flush(file, 0, HEADER)) /* ... then that it is good */
        fail("onecopy_flush");
}

static void write_records(struct onecopy_file *file, struct header *header, unsigned count)
{
    char text[200];
    for (unsigned i = 0; i < count; i++) {
        struct onecopy_hold *hold = onecopy_lock(file, 0, HEADER, ONECOPY_WRITE);
        if (!hold)
            fail("onecopy_lock");
        snprintf(text, sizeof text, "record %u of process %ld%*s", i, (long)getpid(), (int)(i % 99),
                 "");
        append(file, header, text);
        onecopy_unlock(hold);
        printf("%u\n", i);
        fflush(stdout);
    }
}

/* No lock: what is good does not change any more. */
static void follow(struct onecopy_file *file, struct header *header, unsigned count)
{
    uint64_t at = HEADER;
    unsigned seen = 0;
    while (seen < count) {
        if (at >= atomic_load(&header->good)) {
            usleep(1000);
            continue;
        }
        struct onecopy_view v = view(file, at, sizeof(struct record));
        uint64_t size = ((struct record *)v.data)->size;
        onecopy_release(&v);
        v = view(file, at, size);
        struct record *record = v.data;
        if (record->check != check_of(record->text, size - sizeof *record)) {
            fprintf(stderr, "bad record at %llu\n", (unsigned long long)at);
            exit(1);
        }
        onecopy_release(&v);
        at += size;
        seen++;
    }
    printf("%u\n", seen);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return fprintf(stderr, "usage: growing FILE write|read COUNT\n"), 2;
    struct onecopy_file *file = onecopy_create(argv[1], HEADER, 0644, 0);
    if (!file)
        fail(argv[1]);
    struct onecopy_view v = view(file, 0, HEADER);
    if (strcmp(argv[2], "write") == 0)
        write_records(file, v.data, (unsigned)atoi(argv[3]));
    else
        follow(file, v.data, (unsigned)atoi(argv[3]));
    onecopy_release(&v);
    onecopy_close(file);
    return 0;
}
