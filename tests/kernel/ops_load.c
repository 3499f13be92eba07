/*
 * Loading a file as programs do that read it once: into fresh memory, in one
 * read or in a few big steps.  This is what is lent; most other big reads here
 * look like a stream through a reused buffer, and are left to the kernel.
 */
#include "ops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of its own that nothing is known of yet, in place of the named one. */
static void fresh_file(struct world *w, const struct op *op, size_t size)
{
    char path[PATH], next[PATH + 8];
    struct chance c = {op->off ^ (uint64_t)op->at << 32};
    char *bytes = malloc(size + 8);

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = i / 8 % 5 == 3 ? 0 : chance_next(&c);
        memcpy(bytes + i, &word, 8);
    }
    for (enum side s = LIBC; s < SIDES; s++) {
        world_path(w, op->file % FILES, s, path);
        snprintf(next, sizeof next, "%s.fresh", path);
        int fd = (int)side_open(RAW, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (side_write(RAW, fd, bytes, size) != (long)size)
            fail(w, "cannot write %s", next);
        side_close(RAW, fd);
        agree(w, side_rename(RAW, next, path), 0, "rename");
    }
    free(bytes);
}

/* The block from AT on filled in steps of at most STEP bytes, by one call or another. */
static void fill(struct world *w, const struct op *op, const int fd[SIDES], struct block *b,
                 size_t at, size_t step)
{
    size_t room = b->len - at;
    long got[SIDES] = {1, 1};

    for (size_t done = 0; done < room && got[RAW] > 0 && !w->failed; done += (size_t)got[RAW]) {
        size_t n = step < room - done ? step : room - done;
        for (enum side s = LIBC; s < SIDES; s++) {
            char *to = b->at[s] + at + done;
            if (op->how & 2)
                got[s] = side_read(s, fd[s], to, n);
            else if (op->how & 4)
                got[s] = side_pread(s, fd[s], to, n, (int64_t)done);
            else
                got[s] = side_readv(s, fd[s], &(struct iovec){to, n}, 1);
        }
        agree(w, got[LIBC], got[RAW], "loading %zu bytes at %zu", n, done);
    }
}

static void open_pair(const struct world *w, unsigned file, int flags, int fd[SIDES])
{
    char path[PATH];

    for (enum side s = LIBC; s < SIDES; s++) {
        world_path(w, file, s, path);
        fd[s] = (int)side_open(s, path, flags | O_CLOEXEC, 0);
    }
}

static void close_pair(struct world *w, const int fd[SIDES])
{
    agree(w, side_close(LIBC, fd[LIBC]), side_close(RAW, fd[RAW]), "close after loading");
}

/* A block that nothing has been read into, big enough for what is loaded. */
static struct op fresh_block(struct world *w, const struct op *op)
{
    struct op room = *op;

    room.at = 4096;
    room.n = 30000 + op->n % 100000 * w->round->scale;
    if (op->how & 8)
        op_map(w, &room);
    else
        op_allocate(w, &room);
    return room;
}

void op_load(struct world *w, const struct op *op)
{
    struct block *b = &w->block[op->block];
    struct op room = fresh_block(w, op);
    int fd[SIDES];

    if (op->how & 1)
        fresh_file(w, op, room.n + op->at % 9000);
    open_pair(w, op->file, O_RDONLY, fd);
    fill(w, op, fd, b, op->at % 4096, op->how & 16 ? room.n / 3 + 1 : b->len);
    agree(w, side_lseek(LIBC, fd[LIBC], 0, SEEK_CUR), side_lseek(RAW, fd[RAW], 0, SEEK_CUR),
          "offset after loading");
    close_pair(w, fd);
    block_agree(w, b, 0, b->len, 0);
}

/*
 * Loaded twice, with a store through a mapping in between that moves neither size nor
 * times, as the page was dirty already: the image of the first load is stale, and
 * nothing but a comparison can tell.
 */
void op_reload(struct world *w, const struct op *op)
{
    struct op second = *op;
    struct block *b = &w->block[op->block];
    int fd[SIDES], writer[SIDES];
    char *map[SIDES];

    struct op room = fresh_block(w, op);
    fresh_file(w, op, room.n);
    open_pair(w, op->file % FILES, O_RDWR, writer);
    for (enum side s = LIBC; s < SIDES; s++) {
        map[s] = side_mmap(RAW, NULL, room.n, PROT_READ | PROT_WRITE, MAP_SHARED, writer[s], 0);
        memset(map[s], 1, room.n);
    }
    second.block = (uint8_t)((op->block + 1) % BLOCKS);
    for (int round = 0; round < 2 && !w->failed; round++) {
        open_pair(w, op->file % FILES, O_RDONLY, fd);
        fill(w, op, fd, b, op->at % 4096, b->len);
        block_agree(w, b, 0, b->len, 0);
        close_pair(w, fd);
        for (enum side s = LIBC; s < SIDES; s++)
            memset(map[s] + (size_t)op->off % (room.n / 2), op->how, 1 + op->at % 9000);
        b = &w->block[second.block];
        if (round == 0)
            fresh_block(w, &second);
    }
    for (enum side s = LIBC; s < SIDES; s++)
        side_munmap(RAW, map[s], room.n);
    close_pair(w, writer);
    block_agree_all(w, &w->block[op->block]);
}
