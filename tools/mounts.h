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

/* False: the mount is not known, and the type is as near as can be told. */
bool mount_of(const char *path, struct mount *mount);

#endif
