/* Reading and seeking. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What _FORTIFY_SOURCE makes of read and pread, and glibc's other names. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t room);
ssize_t __read(int fd, void *buf, size_t n);
ssize_t __pread64(int fd, void *buf, size_t n, off64_t off);
off_t __lseek(int fd, off_t off, int whence);

static long libc_read(unsigned how, int fd, void *buf, size_t n)
{
    switch (how % 4) {
    case 0:
        return side_result(__read_chk(fd, buf, n, n));
    case 1:
        return side_result(__read(fd, buf, n));
    default:
        return side_read(LIBC, fd, buf, n);
    }
}

static long libc_pread(unsigned how, int fd, void *buf, size_t n, int64_t off)
{
    switch (how % 8) {
    case 0:
        return side_result(__pread_chk(fd, buf, n, off, n));
    case 1:
        return side_result(__pread64_chk(fd, buf, n, off, n));
    case 2:
        return side_result(__pread64(fd, buf, n, off));
    case 3:
        return side_result(pread64(fd, buf, n, off));
    default:
        return side_pread(LIBC, fd, buf, n, off);
    }
}

static long libc_lseek(unsigned how, int fd, int64_t off, int whence)
{
    if (how % 8 == 0)
        return side_result(__lseek(fd, off, whence));
    return how % 2 ? side_result(lseek64(fd, off, whence)) : side_lseek(LIBC, fd, off, whence);
}

static bool unequal_alignment(const struct world *w, unsigned slot, const struct block *b)
{
    return b->kind == BLOCK_HEAP && slot_is_direct(w, slot);
}

/* The part of the block that the op names; a new block when there is none. */
static bool destination(struct world *w, const struct op *op, struct block **b, size_t *at,
                        size_t *n)
{
    if (w->block[op->block].kind == BLOCK_NONE)
        (op->how & 32 ? op_allocate : op_map)(w, op);
    return block_part(w, op, b, at, n) && !unequal_alignment(w, op->fd, *b);
}

void op_read(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n;

    if (!destination(w, op, &b, &at, &n))
        return;
    long m = libc_read(op->how, w->fd[op->fd][LIBC], b->at[LIBC] + at, n);
    long t = side_read(RAW, w->fd[op->fd][RAW], b->at[RAW] + at, n);
    if (agree(w, m, t, "read of %zu bytes", n))
        block_agree(w, b, at, n, t);
}

void op_pread(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n;
    int64_t off = op_offset(w, op, op->fd);

    if (!destination(w, op, &b, &at, &n))
        return;
    long m = libc_pread(op->how, w->fd[op->fd][LIBC], b->at[LIBC] + at, n, off);
    long t = side_pread(RAW, w->fd[op->fd][RAW], b->at[RAW] + at, n, off);
    if (agree(w, m, t, "pread of %zu bytes at %lld", n, (long long)off))
        block_agree(w, b, at, n, t);
}

void op_seek_read(struct world *w, const struct op *op)
{
    int64_t off = op_offset(w, op, op->fd);
    char small[SIDES][300];
    size_t n = op->n % sizeof small[0];

    memset(small, 0x11, sizeof small);
    agree(w, libc_lseek(op->how, w->fd[op->fd][LIBC], off, SEEK_SET),
          side_lseek(RAW, w->fd[op->fd][RAW], off, SEEK_SET), "lseek to %lld", (long long)off);
    if (slot_is_direct(w, op->fd))
        return;
    long m = libc_read(op->how >> 2, w->fd[op->fd][LIBC], small[LIBC], n);
    long t = side_read(RAW, w->fd[op->fd][RAW], small[RAW], n);
    if (agree(w, m, t, "read of %zu bytes at %lld", n, (long long)off) &&
        memcmp(small[LIBC], small[RAW], sizeof small[0]) != 0)
        fail(w, "read of %zu bytes at %lld: other bytes", n, (long long)off);
}

/* Again and again near one place, until it is worth a section. */
void op_hot_pread(struct world *w, const struct op *op)
{
    char small[SIDES][64];

    if (slot_is_direct(w, op->fd))
        return;
    for (int64_t i = 0; i < 12 && !w->failed; i++) {
        int64_t off = (int64_t)((uint64_t)op->off + (uint64_t)i * 37);
        size_t n = 1 + (size_t)(op->how + i * 11) % sizeof small[0];
        memset(small, 0x22, sizeof small);
        long m = side_pread(LIBC, w->fd[op->fd][LIBC], small[LIBC], n, off);
        long t = side_pread(RAW, w->fd[op->fd][RAW], small[RAW], n, off);
        if (agree(w, m, t, "hot pread of %zu bytes at %lld", n, (long long)off) &&
            memcmp(small[LIBC], small[RAW], sizeof small[0]) != 0)
            fail(w, "hot pread of %zu bytes at %lld: other bytes", n, (long long)off);
    }
}

/* On the one descriptor that all threads share. */
void op_common_pread(struct world *w, const struct op *op)
{
    char small[SIDES][5000];
    size_t n = op->n % sizeof small[0];

    long m = libc_pread(op->how, w->common[LIBC], small[LIBC], n, op->off);
    long t = side_pread(RAW, w->common[RAW], small[RAW], n, op->off);
    if (agree(w, m, t, "common pread of %zu bytes at %lld", n, (long long)op->off) && t > 0 &&
        memcmp(small[LIBC], small[RAW], (size_t)t) != 0)
        fail(w, "common pread of %zu bytes at %lld: other bytes", n, (long long)op->off);
}

/* The named part of the block, cut into elements of which some are empty. */
static int cut(struct iovec iov[SIDES][16], const struct block *b, size_t at, size_t n,
               const struct op *op)
{
    size_t piece = n / (1 + op->how % 7) + 1, done = 0;
    int count = 0;

    for (; done < n && count < 15; count++) {
        size_t len = count % 3 == 2 ? 0 : piece < n - done ? piece : n - done;
        for (enum side s = LIBC; s < SIDES; s++)
            iov[s][count] = (struct iovec){b->at[s] + at + done, len};
        done += len;
    }
    return count;
}

void op_readv(struct world *w, const struct op *op)
{
    struct iovec iov[SIDES][16];
    struct block *b;
    size_t at, n;

    if (!destination(w, op, &b, &at, &n))
        return;
    int count = cut(iov, b, at, n, op);
    long m = side_readv(LIBC, w->fd[op->fd][LIBC], iov[LIBC], count);
    long t = side_readv(RAW, w->fd[op->fd][RAW], iov[RAW], count);
    if (agree(w, m, t, "readv of %d elements, %zu bytes", count, n))
        block_agree(w, b, at, n, t);
}

void op_preadv(struct world *w, const struct op *op)
{
    struct iovec iov[SIDES][16];
    struct block *b;
    size_t at, n;
    int64_t off = op_offset(w, op, op->fd);
    bool two = op->how & 64;

    if (!destination(w, op, &b, &at, &n))
        return;
    int count = cut(iov, b, at, n, op);
    long m = two ? side_preadv2(LIBC, w->fd[op->fd][LIBC], iov[LIBC], count, off, 0)
                 : side_preadv(LIBC, w->fd[op->fd][LIBC], iov[LIBC], count, off);
    long t = two ? side_preadv2(RAW, w->fd[op->fd][RAW], iov[RAW], count, off, 0)
                 : side_preadv(RAW, w->fd[op->fd][RAW], iov[RAW], count, off);
    if (agree(w, m, t, "preadv%s of %d elements, %zu bytes at %lld", two ? "2" : "", count, n,
              (long long)off))
        block_agree(w, b, at, n, t);
}

/* On tmpfs a page of a mapping that is looked at is no hole any more. */
static int draw_whence(const struct world *w, const struct op *op)
{
    static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 7};
    int how = whence[op->how % 16 < 6 ? op->how % 16 : op->how % 3];

    return w->round->in_memory && (how == SEEK_DATA || how == SEEK_HOLE) ? SEEK_SET : how;
}

void op_seek(struct world *w, const struct op *op)
{
    int how = draw_whence(w, op);
    int64_t off = how == SEEK_SET ? op_offset(w, op, op->fd)
                  : op->how & 64  ? op->off
                                  : op->off % 9000 - 4500;

    agree(w, libc_lseek(op->how, w->fd[op->fd][LIBC], off, how),
          side_lseek(RAW, w->fd[op->fd][RAW], off, how), "lseek(%lld, %d)", (long long)off, how);
}

void op_tell(struct world *w, const struct op *op)
{
    agree(w, libc_lseek(op->how, w->fd[op->fd][LIBC], 0, SEEK_CUR),
          side_lseek(RAW, w->fd[op->fd][RAW], 0, SEEK_CUR), "offset");
}

/* Into memory that cannot be written. */
void op_bad_read(struct world *w, const struct op *op)
{
    static const char constant[200] = "read-only";
    char *const bad[] = {NULL, (char *)16, (char *)constant, (char *)-200,
                         (char *)(UINTPTR_MAX / 4)};
    char *buf = bad[op->how % 5];
    size_t n = op->how & 128 ? op->n : op->n % 200;
    int64_t off = op_offset(w, op, op->fd);

    if (slot_is_direct(w, op->fd))
        return;
    if (op->how & 64)
        agree(w, side_pread(LIBC, w->fd[op->fd][LIBC], buf, n, off),
              side_pread(RAW, w->fd[op->fd][RAW], buf, n, off), "pread of %zu into %p", n, buf);
    else
        agree(w, side_read(LIBC, w->fd[op->fd][LIBC], buf, n),
              side_read(RAW, w->fd[op->fd][RAW], buf, n), "read of %zu into %p", n, buf);
}

/* A descriptor for writing only reads nothing, though a section is there of what it is on. */
void op_write_only(struct world *w, const struct op *op)
{
    unsigned file = op->file % FILES;
    int64_t off = op->at % 3000;
    size_t n = 1 + op->n % 64;
    char path[PATH], small[64];
    long got[SIDES];

    for (enum side s = LIBC; s < SIDES; s++) {
        world_path(w, file, s, path);
        int reader = (int)side_open(s, path, O_RDONLY, 0);
        for (int i = 0; i < 12; i++)
            side_pread(s, reader, small, n, off);
        int writer = (int)side_open(s, path, O_WRONLY, 0);
        got[s] = side_pread(s, writer, small, n, off);
        side_close(s, writer);
        side_close(s, reader);
    }
    agree(w, got[LIBC], got[RAW], "pread of a descriptor for writing only");
}
