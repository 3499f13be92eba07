/*
 * Lending: an image's pages mapped copy-on-write over the caller's buffer.
 */
#ifndef OC_LEND_H
#define OC_LEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "file/file.h"

struct oc_lend_request {
    struct oc_file *file;
    int fd; /* the program's, used for pread only */
    void *buf;
    size_t len;   /* bytes asked for */
    uint64_t off; /* where in the file */
};

/*
 * Serve a big pread by lending.  Returns the bytes read (as pread would: short at the
 * end of file), or -1 when nothing was done and the kernel has to serve it; *why then
 * says it in a word ("small", "foreign memory", "no room", ...).  The buffer is changed
 * in order, and never beyond what is returned.  errno untouched.  Async-signal-safe.
 */
ssize_t oc_lend_read(const struct oc_lend_request *request, const char **why);

/* Nothing is lent any more: what was kept for the next lend may go, too.  Under oc_lock. */
void oc_lend_rest(void);

/* ---- what is lent now ---- */

/* Bounds of all lent memory: a block outside concerns nobody.  lo > hi: nothing lent. */
extern _Atomic uintptr_t oc_lent_lo, oc_lent_hi __attribute__((visibility("hidden")));

static inline bool oc_lent_maybe(const void *addr, size_t len)
{
    uintptr_t a = (uintptr_t)addr;
    return a < atomic_load_explicit(&oc_lent_hi, memory_order_relaxed) &&
           a + len > atomic_load_explicit(&oc_lent_lo, memory_order_relaxed);
}

/*
 * The same for a heap block whose length is not known yet: may some block that starts
 * at P hold lent pages?  oc_lent_block_lo is where the lowest anonymous mapping began
 * that a lent range was taken from.
 */
extern _Atomic uintptr_t oc_lent_block_lo __attribute__((visibility("hidden")));

static inline bool oc_lent_block_maybe(const void *p)
{
    uintptr_t a = (uintptr_t)p;
    return a < atomic_load_explicit(&oc_lent_hi, memory_order_relaxed) &&
           a >= atomic_load_explicit(&oc_lent_block_lo, memory_order_relaxed);
}

/* All take the lock themselves, do nothing where nothing is lent, and keep errno. */

/* The program unmapped or replaced the range: drop the records. */
void oc_lent_forget(void *addr, size_t len);
/* The contents are no longer wanted (free): fresh anonymous memory in its place. 0 or a negated
 * errno (-EMFILE, -ENOMEM): then it may show the file yet. */
int oc_lent_discard(void *addr, size_t len);
/* Private anonymous memory with the same contents in its place (before mlock, madvise,
 * mprotect(PROT_EXEC), ...), protections kept. 0 or a negated errno (-ENOMEM). */
int oc_lent_materialise(void *addr, size_t len);
/* The same for a block that nobody else looks at, with little memory to spare: 0 or a negated
 * errno. */
int oc_lent_refill(void *addr, size_t len);
/* [from, from+len) was lent and is to become part of a new block at TO (same shift):
 * whole pages are moved with mremap, the rest copied; FROM is anonymous afterwards.
 * False: nothing done, copy plainly. */
bool oc_lent_move(void *from, void *to, size_t len);

/* Before the process ends: has it rewritten what it was lent (written.h)? */
void oc_lent_look_at_all(void);

/* Bytes lent now; and was anything ever, in this process or before it was forked? */
uint64_t oc_lent_bytes(void);
bool oc_lent_ever(void);

#endif
