/*
 * fstatfs as a raw call, with 64-bit numbers everywhere.
 */
#ifndef OC_STATFS_H
#define OC_STATFS_H

#include <sys/vfs.h>

#include "base/sys.h"

/* 0 or a negated errno. */
static inline int oc_sys_fstatfs(int fd, struct statfs64 *fs)
{
#ifdef SYS_fstatfs64
    return (int)OC_SYS_3(SYS_fstatfs64, fd, sizeof(*fs), fs);
#else
    return (int)OC_SYS_2(SYS_fstatfs, fd, fs);
#endif
}

#endif
