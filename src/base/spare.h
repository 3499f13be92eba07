/*
 * Work that needs a descriptor for a moment, in a process that has none left to give.
 *
 * A child that shares the memory, but has a copy of the descriptors, gives up one of its copies;
 * the caller stands still until it is done, as with vfork.  Nobody is told that it ends, and no
 * wait() of the program's sees it.
 */
#ifndef OC_SPARE_H
#define OC_SPARE_H

/*
 * WORK with a descriptor on PATH, a file of /proc/self, opened for reading: what it returns, or a
 * negated errno.  WORK may be done in such a child, so it makes system calls, and changes memory
 * that nobody else works with; it calls nothing that concerns descriptors of the process
 * (base/own.h).
 */
int oc_spare_with(const char *path, int (*work)(int fd, void *arg), void *arg);

#endif
