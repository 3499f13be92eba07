/* Blocks of memory: made, changed and given back, lent or not. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_pages(size_t n)
{
    size_t page = page_size(), pages = n / page + 1;

    return (pages > PAGES ? PAGES : pages) * page;
}

static void set_prot(struct block *b, size_t from, size_t to, int prot)
{
    for (size_t i = from / page_size(); i < to / page_size() && i < PAGES; i++)
        b->prot[i] = (uint8_t)prot;
}

/* Somewhere else every time: other bytes of a file in the same place look like a stream.
 * Where all sanitizers leave room for it. */
static void *hint(struct world *w, size_t len)
{
    uintptr_t base = UINTPTR_MAX >> 32 ? (uintptr_t)0x7e900000 << 16 : 0;

    w->mapped += 2 * len;
    if (base == 0)
        return NULL;
    return (void *)(base + ((uintptr_t)w->index << 36) + w->mapped % ((uintptr_t)1 << 35));
}

void op_map(struct world *w, const struct op *op)
{
    struct block *b = &w->block[op->block];

    block_release(w, b);
    b->len = whole_pages(op->n + op->at);
    for (enum side s = LIBC; s < SIDES; s++) {
        b->at[s] = side_mmap(s, hint(w, b->len), b->len, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if ((intptr_t)b->at[s] < 0 && (intptr_t)b->at[s] > -4096)
            fail(w, "mmap");
    }
    b->kind = BLOCK_MAPPED;
    b->known = b->plain = true;
    memset(b->prot, PROT_READ | PROT_WRITE, sizeof b->prot);
}

static char *allocate(unsigned how, size_t n)
{
    switch (how % 4) {
    case 0:
        return calloc(1, n);
    case 1:
        return memalign(64, n);
    default:
        return malloc(n);
    }
}

void op_allocate(struct world *w, const struct op *op)
{
    struct block *b = &w->block[op->block];

    block_release(w, b);
    b->len = op->n + op->at + 1;
    for (enum side s = LIBC; s < SIDES; s++)
        b->at[s] = allocate(op->how, b->len);
    b->kind = BLOCK_HEAP;
    b->known = op->how % 4 == 0;
    if (op->how & 32) {
        for (enum side s = LIBC; s < SIDES; s++)
            memset(b->at[s], op->how, b->len);
        b->known = true;
    }
    block_agree_all(w, b);
}

void op_release(struct world *w, const struct op *op)
{
    block_release(w, &w->block[op->block]);
    if (op->how % 16 == 0)
        malloc_trim(0);
}

void op_reallocate(struct world *w, const struct op *op)
{
    struct block *b = &w->block[op->block];
    size_t len = (size_t)op->n + 1;

    if (b->kind != BLOCK_HEAP || (SANITIZED && len < b->len))
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        b->at[s] = op->how % 8 == 0 && !SANITIZED ? reallocarray(b->at[s], 1, len)
                                                  : realloc(b->at[s], len);
    for (enum side s = LIBC; s < SIDES && len > b->len; s++)
        memset(b->at[s] + b->len, 0x33, len - b->len);
    b->len = len;
    block_agree_all(w, b);
}

/* Some bytes, or all, written by the program. */
void op_set(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n;

    if (!block_part(w, op, &b, &at, &n))
        return;
    if (b->kind == BLOCK_MAPPED)
        for (size_t i = at / page_size(); i <= (at + n) / page_size() && i < PAGES; i++)
            if (!(b->prot[i] & PROT_WRITE))
                return;
    if (op->how % 4 == 0 && b->kind == BLOCK_HEAP) {
        at = 0;
        n = b->len;
        b->known = true;
    }
    for (enum side s = LIBC; s < SIDES; s++)
        memset(b->at[s] + at, op->how, n);
    block_agree_all(w, b);
}

/* Whole pages of a mapped block, which the caller is going to treat apart. */
static bool pages_part(struct world *w, const struct op *op, struct block **b, size_t *at,
                       size_t *n)
{
    if (!block_part(w, op, b, at, n) || (*b)->kind != BLOCK_MAPPED)
        return false;
    *at = *at / page_size() * page_size();
    *n = whole_pages(*n);
    if (*n > (*b)->len - *at)
        *n = (*b)->len - *at;
    (*b)->plain = false;
    return *n > 0;
}

void op_map_over(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n;

    if (!pages_part(w, op, &b, &at, &n))
        return;
    if (op->how % 2) { /* all of it */
        at = 0;
        n = b->len;
    }
    for (enum side s = LIBC; s < SIDES; s++) {
        char *got = side_mmap(s, b->at[s] + at, n, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (got != b->at[s] + at)
            fail(w, "mmap over a block");
    }
    set_prot(b, at, at + n, PROT_READ | PROT_WRITE);
    block_agree_all(w, b);
}

/* Images that this process uses: of each, one page that nobody may touch is mapped. */
static int images_used(void)
{
    const char *home = getenv("ONECOPY_DIR");
    char line[512];
    int n = 0;
    FILE *f = fopen("/proc/self/maps", "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        n += home != NULL && strstr(line, home) != NULL && strstr(line, " ---s ") != NULL;
    if (f != NULL)
        fclose(f);
    return n;
}

/* What nothing is left of is not used any more, however it went. */
void op_map_over_lent(struct world *w, const struct op *op)
{
    size_t page = page_size(), len = 12 * page;
    char path[PATH];
    int before = images_used();

    world_path(w, op->file, LIBC, path);
    int fd = (int)side_open(LIBC, path, O_RDONLY, 0);
    char *at = side_mmap(LIBC, hint(w, len), len, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    side_pread(LIBC, fd, at + 1 + op->at % (page - 1), 8 * page, op->n % 100);
    char *got = side_mmap(LIBC, at, len, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (got != at || images_used() > before)
        fail(w, "an image is used on after it was mapped over");
    side_munmap(RAW, at, len);
    side_close(LIBC, fd);
}

/* Taken away, and unreadable memory put there before anybody else can have the place. */
void op_unmap_part(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n;

    if (!pages_part(w, op, &b, &at, &n) || w->round->mode == THREADS)
        return;
    for (enum side s = LIBC; s < SIDES; s++) {
        agree(w, side_munmap(s, b->at[s] + at, n), 0, "munmap of a part");
        side_mmap(RAW, b->at[s] + at, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    set_prot(b, at, at + n, PROT_NONE);
    block_agree_all(w, b);
}

/* mremap refuses what is several mappings, and what merges is nobody's promise: only
 * blocks that nothing has split. */
void op_remap(struct world *w, const struct op *op)
{
    struct block *b = &w->block[op->block];
    size_t len = whole_pages(op->n);
    char *got[SIDES];

    if (b->kind != BLOCK_MAPPED || !b->plain)
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        got[s] = side_mremap(s, b->at[s], b->len, len, MREMAP_MAYMOVE);
    for (enum side s = LIBC; s < SIDES; s++)
        if ((uintptr_t)got[s] > -4096UL) {
            fail(w, "mremap: %ld", (long)got[s]);
            return;
        }
    b->at[LIBC] = got[LIBC];
    b->at[RAW] = got[RAW];
    b->len = len;
    memset(b->prot, PROT_READ | PROT_WRITE, sizeof b->prot);
    block_agree_all(w, b);
}

void op_protect(struct world *w, const struct op *op)
{
    static const int prots[] = {PROT_READ | PROT_WRITE,
                                PROT_READ,
                                PROT_NONE,
                                PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_WRITE | PROT_EXEC,
                                PROT_READ | PROT_WRITE};
    int prot = prots[op->how % 6];
    struct block *b;
    size_t at, n;

    if (!pages_part(w, op, &b, &at, &n))
        return;
    agree(w, side_mprotect(LIBC, b->at[LIBC] + at, n, prot),
          side_mprotect(RAW, b->at[RAW] + at, n, prot), "mprotect(%d)", prot);
    set_prot(b, at, at + n, prot & (PROT_READ | PROT_WRITE));
    block_agree_all(w, b);
}

void op_advise(struct world *w, const struct op *op)
{
    static const int advice[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
                                 MADV_WILLNEED, MADV_COLD,     MADV_NORMAL,   MADV_FREE};
    int what = advice[op->how % 8];
    struct block *b;
    size_t at, n;

    if (!pages_part(w, op, &b, &at, &n))
        return;
    agree(w, side_madvise(LIBC, b->at[LIBC] + at, n, what),
          side_madvise(RAW, b->at[RAW] + at, n, what), "madvise(%d)", what);
    for (size_t i = at / page_size(); what == MADV_FREE && i < (at + n) / page_size(); i++)
        if (!(b->prot[i] & PROT_WRITE))
            what = -1; /* cannot be written anew below: another block */
    for (enum side s = LIBC; s < SIDES && what == MADV_FREE; s++)
        memset(b->at[s] + at, 0x44, n);
    if (what == -1) {
        b->known = false;
        op_map(w, op);
    }
    block_agree_all(w, b);
}

void op_lock_memory(struct world *w, const struct op *op)
{
    struct block *b;
    size_t at, n;

    if (SANITIZED || !pages_part(w, op, &b, &at, &n))
        return;
    agree(w, side_mlock(LIBC, b->at[LIBC] + at, n), side_mlock(RAW, b->at[RAW] + at, n), "mlock");
    block_agree_all(w, b);
    agree(w, side_munlock(LIBC, b->at[LIBC] + at, n), side_munlock(RAW, b->at[RAW] + at, n),
          "munlock");
    block_agree_all(w, b);
}
