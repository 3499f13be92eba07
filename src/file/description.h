/*
 * One open file description on a matched file.
 *
 * The offset is the kernel's, but for a description that this process opened
 * itself, read-only, and that nobody else can have: there it lives in `word`,
 * and read() and lseek() need no system call.  Before anyone else can look
 * (fork, exec, a passed descriptor, stdio, sendfile, ...) it is handed back
 * with lseek, for ever.
 *
 * word is  tag << 48 | offset : the tag changes whenever the record is given to
 * another description, so that a compare-and-swap of a reader that lost a race
 * with close() fails.  An offset of OC_OFFSET_KERNEL means the kernel has it.
 *
 * Records are never unmapped; free ones are reused last-in, last-out.
 */
#ifndef OC_DESCRIPTION_H
#define OC_DESCRIPTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"

#define OC_OFFSET_BITS   48
#define OC_OFFSET_MASK   ((UINT64_C(1) << OC_OFFSET_BITS) - 1)
#define OC_OFFSET_KERNEL OC_OFFSET_MASK
/* Offsets from here on are left to the kernel. */
#define OC_OFFSET_LIMIT (OC_OFFSET_MASK - (UINT64_C(1) << 32))

struct oc_desc {
    _Atomic uint64_t word;
    _Atomic oc_section_key key;   /* of the file's first section, or OC_FILE_ID_NONE's */
    struct oc_file *_Atomic file; /* NULL: the record is free */
    _Atomic bool shared;          /* somebody else may have it: the offset may move at any time */
    _Atomic(void *) stream;       /* the shim's: of a FILE whose offset it keeps (shim/whole.h) */
    _Atomic uint8_t seeks;        /* the shim's, under that FILE's lock */
    unsigned refs;                /* descriptors of this process; under oc_lock */
    struct oc_desc *next_free;
};

/* Beyond this a seek may pass the file system's own limit, and fail with EINVAL. */
#define OC_SEEK_LIMIT ((uint64_t)1 << 40)

/* A description with one reference, offset OFFSET (or OC_OFFSET_KERNEL).  NULL: no memory.
 * The three below under oc_lock. */
struct oc_desc *oc_desc_new(struct oc_file *file, uint64_t offset);
/* One reference less; FD is still open.  The last one drops the sections mapped through
 * it, gives the file back and the record to the next. */
void oc_desc_put(struct oc_desc *d);
/* Give the offset to the kernel, through any descriptor of it.  False: FD is none any more,
 * and nothing was done. */
bool oc_desc_release(struct oc_desc *d, int fd);

/* glibc's: no second thread was ever started (false again when all have ended).  Absent
 * before 2.32. */
extern char __libc_single_threaded __attribute__((weak));

/*
 * The word from FROM to TO, where it still is FROM.  With one thread only a signal handler
 * can come in between, and none does within one instruction: without the lock it takes a
 * third of the time, and keeps no later load waiting.
 */
static inline __attribute__((always_inline)) bool oc_desc_swap(struct oc_desc *d, uint64_t from,
                                                               uint64_t to)
{
#if defined(__x86_64__)
    if (&__libc_single_threaded && __libc_single_threaded) {
        bool swapped;
        __asm__ volatile("cmpxchgq %3, %1"
                         : "=@cce"(swapped), "+m"(d->word), "+a"(from)
                         : "r"(to)
                         : "memory");
        return swapped;
    }
#endif
    return atomic_compare_exchange_strong(&d->word, &from, to);
}

static inline oc_section_key oc_desc_key(const struct oc_desc *d)
{
    return atomic_load_explicit(&d->key, memory_order_relaxed);
}

static inline bool oc_word_ours(uint64_t word)
{
    return (word & OC_OFFSET_MASK) != OC_OFFSET_KERNEL;
}

static inline uint64_t oc_word_offset(uint64_t word)
{
    return word & OC_OFFSET_MASK;
}

#endif
