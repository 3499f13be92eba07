/* Which file system a path lies on, as /proc/self/mountinfo names it. */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <limits.h>
#include <stdbool.h>

struct mount {
    char type[64];        /* "ext4" */
    char point[PATH_MAX]; /* where it is mounted */
    bool noexec;
};

/* False: nothing is known, and type is "?". */
bool mount_of(const char *path, struct mount *mount);

#endif
