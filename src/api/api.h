/*
 * What the functions of the public library share.
 *
 * Inside, a function returns a negated errno; errno itself is set in one place, when
 * an exported function ends.  One mutex guards all changes to tables.  It is held for a
 * few system calls that don't wait (mmap, munmap), never while data is read, a lock is
 * waited for, or a disk.  fork takes it.  Views of what is mapped need it not (quick.c).
 */
#ifndef OC_API_H
#define OC_API_H

#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "onecopy.h"

#define OC_API __attribute__((visibility("default")))

struct oc_part;
struct oc_part_index;

enum { OC_PINS_AT_HAND = 8 };

struct onecopy_file {
    int fd;
    bool writable;
    uint64_t id;           /* never used twice in a process */
    _Atomic uint64_t size; /* a size the file is known to have had */
    uint64_t clip;         /* where the last part that ended with the file ended, or 0 */

    /* Parts by offset.  None lies within another, so they are in order of their
     * ends as well, and only the last that starts at or before an offset can cover it. */
    struct oc_part_index *_Atomic index;
    _Atomic size_t count;
    struct oc_part *pins; /* parts that onecopy_pin made: not in the index, */
    struct oc_part *_Atomic pinned[OC_PINS_AT_HAND]; /* but some of them here */

    struct onecopy_hold *holds; /* held, waiting and idle */
    struct onecopy_file *next, *prev;
};

/* What to do first: learn the environment, arrange for fork.  0 or a negated errno. */
int oc_api_begin(void);

void oc_api_lock(void);
void oc_api_unlock(void);

/* An opened descriptor as a file, which owns it even on failure.  *file or a negated errno. */
int oc_api_adopt(int fd, bool writable, struct onecopy_file **file);

/* A descriptor above the standard three in place of FD (or its error), which is closed:
 * what the host prints must not end up in a data file because it closed descriptor 2. */
int oc_api_above_stdio(int fd);

/* The file's size, learned anew. */
int oc_api_learn_size(struct onecopy_file *file);

/* Reserve space so that the descriptor's file has SIZE bytes or more.  A negated errno:
 * EOPNOTSUPP when the file system can't. */
int oc_api_reserve(int fd, uint64_t size);

/* The same by a hole at the end if need be; the caller has whom it must keep out. */
int oc_api_stretch(int fd, uint64_t size);

/* All files, for fork; and each file's locks in its child.  Under the mutex. */
extern struct onecopy_file *oc_api_files;
void oc_hold_in_child(struct onecopy_file *file);
/* The file is closed. */
void oc_hold_orphan(struct onecopy_file *file);

/* Locks of the library's own lie beyond those that onecopy_lock allows. */
#define OC_HOLD_LIMIT ((uint64_t)1 << 62)
int oc_hold_take(struct onecopy_file *file, uint64_t offset, uint64_t length, unsigned flags,
                 struct onecopy_hold **hold);
int oc_hold_give(struct onecopy_hold *hold);

/* The end of an exported function: set errno to the cause, or back to what it was. */
static inline int oc_api_done(int err, int saved)
{
    errno = err < 0 ? -err : saved;
    return err < 0 ? -1 : 0;
}

/* A libc function's result with the cause in it. */
static inline int oc_api_result(int ret)
{
    return ret < 0 ? -errno : ret;
}

#endif
