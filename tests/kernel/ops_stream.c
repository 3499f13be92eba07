/*
 * stdio: the same libc calls on both sides; the twin's stream is glibc's alone.
 * On files that nobody changes: how much a stream has read ahead is glibc's
 * own affair, and would show in what it sees of a change.
 */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t __fread_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);
size_t __fread_unlocked_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);

static void path_of(const struct world *w, const struct op *op, enum side s, char out[PATH])
{
    world_path(w, FILES + op->file % COMMON, s, out);
}

static FILE **stream(struct world *w, const struct op *op)
{
    return w->stream[op->fd % STREAMS];
}

static void stream_drop(struct world *w, const struct op *op)
{
    FILE **f = stream(w, op);

    if (f[LIBC] != NULL && f[RAW] != NULL)
        agree(w, fclose(f[LIBC]), fclose(f[RAW]), "fclose");
    f[LIBC] = f[RAW] = NULL;
}

static void stream_put(struct world *w, const struct op *op, FILE *libc, FILE *kernel,
                       const char *what)
{
    FILE **f = stream(w, op);

    agree(w, libc != NULL, kernel != NULL, "%s", what);
    f[LIBC] = libc;
    f[RAW] = kernel;
}

static bool stream_is_open(struct world *w, const struct op *op)
{
    return stream(w, op)[LIBC] != NULL && stream(w, op)[RAW] != NULL;
}

static void stream_agree(struct world *w, const struct op *op, const char *what)
{
    FILE **f = stream(w, op);

    agree(w, side_result(ftell(f[LIBC])), side_result(ftell(f[RAW])), "%s: ftell", what);
    agree(w, feof(f[LIBC]) != 0, feof(f[RAW]) != 0, "%s: feof", what);
    agree(w, ferror(f[LIBC]) != 0, ferror(f[RAW]) != 0, "%s: ferror", what);
}

void op_stream_open(struct world *w, const struct op *op)
{
    static const char *const modes[] = {"r", "rb", "re", "r"};
    const char *mode = modes[op->how % 4];
    char m[PATH], t[PATH];

    stream_drop(w, op);
    path_of(w, op, LIBC, m);
    path_of(w, op, RAW, t);
    stream_put(w, op, op->how & 16 ? fopen64(m, mode) : fopen(m, mode), fopen(t, mode), "fopen");
    if (stream_is_open(w, op) && op->how % 32 == 0)
        for (enum side s = LIBC; s < SIDES; s++)
            setvbuf(stream(w, op)[s], NULL, _IONBF, 0);
}

/* fdopen of a descriptor that has been read from. */
void op_stream_adopt(struct world *w, const struct op *op)
{
    char path[PATH], small[100];
    FILE *f[SIDES];

    stream_drop(w, op);
    for (enum side s = LIBC; s < SIDES; s++) {
        path_of(w, op, s, path);
        int fd = (int)side_open(s, path, O_RDONLY | O_CLOEXEC, 0);
        for (int i = 0; i < op->how % 16; i++)
            side_read(s, fd, small, sizeof small);
        f[s] = fdopen(fd, "r");
        if (f[s] == NULL)
            side_close(s, fd);
    }
    stream_put(w, op, f[LIBC], f[RAW], "fdopen");
    if (stream_is_open(w, op))
        stream_agree(w, op, "fdopen");
}

void op_stream_reopen(struct world *w, const struct op *op)
{
    char m[PATH], t[PATH];
    FILE **f = stream(w, op);

    if (!stream_is_open(w, op))
        return;
    path_of(w, op, LIBC, m);
    path_of(w, op, RAW, t);
    if (op->how % 4 == 0)
        stream_put(w, op, freopen(NULL, "r", f[LIBC]), freopen(NULL, "r", f[RAW]), "freopen");
    else
        stream_put(w, op, freopen(m, "r", f[LIBC]), freopen(t, "r", f[RAW]), "freopen");
}

void op_stream_close(struct world *w, const struct op *op)
{
    stream_drop(w, op);
}

static size_t libc_fread(unsigned how, char *buf, size_t size, size_t n, FILE *f)
{
    switch (how % 8) {
    case 0:
        return fread_unlocked(buf, size, n, f);
    case 1:
        return __fread_chk(buf, size * n, size, n, f);
    case 2:
        return __fread_unlocked_chk(buf, size * n, size, n, f);
    default:
        return fread(buf, size, n, f);
    }
}

void op_stream_read(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n, size = op->how % 5 == 0 ? 1 + op->how % 50 : 1;

    if (!stream_is_open(w, op) || !block_part(w, op, &b, &at, &n))
        return;
    for (size_t i = 0; b->kind == BLOCK_MAPPED && i < PAGES; i++)
        if (b->prot[i] != b->prot[0])
            return; /* fread into memory with holes is nobody's promise */
    if (b->kind == BLOCK_MAPPED && b->prot[0] != 3)
        return;
    size_t m = libc_fread(op->how >> 3, b->at[LIBC] + at, size, n / size, stream(w, op)[LIBC]);
    size_t t = fread(b->at[RAW] + at, size, n / size, stream(w, op)[RAW]);
    if (agree(w, (long)m, (long)t, "fread of %zu * %zu", size, n / size))
        block_agree(w, b, at, n, (long)(t * size));
    stream_agree(w, op, "fread");
}

void op_stream_seek(struct world *w, const struct op *op)
{
    static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    FILE **f = stream(w, op);
    long off = op->how % 3 == 0 ? (long)op->off : (long)(op->off % 9000) - 4500;
    int how = whence[op->how % 3];

    if (!stream_is_open(w, op))
        return;
    agree(w, side_result(fseek(f[LIBC], off, how)), side_result(fseek(f[RAW], off, how)),
          "fseek(%ld, %d)", off, how);
    stream_agree(w, op, "fseek");
}

void op_stream_chars(struct world *w, const struct op *op)
{
    FILE **f = stream(w, op);
    char line[SIDES][300];

    if (!stream_is_open(w, op))
        return;
    memset(line, 0, sizeof line);
    for (int i = 0; i < op->how % 5; i++)
        agree(w, getc(f[LIBC]), getc(f[RAW]), "getc");
    if (op->how & 8) /* the same again: another one leaves fflush in glibc's own ways */
        for (enum side s = LIBC; s < SIDES; s++)
            ungetc(getc(f[s]), f[s]);
    if (op->how & 16)
        agree(w, fgets(line[LIBC], 300, f[LIBC]) != NULL, fgets(line[RAW], 300, f[RAW]) != NULL,
              "fgets");
    if (memcmp(line[LIBC], line[RAW], sizeof line[0]) != 0)
        fail(w, "fgets: other bytes");
    if (op->how % 32 == 0)
        for (enum side s = LIBC; s < SIDES; s++)
            clearerr(f[s]);
    stream_agree(w, op, "getc, ungetc, fgets");
}

/* The stream's descriptor used by itself, as POSIX allows it: flushed before, seeked after. */
void op_stream_beside(struct world *w, const struct op *op)
{
    FILE **f = stream(w, op);
    char small[SIDES][500];
    long got[SIDES];

    if (!stream_is_open(w, op))
        return;
    memset(small, 0, sizeof small);
    for (enum side s = LIBC; s < SIDES; s++) {
        fflush(f[s]);
        got[s] = side_lseek(RAW, fileno(f[s]), 0, SEEK_CUR);
    }
    agree(w, got[LIBC], got[RAW], "the kernel's offset after fflush");
    for (enum side s = LIBC; s < SIDES; s++) {
        got[s] = op->how % 2 ? side_read(s, fileno(f[s]), small[s], op->n % 500)
                             : side_pread(s, fileno(f[s]), small[s], op->n % 500, op->off);
        if (op->how % 2)
            fseek(f[s], op->at, SEEK_SET);
    }
    if (agree(w, got[LIBC], got[RAW], "read beside a stream") &&
        memcmp(small[LIBC], small[RAW], sizeof small[0]) != 0)
        fail(w, "read beside a stream: other bytes");
    stream_agree(w, op, "read beside a stream");
}
