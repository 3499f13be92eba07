/*
 * From descriptor number to description.
 *
 * A flat table of atomic pointers; reserved address space, made accessible as numbers grow.
 * Looking up is a bounds test and a load.  An entry is made only for a matched
 * file, and dropped before the real close or whenever the number is seen to be
 * opened anew.  Changes are made under oc_lock; async-signal-safe; none of them by the child
 * of vfork, whose numbers are not those of the table.
 */
#ifndef OC_FDTABLE_H
#define OC_FDTABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "file/description.h"

typedef struct oc_desc *_Atomic oc_fd_entry;

/* size 0 until the first file is matched, so strangers pay one comparison; it only grows, until
 * the table is shut. */
struct oc_fd_table {
    oc_fd_entry *entry;
    _Atomic unsigned size;
};
extern struct oc_fd_table oc_fds __attribute__((visibility("hidden")));

/* Is there an entry for the number? */
static inline bool oc_fd_has_entry(int fd)
{
    return (unsigned)fd < atomic_load_explicit(&oc_fds.size, memory_order_acquire);
}

static inline const oc_fd_entry *oc_fd_entry_of(int fd)
{
    return &oc_fds.entry[(unsigned)fd];
}

static inline struct oc_desc *oc_fd_get(int fd)
{
    if (!oc_fd_has_entry(fd))
        return NULL;
    return atomic_load_explicit(oc_fd_entry_of(fd), memory_order_acquire);
}

/* Is D still what FD stands for? */
static inline bool oc_fd_is(int fd, const struct oc_desc *d)
{
    return atomic_load_explicit(&oc_fds.entry[fd], memory_order_acquire) == d;
}

/*
 * A new description: FD has just been opened by this process with FLAGS (open(2)'s)
 * under NAME (as given to open; NULL: take it from /proc).  Matched against the
 * rules; no entry when nothing matches.  STDIO: under a FILE, which moves the kernel's
 * offset where nobody sees it.  Any entry the number had is dropped first.
 * SINCE: oc_starting_moment() before the open; a process that was started in between may
 * have the descriptor, too.
 */
void oc_fd_opened(int fd, const char *name, int flags, bool stdio, uint64_t since);

/* FD is about to lose O_CLOEXEC, or to be duplicated without it: a program that is being started
 * may have its description, too.  Whoever starts one later exposes what it finds. */
void oc_fd_uncloexec(int fd);

/* TO is now another descriptor of FROM's description (dup and kin). */
void oc_fd_duped(int from, int to);

/* The number was seen opened anew as something else. */
void oc_fd_forget(int fd);

/* The number is about to be closed, or replaced.  The offset goes back to the kernel, as
 * another thread may read by the number until it is, and other numbers may go on. */
void oc_fd_closing(int fd);
void oc_fd_closing_range(unsigned first, unsigned last);

/* O_DIRECT is about to be set on FD: from now on the kernel serves its description, under
 * whatever number this process has it. */
void oc_fd_abandon(int fd);

/*
 * Hand the offset back to the kernel, for ever.  After it the kernel's offset is
 * what read() would go on from.  oc_fd_release: stdio or the kernel will use it,
 * but it stays private to this process.  oc_fd_expose: others may have it from now on.
 */
void oc_fd_release(int fd);
void oc_fd_expose(int fd);
void oc_fd_expose_all(void);
/* The same for who holds oc_lock already. */
void oc_fd_expose_all_locked(void);

/*
 * The offset of a description under a FILE is the kernel's, but the shim may have put it elsewhere
 * than stdio would (shim/whole.h).  Called before anything above looks at the offset of such a
 * description, or at all (NULL); not under oc_lock.
 */
extern void (*oc_fd_streams_end)(const struct oc_desc *only);
static inline void oc_fd_stream_ends(const struct oc_desc *d)
{
    if (__builtin_expect(atomic_load_explicit(&d->stream, memory_order_relaxed) != NULL, 0))
        oc_fd_streams_end(d);
}

/* Look nothing up any more (at exit, or when the process has several descriptor tables):
 * all offsets are handed back first. */
void oc_fd_shut(void);

#endif
