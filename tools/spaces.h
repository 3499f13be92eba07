/*
 * Address spaces, each to be counted once: until it executes another program, the child of a
 * vfork() has the memory of its parent, and /proc shows all of it for both.
 */
#ifndef SPACES_H
#define SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spaces {
    pid_t *list; /* a process for each, in the kernel's order of their address spaces */
    size_t count;
};

/* Make room for ROOM processes; spaces_free gives it back. */
void spaces_begin(struct spaces *spaces, size_t room);
void spaces_free(struct spaces *spaces);

/*
 * Is PID the first of those asked for that has its address space?  Also true where the kernel
 * doesn't say (kcmp is configured out, or the process belongs to another user).
 */
bool spaces_first(struct spaces *spaces, pid_t pid);

#endif
