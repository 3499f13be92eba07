/*
 * free and realloc of blocks that hold lent pages.
 *
 * glibc keeps some blocks in its heap after free, and unmaps others by an
 * internal call that nobody sees: so before a block goes, its lent pages become
 * fresh anonymous memory.  realloc would copy a lent block page by page into
 * private memory: its pages are moved instead.  For every other block the cost
 * is one range test.  A program with a malloc of its own in the executable never
 * comes here; one from another library is found behind us, and works the same.
 */
#include "shim/real.h"

#include "base/sys.h"
#include "image/lend.h"

/* How much of the block may hold lent pages; 0: none. */
static size_t lent_size(void *p)
{
    size_t size = OC_REAL(malloc_usable_size)(p);
    return oc_lent_maybe(p, size) ? size : 0;
}

/* Called before our constructor, dlsym may free: the table is not there yet.  What is
 * freed then (an error text of dlsym's) is not worth a second mechanism. */
static __attribute__((noinline, cold)) void free_early(void *p)
{
    static __thread bool resolving;
    if (resolving)
        return;
    resolving = true;
    oc_real_resolve();
    resolving = false;
    oc_real.free(p);
}

static __attribute__((noinline, cold)) void free_maybe_lent(void *p)
{
    size_t size = lent_size(p);
    if (size) {
        int saved = errno;
        oc_lent_discard(p, size);
        errno = saved;
    }
    oc_real.free(p);
}

/* Every call on the way of other blocks is a last one, so it costs some instructions. */
OC_EXPORT void free(void *p)
{
    if (__builtin_expect(oc_lent_block_maybe(p), 0))
        free_maybe_lent(p);
    else if (__builtin_expect(oc_real.free != NULL, 1))
        oc_real.free(p);
    else
        free_early(p);
}

/* A new block; the lent pages move with mremap where both have the same shift. */
static void *moved(void *p, size_t size, size_t n)
{
    int saved = errno;
    void *to = OC_REAL(malloc)(n);
    if (!to) {
        /* There is no room for both, but the block itself may grow. */
        errno = saved;
        oc_lent_refill(p, size);
        return OC_REAL(realloc)(p, n);
    }
    size_t len = size < n ? size : n;
    if (!oc_lent_move(p, to, len))
        memcpy(to, p, len);
    free(p);
    return to;
}

static __attribute__((noinline, cold)) void *realloc_maybe_lent(void *p, size_t n)
{
    size_t size = lent_size(p);
    if (size == 0)
        return OC_REAL(realloc)(p, n);
    if (n > size)
        return moved(p, size, n);
    /* Shrinking in place is libc's affair, but nobody tells us what becomes of the rest. */
    int saved = errno;
    oc_lent_discard((char *)p + n, size - n);
    /* The page of the new end will not be the block's alone, and so outlive its free. */
    oc_lent_materialise((char *)p + n, 1);
    errno = saved;
    return OC_REAL(realloc)(p, n);
}

OC_EXPORT void *realloc(void *p, size_t n)
{
    if (__builtin_expect(p && oc_lent_block_maybe(p), 0))
        return realloc_maybe_lent(p, n);
    return OC_REAL(realloc)(p, n);
}
