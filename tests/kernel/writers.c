/*
 * Readers checked against the contract while a writer is at work.
 *
 * The file is cut into regions.  A writer process rewrites a region with the
 * bytes of its next generation, by pwrite or through a mapping, and counts:
 * STARTED before, FINISHED after.  So a read that saw FINISHED = a before and
 * STARTED = b after it may have met generations a to b, and each of its bytes
 * must be of one of them.  The last regions are the tail: it is cut off,
 * grown again as zeros, and written anew, in stages that are counted alike;
 * the sizes it may have had during a read bound the count that comes back.
 * Buffers that may be lent are looked at again later: a snapshot must not change.
 */
#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REGION    512
#define REGIONS   131 /* the tail does not begin at a page's start */
#define TAIL      9000
#define BODY      (REGIONS * REGION)
#define WHOLE     (BODY + TAIL)
#define SNAPSHOTS 6

/* The tail's stages. */
enum stage { FULL, ABSENT, ZEROS, STAGES };

struct counted {
    _Atomic uint32_t started, finished;
};

static struct contract {
    struct counted region[REGIONS], tail;
    _Atomic int stop;
} * contract;

static unsigned char byte_of(uint32_t generation, uint64_t off)
{
    uint64_t z = (generation * UINT64_C(0x9e3779b97f4a7c15) + off) * UINT64_C(0xbf58476d1ce4e5b9);

    return (off + generation) % 7 == 0 ? 0 : (unsigned char)(z >> 40);
}

static void bytes_of(unsigned char *out, uint32_t generation, uint64_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = byte_of(generation, from + i);
}

/* ---- the writer ---- */

struct writer {
    int fd;
    char *map;
    struct chance chance;
};

static void write_region(struct writer *w, unsigned region)
{
    struct counted *c = &contract->region[region];
    uint32_t generation = atomic_load(&c->finished) + 1;
    unsigned char bytes[REGION];
    off_t off = (off_t)region * REGION;

    bytes_of(bytes, generation, (uint64_t)off, REGION);
    atomic_store(&c->started, generation);
    if (chance_below(&w->chance, 2))
        memcpy(w->map + off, bytes, REGION);
    else
        side_pwrite(LIBC, w->fd, bytes, REGION, off);
    atomic_store(&c->finished, generation);
}

static void write_tail(struct writer *w)
{
    uint32_t stage = atomic_load(&contract->tail.finished) + 1;
    unsigned char bytes[TAIL];

    atomic_store(&contract->tail.started, stage);
    if (stage % STAGES == ABSENT) {
        side_ftruncate(LIBC, w->fd, BODY);
    } else if (stage % STAGES == ZEROS) {
        side_ftruncate(LIBC, w->fd, WHOLE);
    } else {
        bytes_of(bytes, stage, BODY, TAIL);
        side_pwrite(LIBC, w->fd, bytes, TAIL, BODY);
    }
    atomic_store(&contract->tail.finished, stage);
}

static void write_all_the_time(const char *path, uint64_t seed)
{
    struct writer w = {.fd = (int)side_open(LIBC, path, O_RDWR, 0), .chance = {seed * 5 + 3}};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    w.map = mmap(NULL, BODY, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
    while (!atomic_load(&contract->stop) && w.map != MAP_FAILED) {
        for (int i = 0; i < 20; i++)
            write_region(&w, chance_below(&w.chance, REGIONS));
        if (chance_below(&w.chance, 4) == 0)
            write_tail(&w);
        nanosleep(&(struct timespec){0, 20000}, NULL);
    }
    _exit(w.map == MAP_FAILED);
}

/* ---- what a read may have seen ---- */

struct span {
    uint32_t from, to; /* generations or stages */
};

/* Of the regions that a read goes over, and of the tail. */
struct view {
    unsigned first, end;
    struct span region[REGIONS], tail;
};

static void view_before(struct view *v, uint64_t off, size_t n)
{
    uint64_t end = (off + n) / REGION + 1;

    v->first = off < BODY ? (unsigned)(off / REGION) : REGIONS;
    v->end = end < REGIONS ? (unsigned)end : REGIONS;
    for (unsigned i = v->first; i < v->end; i++)
        v->region[i].from = atomic_load(&contract->region[i].finished);
    v->tail.from = atomic_load(&contract->tail.finished);
}

static void view_after(struct view *v)
{
    for (unsigned i = v->first; i < v->end; i++)
        v->region[i].to = atomic_load(&contract->region[i].started);
    v->tail.to = atomic_load(&contract->tail.started);
}

static bool may_be(const struct view *v, uint64_t off, unsigned char byte)
{
    struct span s = off < BODY ? v->region[off / REGION] : v->tail;

    for (uint32_t g = s.from; g <= s.to; g++) {
        if (off < BODY ? byte_of(g, off) == byte : g % STAGES == FULL && byte_of(g, off) == byte)
            return true;
        if (off >= BODY && g % STAGES != FULL && byte == 0)
            return true;
    }
    return false;
}

/* The sizes that the file may have had. */
static void sizes(const struct view *v, uint64_t *least, uint64_t *most)
{
    *least = WHOLE;
    *most = BODY;
    for (uint32_t g = v->tail.from; g <= v->tail.to; g++) {
        if (g % STAGES == ABSENT)
            *least = BODY;
        else
            *most = WHOLE;
    }
}

static bool check(struct world *w, const struct view *v, uint64_t off, size_t n, const char *bytes,
                  long got)
{
    uint64_t least, most;

    sizes(v, &least, &most);
    uint64_t low = off < least ? least - off : 0, high = off < most ? most - off : 0;
    low = low < n ? low : n;
    high = high < n ? high : n;
    if (got < (long)low || got > (long)high) {
        fail(w, "%zu bytes at %llu: got %ld, may be %llu to %llu", n, (unsigned long long)off, got,
             (unsigned long long)low, (unsigned long long)high);
        return false;
    }
    for (long i = 0; i < got; i++)
        if (!may_be(v, off + (uint64_t)i, (unsigned char)bytes[i])) {
            struct span s =
                off + (uint64_t)i < BODY ? v->region[(off + (uint64_t)i) / REGION] : v->tail;
            fail(w, "%zu bytes at %llu: byte %ld is %02x, of none of the generations %u to %u", n,
                 (unsigned long long)off, i, bytes[i] & 0xff, s.from, s.to);
            return false;
        }
    return true;
}

/* ---- the reader ---- */

struct reader {
    struct world w;
    int fd, fd2;     /* two descriptions */
    uint64_t offset; /* of the first */
    char *snapshot[SNAPSHOTS];
    uint64_t sum[SNAPSHOTS];
    struct chance chance;
};

static uint64_t checksum(const char *bytes, size_t n)
{
    uint64_t sum = 14695981039346656037u, word;

    for (size_t i = 0; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        sum = (sum ^ word) * 1099511628211u;
        sum ^= sum >> 29;
    }
    return sum;
}

#define SNAPSHOT_ROOM ((size_t)(WHOLE + 8192) / 8 * 8)

/* An old snapshot must be as it was; then its place is taken by new bytes. */
static void read_snapshot(struct reader *r)
{
    unsigned k = chance_below(&r->chance, SNAPSHOTS);
    uint64_t off = chance_below(&r->chance, WHOLE);
    size_t n = 4096 + chance_below(&r->chance, WHOLE), at = chance_below(&r->chance, 4096);
    struct view view;

    if (r->snapshot[k] != NULL) {
        if (checksum(r->snapshot[k], SNAPSHOT_ROOM) != r->sum[k])
            fail(&r->w, "a buffer read long ago has changed");
        free(r->snapshot[k]);
    }
    r->snapshot[k] = calloc(1, SNAPSHOT_ROOM);
    if (n > SNAPSHOT_ROOM - at)
        n = SNAPSHOT_ROOM - at;
    view_before(&view, off, n);
    long got = side_pread(LIBC, r->fd2, r->snapshot[k] + at, n, (int64_t)off);
    view_after(&view);
    check(&r->w, &view, off, n, r->snapshot[k] + at, got);
    r->sum[k] = checksum(r->snapshot[k], SNAPSHOT_ROOM);
}

static void read_some(struct reader *r)
{
    char bytes[3000];
    uint64_t off = chance_below(&r->chance, 4) ? chance_below(&r->chance, WHOLE + 50)
                                               : BODY - 100 + chance_below(&r->chance, 200);
    size_t n = chance_below(&r->chance,
                            chance_below(&r->chance, 4 * r->w.round->density) ? 100 : sizeof bytes);
    struct view view;

    view_before(&view, off, n);
    long got = side_pread(LIBC, r->fd2, bytes, n, (int64_t)off);
    view_after(&view);
    check(&r->w, &view, off, n, bytes, got);
}

/* read() moves the offset by what it returns, whatever the writer does. */
static void read_on(struct reader *r)
{
    char bytes[2000];
    size_t n = chance_below(&r->chance, sizeof bytes);
    struct view view;

    if (chance_below(&r->chance, 8) == 0) {
        r->offset = chance_below(&r->chance, WHOLE);
        agree(&r->w, side_lseek(LIBC, r->fd, (int64_t)r->offset, SEEK_SET), (long)r->offset,
              "lseek");
    }
    view_before(&view, r->offset, n);
    long got = side_read(LIBC, r->fd, bytes, n);
    view_after(&view);
    check(&r->w, &view, r->offset, n, bytes, got);
    r->offset += got > 0 ? (uint64_t)got : 0;
    agree(&r->w, side_lseek(LIBC, r->fd, 0, SEEK_CUR), (long)r->offset, "offset after read");
}

static void ask_for_the_end(struct reader *r)
{
    uint64_t least, most;
    struct view view;

    view_before(&view, BODY, 0);
    long end = side_lseek(LIBC, r->fd2, 0, SEEK_END);
    view_after(&view);
    sizes(&view, &least, &most);
    if (end < (long)least || end > (long)most)
        fail(&r->w, "SEEK_END: %ld, may be %llu to %llu", end, (unsigned long long)least,
             (unsigned long long)most);
}

static void step(struct reader *r)
{
    uint32_t what = chance_below(&r->chance, 40);

    if (what == 0 && chance_below(&r->chance, r->w.round->density) > 0)
        what = 20;
    if (what == 0)
        read_snapshot(r);
    else if (what == 1)
        ask_for_the_end(r);
    else if (what < 14)
        read_on(r);
    else
        read_some(r);
}

static void reader_open(struct reader *r, const char *path)
{
    r->fd = (int)side_open(LIBC, path, O_RDONLY, 0);
    r->fd2 = (int)side_open(LIBC, path, O_RDONLY, 0);
    r->offset = 0;
}

static void read_all(struct round *round, const char *path)
{
    struct reader r = {.chance = {round->seed}};

    r.w.round = round;
    reader_open(&r, path);
    for (uint32_t i = 0; i < round->count && !r.w.failed; i++) {
        r.w.now = i;
        step(&r);
        atomic_store(&round->turn, i);
        if (i % 1500 == 1499) {
            round_look(round);
            side_close(LIBC, r.fd);
            side_close(LIBC, r.fd2);
            reader_open(&r, path);
        }
    }
    round_look(round);
    for (unsigned k = 0; k < SNAPSHOTS; k++)
        if (r.snapshot[k] != NULL && checksum(r.snapshot[k], SNAPSHOT_ROOM) != r.sum[k])
            fail(&r.w, "a buffer read long ago has changed");
}

static void make_file(const char *path)
{
    static unsigned char bytes[WHOLE];
    long fd = side_open(RAW, path, O_RDWR | O_CREAT | O_TRUNC, 0644);

    bytes_of(bytes, 0, 0, WHOLE);
    if (fd < 0 || side_write(RAW, (int)fd, bytes, WHOLE) != WHOLE)
        exit(97);
    side_close(RAW, (int)fd);
}

void writers_run(struct round *round)
{
    char path[PATH];

    contract =
        mmap(NULL, sizeof *contract, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (contract == MAP_FAILED)
        exit(97);
    snprintf(path, sizeof path, "%s/contract.matched", round->dir);
    make_file(path);
    pid_t writer = fork();
    if (writer == 0)
        write_all_the_time(path, round->seed);
    read_all(round, path);
    atomic_store(&contract->stop, 1);
    int status = 1;
    waitpid(writer, &status, 0);
    if (status != 0)
        exit(96);
}
