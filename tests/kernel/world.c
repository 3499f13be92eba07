/* The slots of one process or thread, and the comparisons. */
#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../newer.h"

/* ---- differences ---- */

static void note(struct world *w, const char *text)
{
    struct round *r = w->round;
    int expected = 0;

    w->failed = true;
    if (!atomic_compare_exchange_strong(&r->failed, &expected, 1))
        return;
    r->failed_op = w->now;
    r->failed_actor = w->actor;
    snprintf(r->text, sizeof r->text, "%s", text);
    atomic_store(&r->failed, 2);
}

void fail(struct world *w, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(w, text);
}

bool agree(struct world *w, long libc, long kernel, const char *format, ...)
{
    char text[400];
    va_list args;

    if (libc == kernel)
        return true;
    va_start(args, format);
    int n = vsnprintf(text, 300, format, args);
    va_end(args);
    n = n > 299 ? 299 : n;
    snprintf(text + n, sizeof text - (size_t)n, ": libc %ld%s%s, kernel %ld%s%s", libc,
             libc < 0 ? " " : "", libc < 0 ? strerrorname_np((int)-libc) : "", kernel,
             kernel < 0 ? " " : "", kernel < 0 ? strerrorname_np((int)-kernel) : "");
    note(w, text);
    return false;
}

/* ---- files ---- */

void world_path(const struct world *w, unsigned file, enum side s, char out[PATH])
{
    const char *end = s == LIBC ? "matched" : "twin";

    if (file >= FILES)
        snprintf(out, PATH, "%s/common%u.%s", w->round->dir, file - FILES, end);
    else
        snprintf(out, PATH, "%s/%u-%u.%s", w->round->dir, w->index, file, end);
}

/* Bytes for a file: scrambled, with stretches of zeros, which make its end hard to tell. */
static void scramble(char *bytes, size_t n, struct chance *c)
{
    for (size_t i = 0, end; i < n; i = end) {
        bool zero = chance_below(c, 4) == 0;
        end = i + 1 + chance_below(c, zero && chance_below(c, 4) == 0 ? 30000 : 3000);
        end = end < n ? end : n;
        for (size_t at = i; at < end; at += 8) {
            uint64_t word = zero ? 0 : chance_next(c);
            memcpy(bytes + at, &word, end - at < 8 ? end - at : 8);
        }
    }
}

static void make_twins(const struct world *w, unsigned file, size_t size, struct chance *c)
{
    char *bytes = malloc(size + 1);
    char path[PATH];

    scramble(bytes, size, c);
    for (enum side s = LIBC; s < SIDES; s++) {
        world_path(w, file, s, path);
        long fd = side_open(RAW, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (fd < 0 || side_write(RAW, (int)fd, bytes, size) != (long)size) {
            perror(path);
            exit(98);
        }
        side_close(RAW, (int)fd);
    }
    free(bytes);
}

void world_files(struct world *w, uint64_t seed)
{
    static const size_t sizes[] = {100, 10000, 20480, 40000, 70000, 70001, 100000, 200000};
    struct chance c = {seed * 77 + w->index};

    for (unsigned f = 0; f < FILES; f++)
        make_twins(w, f, sizes[chance_below(&c, 8)] * w->round->scale + chance_below(&c, 2), &c);
    for (unsigned f = FILES; f < FILES + COMMON && w->index == 0; f++)
        make_twins(w, f, 100000 * w->round->scale, &c);
}

/* ---- descriptors ---- */

void world_start(struct world *w, struct round *round, unsigned index)
{
    char path[PATH];

    memset(w, 0, sizeof *w);
    w->round = round;
    w->index = index;
    w->actor = index;
    world_files(w, round->seed);
    for (enum side s = LIBC; s < SIDES; s++) {
        world_path(w, FILES, s, path);
        w->common[s] = (int)side_open(s, path, O_RDONLY, 0);
        for (unsigned i = 0; i < FDS; i++) {
            world_path(w, i % (FILES + COMMON), s, path);
            w->fd[i][s] = (int)side_open(s, path, O_RDONLY, 0);
        }
    }
}

void world_drop(struct world *w, unsigned slot)
{
    int *fd = w->fd[slot];

    if (fd[LIBC] < 0 && fd[RAW] < 0)
        return;
    agree(w, side_close(LIBC, fd[LIBC]), side_close(RAW, fd[RAW]), "close of slot %u", slot);
    fd[LIBC] = fd[RAW] = -1;
}

void world_put(struct world *w, unsigned slot, long libc, long kernel, const char *what)
{
    agree(w, libc < 0 ? libc : 0, kernel < 0 ? kernel : 0, "%s", what);
    world_drop(w, slot);
    w->fd[slot][LIBC] = libc < 0 ? -1 : (int)libc;
    w->fd[slot][RAW] = kernel < 0 ? -1 : (int)kernel;
}

bool slot_is_direct(const struct world *w, unsigned slot)
{
    long flags = side_fcntl(RAW, w->fd[slot][RAW], F_GETFL, 0);
    return flags > 0 && (flags & O_DIRECT) != 0;
}

int64_t op_offset(const struct world *w, const struct op *op, unsigned slot)
{
    struct stat st;

    if (!op->from_end)
        return op->off;
    if (fstat(w->fd[slot][RAW], &st) != 0)
        return op->off;
    return st.st_size + op->off;
}

/* ---- memory ---- */

bool block_part(const struct world *w, const struct op *op, struct block **block, size_t *at,
                size_t *n)
{
    *block = (struct block *)&w->block[op->block];
    if ((*block)->kind == BLOCK_NONE)
        return false;
    *at = op->at % (*block)->len;
    *n = op->n < (*block)->len - *at ? op->n : (*block)->len - *at;
    return true;
}

static bool equal(struct world *w, const struct block *b, size_t from, size_t to)
{
    const char *m = b->at[LIBC], *t = b->at[RAW];

    if (from >= to || memcmp(m + from, t + from, to - from) == 0)
        return true;
    while (m[from] == t[from])
        from++;
    fail(w, "block %d: byte %zu is %02x, the kernel's %02x", (int)(b - w->block), from,
         m[from] & 0xff, t[from] & 0xff);
    return false;
}

/* The readable pages of [from, to). */
static bool equal_where_readable(struct world *w, const struct block *b, size_t from, size_t to)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t end; from < to; from = end) {
        end = (from / page + 1) * page < to ? (from / page + 1) * page : to;
        if (b->prot[from / page] & PROT_READ && !equal(w, b, from, end))
            return false;
    }
    return true;
}

/* What good pages hold after EFAULT, and after EINVAL for the unaligned end of a direct
 * read, is nobody's promise: from now on the same. */
static void make_equal(const struct block *b, size_t from, size_t to)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = from / page; i * page < to; i++)
        if (b->prot[i] == (PROT_READ | PROT_WRITE))
            memcpy(b->at[LIBC] + i * page, b->at[RAW] + i * page, page);
}

bool block_agree(struct world *w, const struct block *b, size_t at, size_t n, long got)
{
    size_t from = at < 64 ? 0 : at - 64, to = at + n + 64 < b->len ? at + n + 64 : b->len;

    if (b->kind == BLOCK_MAPPED && got < 0)
        make_equal(b, from, to);
    if (b->kind == BLOCK_MAPPED)
        return equal_where_readable(w, b, from, to);
    if (!b->known) {
        from = at;
        to = got > 0 ? at + (size_t)got : at;
    }
    return equal(w, b, from, to);
}

bool block_agree_all(struct world *w, const struct block *b)
{
    return b->kind == BLOCK_NONE || !b->known || block_agree(w, b, 0, b->len, 0);
}

void block_release(struct world *w, struct block *b)
{
    block_agree_all(w, b);
    for (enum side s = LIBC; s < SIDES; s++)
        if (b->kind == BLOCK_HEAP)
            free(b->at[s]);
        else if (b->kind == BLOCK_MAPPED)
            agree(w, side_munmap(s, b->at[s], b->len), 0, "munmap");
    b->kind = BLOCK_NONE;
    b->at[LIBC] = b->at[RAW] = NULL;
}

void world_end(struct world *w)
{
    if (w->round->count > 100)
        round_look(w->round);
    for (unsigned i = 0; i < FDS; i++) {
        agree(w, side_lseek(LIBC, w->fd[i][LIBC], 0, SEEK_CUR),
              side_lseek(RAW, w->fd[i][RAW], 0, SEEK_CUR), "at the end: offset of slot %u", i);
        agree(w, side_fcntl(LIBC, w->fd[i][LIBC], F_GETFL, 0),
              side_fcntl(RAW, w->fd[i][RAW], F_GETFL, 0), "at the end: flags of slot %u", i);
        agree(w, side_fcntl(LIBC, w->fd[i][LIBC], F_GETFD, 0),
              side_fcntl(RAW, w->fd[i][RAW], F_GETFD, 0), "at the end: FD_CLOEXEC of slot %u", i);
    }
    for (unsigned i = 0; i < FDS; i++)
        world_drop(w, i);
    for (unsigned i = 0; i < BLOCKS; i++)
        block_release(w, &w->block[i]);
    for (unsigned i = 0; i < STREAMS; i++)
        for (enum side s = LIBC; s < SIDES; s++)
            if (w->stream[i][s] != NULL)
                fclose(w->stream[i][s]);
    if (w->round->mode == THREADS || w->round->mode == SIGNALS)
        return; /* other threads, or the handler, are still at it */
    for (enum side s = LIBC; s < SIDES; s++)
        side_close(s, w->common[s]);
    round_look_empty(w);
}
