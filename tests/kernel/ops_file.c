/* Changing the files: through libc, or behind the library's back. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROWN_MAX 400000

/* Who changes the matched file: this process through libc, or one the library does not see. */
static enum side changer(const struct op *op, enum side s)
{
    return op->how & 1 ? s : RAW;
}

/* A descriptor of its own for one change. */
static int change_open(const struct world *w, const struct op *op, enum side s, int flags)
{
    char path[PATH];

    if (op->file >= FILES)
        return -1;
    world_path(w, op->file, s, path);
    return (int)side_open(changer(op, s), path, flags | O_CLOEXEC, 0644);
}

/* Within the file or a little beyond it, so that files stay small. */
static int64_t change_offset(const struct world *w, const struct op *op)
{
    char path[PATH];
    struct stat st = {0};
    int64_t most = GROWN_MAX * (int64_t)w->round->scale;

    world_path(w, op->file, RAW, path);
    if (op->from_end && stat(path, &st) == 0 && st.st_size + op->off >= 0 &&
        st.st_size + op->off < most)
        return st.st_size + op->off;
    return llabs(op->off % most);
}

static void words(char *bytes, size_t n, const struct op *op)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = op->how & 64 ? 0 : (char)(op->how + i * 7 + op->at);
}

void op_write(struct world *w, const struct op *op)
{
    char bytes[9000];
    size_t n = op->n % sizeof bytes;
    int64_t off = change_offset(w, op);
    long got[SIDES] = {0, 0};

    words(bytes, n, op);
    for (enum side s = LIBC; s < SIDES; s++) {
        int fd = change_open(w, op, s, op->how & 2 ? O_WRONLY | O_APPEND : O_RDWR);
        if (op->how & 4)
            got[s] = side_pwritev(changer(op, s), fd, &(struct iovec){bytes, n}, 1, off);
        else
            got[s] = side_pwrite(changer(op, s), fd, bytes, n, off);
        side_close(changer(op, s), fd);
    }
    agree(w, got[LIBC], got[RAW], "write of %zu bytes at %lld", n, (long long)off);
}

/* Through a descriptor in a slot, whatever it was opened for. */
void op_write_own(struct world *w, const struct op *op)
{
    char bytes[3000];
    size_t n = op->n % sizeof bytes;
    const int *fd = w->fd[op->fd];
    long at = side_lseek(RAW, fd[RAW], 0, SEEK_CUR);

    if (at > GROWN_MAX * (long)w->round->scale || slot_is_direct(w, op->fd))
        return;
    words(bytes, n, op);
    if (op->how & 2) {
        int64_t off = llabs(op->off % GROWN_MAX);
        agree(w, side_pwrite(LIBC, fd[LIBC], bytes, n, off),
              side_pwrite(RAW, fd[RAW], bytes, n, off), "pwrite of %zu bytes", n);
    } else {
        agree(w, side_write(LIBC, fd[LIBC], bytes, n), side_write(RAW, fd[RAW], bytes, n),
              "write of %zu bytes", n);
    }
}

void op_truncate(struct world *w, const struct op *op)
{
    int64_t to = op->how & 8 ? change_offset(w, op) / 4096 * 4096 : change_offset(w, op);
    long got[SIDES] = {0, 0};

    for (enum side s = LIBC; s < SIDES; s++) {
        int fd = op->how & 2 ? -1 : change_open(w, op, s, O_RDWR);
        if (op->how & 2)
            got[s] = side_ftruncate(s, w->fd[op->fd][s], to);
        else
            got[s] = side_ftruncate(changer(op, s), fd, to);
        side_close(changer(op, s), fd);
    }
    agree(w, got[LIBC], got[RAW], "ftruncate to %lld", (long long)to);
}

/* A new file renamed over the old. */
void op_replace(struct world *w, const struct op *op)
{
    char path[PATH], next[PATH + 8];
    size_t size = op->n % 100000;
    char *bytes = malloc(size + 1);
    long got[SIDES] = {0, 0};

    words(bytes, size, op);
    for (enum side s = LIBC; s < SIDES && op->file < FILES; s++) {
        world_path(w, op->file, s, path);
        snprintf(next, sizeof next, "%s.next", path);
        int fd = (int)side_open(RAW, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        side_write(RAW, fd, bytes, size);
        side_close(RAW, fd);
        got[s] = side_rename(changer(op, s), next, path);
    }
    agree(w, got[LIBC], got[RAW], "rename over");
    free(bytes);
}

/* Through a shared mapping. */
void op_store(struct world *w, const struct op *op)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = op->n % page;
    off_t off = (off_t)((uint64_t)change_offset(w, op) / page * page);
    char bytes[65536];
    struct stat st;

    words(bytes, n, op);
    for (enum side s = LIBC; s < SIDES; s++) {
        int fd = change_open(w, op, s, O_RDWR);
        if (fd >= 0 && fstat(fd, &st) == 0 && off + (off_t)page <= st.st_size) {
            char *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off);
            if (map != MAP_FAILED) {
                memcpy(map, bytes, n);
                munmap(map, page);
            }
        }
        side_close(changer(op, s), fd);
    }
}

/* Only holes: in preallocated space SEEK_HOLE's answer depends on which pages happen to be
 * in the page cache. */
void op_punch(struct world *w, const struct op *op)
{
    int64_t off = change_offset(w, op);
    long got[SIDES] = {0, 0};

    for (enum side s = LIBC; s < SIDES; s++) {
        int fd = change_open(w, op, s, O_RDWR);
        got[s] = side_fallocate(changer(op, s), fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
                                1 + op->n % 20000);
        side_close(changer(op, s), fd);
    }
    agree(w, got[LIBC], got[RAW], "a hole punched at %lld", (long long)off);
}
