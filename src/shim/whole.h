/*
 * FILEs whose buffer is the whole file, so that seeking in them needs no system call.
 *
 * stdio keeps its position relative to the kernel's offset: buffered bytes end where the
 * descriptor stands.  So each fseek beyond the buffer has to move the kernel's offset, and
 * reads a block there.  Where a file cannot change (the user vouches for it, or its file
 * system does) a stream can be brought into the state that it would have after
 * setvbuf with a buffer as large as the file, and one read that filled it: descriptor at the
 * end, position anywhere by a pointer alone.  The buffer is a mapping of the file that nobody
 * need ever touch: fseek moves the pointer, and fread copies from the pool (or reads one
 * block by pread), through wrappers of ours.  But whatever libc does with such a stream
 * by itself is right as well, since it is a state of its own.
 *
 * What else reads from the stream leaves the state first (oc_whole_leave): an I/O error is then
 * the stream's, not a SIGBUS, and no pages of the mapping count.  So does, for ever, who could
 * see where the descriptor stands: fork and exec (in the thread that uses the stream), any call by
 * the descriptor's number that has to do with the offset (oc_fd_streams_end).  Leaving puts the
 * stream where fseek would have: a block in its buffer, the descriptor behind it.
 *
 * A stream's state is only changed under its lock; the list of such streams under oc_lock.
 */
#ifndef OC_WHOLE_H
#define OC_WHOLE_H

#include "shim/real.h"

#include <stdatomic.h>

/* Of a FILE's _flags2: opened with "m", so it maps the file, and knows another end than its
 * offset. */
#define OC_IO_MMAP 1

/* How many streams are prepared for it. */
extern _Atomic unsigned oc_wholes __attribute__((visibility("hidden")));

/* fseeko64; true: done, and successful. */
bool oc_whole_seek(FILE *f, off64_t off, int whence);

/* fread of BYTES, all of them: true.  Else the stream has left the state, unread. */
bool oc_whole_read(void *buf, size_t bytes, FILE *f);

/* F becomes a stream like any other: until the next fseek, or for ever. */
void oc_whole_leave_now(FILE *f) __attribute__((cold));
void oc_whole_end_now(FILE *f) __attribute__((cold));

/* For oc_fd_streams_end: the stream on ONLY; NULL: those of this thread.  One that another thread
 * was the last to use is ended by that thread, at its next call. */
void oc_whole_end_all(const struct oc_desc *only);

/* All memory is going to be locked, or address space to be limited: no stream is mapped any more.
 */
void oc_whole_give_up(void) __attribute__((cold));

/* A thread is going to be started: the streams of this one may be meant for it. */
void oc_whole_leave_all_now(void) __attribute__((cold));
static inline void oc_whole_leave_all(void)
{
    if (__builtin_expect(atomic_load_explicit(&oc_wholes, memory_order_relaxed) != 0, 0))
        oc_whole_leave_all_now();
}

static inline void oc_whole_leave(FILE *f)
{
    if (__builtin_expect(atomic_load_explicit(&oc_wholes, memory_order_relaxed) != 0, 0))
        oc_whole_leave_now(f);
}

/* Before F's buffer or descriptor becomes another. */
static inline void oc_whole_end(FILE *f)
{
    if (__builtin_expect(atomic_load_explicit(&oc_wholes, memory_order_relaxed) != 0, 0))
        oc_whole_end_now(f);
}

#endif
