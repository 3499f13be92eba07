/*
 * A large file made at once: a grid of cells that many processes update in place.
 *
 *     large FILE write COUNT     add 1 to COUNT random cells; a line for each that is on disk
 *     large FILE read            print the sum of all cells
 *
 * Each cell is locked by its range in the file.  It holds two copies and which of them
 * counts, so a writer that is killed half-way has changed nothing.
 */
#include <onecopy.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELLS = 1 << 16, USED = 64 }; /* a grid of 2.5 MB, of which little is in use */

struct cell {
    _Atomic uint64_t which;
    struct {
        uint64_t value, inverse;
    } copy[2];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t place(unsigned i)
{
    return (uint64_t)(i % USED) * (CELLS / USED) * sizeof(struct cell);
}

static void add(struct cell *cell)
{
    unsigned now = cell->which & 1, next = !now;
    cell->copy[next].value = cell->copy[now].value + 1;
    cell->copy[next].inverse = ~cell->copy[next].value;
    atomic_store(&cell->which, next);
}

static uint64_t value(struct cell *cell)
{
    unsigned now = cell->which & 1;
    uint64_t v = cell->copy[now].value;
    if (v && cell->copy[now].inverse != ~v) {
        fprintf(stderr, "half a cell\n");
        exit(1);
    }
    return v;
}

/* The cell at OFFSET, locked. */
static struct cell *enter(struct onecopy_file *file, uint64_t offset, unsigned how,
                          struct onecopy_hold **hold, struct onecopy_view *view)
{
    *hold = onecopy_lock(file, offset, sizeof(struct cell), how);
    if (!*hold)
        fail("onecopy_lock");
    if (onecopy_get(file, offset, sizeof(struct cell), view))
        fail("onecopy_get");
    return view->data;
}

static void leave(struct onecopy_hold *hold, struct onecopy_view *view)
{
    onecopy_release(view);
    onecopy_unlock(hold);
}

static void update(struct onecopy_file *file, unsigned count)
{
    struct onecopy_hold *hold;
    struct onecopy_view view;
    srand((unsigned)getpid());
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = place((unsigned)rand());
        add(enter(file, at, ONECOPY_WRITE, &hold, &view));
        if (onecopy_flush(file, at, sizeof(struct cell)))
            fail("onecopy_flush");
        leave(hold, &view);
        printf("%u\n", i);
        fflush(stdout);
    }
}

static void sum_up(struct onecopy_file *file)
{
    struct onecopy_hold *hold;
    struct onecopy_view view;
    uint64_t sum = 0;
    for (unsigned i = 0; i < USED; i++) {
        sum += value(enter(file, place(i), 0, &hold, &view));
        leave(hold, &view);
    }
    printf("%llu\n", (unsigned long long)sum);
}

int main(int argc, char **argv)
{
    int writes = argc == 4 && strcmp(argv[2], "write") == 0;
    if (!writes && (argc != 3 || strcmp(argv[2], "read") != 0))
        return fprintf(stderr, "usage: large FILE write COUNT | large FILE read\n"), 2;
    struct onecopy_file *file =
        onecopy_create(argv[1], CELLS * sizeof(struct cell), 0644, ONECOPY_SYNC);
    if (!file)
        fail(argv[1]);
    if (writes)
        update(file, (unsigned)atoi(argv[3]));
    else
        sum_up(file);
    onecopy_close(file);
    return 0;
}
