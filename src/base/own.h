/*
 * Descriptors of our own: on a home, an image, a file of /proc, each open for moments, in a
 * process whose other threads open, close and replace descriptors meanwhile.
 *
 * The kernel gives the lowest free number, the very one that the program expects to be given
 * next, or names in dup2 because it has just closed it.  So ours move out of the way at once,
 * are written down, and none is opened while the program replaces a number: dup2 never finds
 * one that is being given to us (EBUSY), nor takes one from us, after which we would close,
 * or write to, what is the program's.
 *
 * What is left is that for a moment a number is in use that the program knows to be free.
 *
 * Thread-safe and async-signal-safe; errno is never touched.  Not for a library that holds
 * files open for its callers: the numbers are few.
 */
#ifndef OC_OWN_H
#define OC_OWN_H

#include <stdatomic.h>
#include <stdbool.h>

/* open(2), openat(2): the descriptor, or a negated errno; -EMFILE when too many are ours.
 * FLAGS should have O_CLOEXEC. */
int oc_own_open(const char *path, int flags, int mode);
int oc_own_openat(int dir, const char *path, int flags, int mode);
void oc_own_close(int fd);

/* Is the number one of ours right now?  Two loads when there is none. */
bool oc_own_is(int fd);

/* For the two above and below: is there any, or is one being opened?  Inline, for those who
 * have nothing to do with us. */
extern _Atomic unsigned oc_own_count __attribute__((visibility("hidden")));
extern _Atomic int oc_own_opening __attribute__((visibility("hidden")));
static inline bool oc_own_any(void)
{
    return atomic_load(&oc_own_opening) != 0 || atomic_load(&oc_own_count) != 0;
}

/* The lowest of ours that is >= FROM, or -1. */
int oc_own_next(unsigned from);

/* Wait until no other thread is between opening one and writing it down; not for ever. */
void oc_own_settle(void);

/* Instead of a number: of any. */
enum { OC_OWN_ANY = -1 };

/*
 * Around the program's dup2 onto FD, or with OC_OWN_ANY its close_range and fork: waits until no
 * other thread's operation has the number, nor is between opening one and writing it down. False:
 * one of this thread has it, which the caller, a signal handler, interrupted; the end must not be
 * called.
 */
bool oc_own_replace(int fd);
void oc_own_replaced(void);

/* In the child of fork: what operations of threads that are not here had open is closed. */
void oc_own_in_child(void);

#endif
