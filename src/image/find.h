/*
 * Where in memory does the program keep what it has read?
 */
#ifndef OC_FIND_H
#define OC_FIND_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Looks for [FROM, TO) of the file that FD is open on in the process's private anonymous
 * memory, newest first, at most BUDGET bytes of it.  True: a few samples lie in memory as
 * if byte 0 of the file were at *base.  Only for the one thread of a process.
 */
bool oc_find_kept(int fd, uint64_t from, uint64_t to, uint64_t budget, uintptr_t *base);

#endif
