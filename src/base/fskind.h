/*
 * What a file system promises about mappings and times.
 */
#ifndef OC_FSKIND_H
#define OC_FSKIND_H

#include <stdbool.h>

enum oc_fs_kind {
    OC_FS_OTHER,     /* nothing: overlay, network, FUSE, unknown */
    OC_FS_TMPFS,     /* mappings agree with read(), but stores through them move no time */
    OC_FS_DISK,      /* ext4, xfs, btrfs, f2fs: a store through a mapping to a clean page moves
                        ctime before it is done */
    OC_FS_READ_ONLY, /* squashfs, erofs, iso9660: nothing ever changes */
};

/* Of an open file.  Async-signal-safe. */
enum oc_fs_kind oc_fs_kind(int fd);

/*
 * The same, and: does a load through a mapping fault wherever it is beyond the page that holds the
 * file's last byte?  Truncation takes whole pages beyond the new end from all mappings before it
 * returns, and none comes back while the file is that short.  But before Linux 6.18 a large page
 * that holds the end could stay mapped, or be mapped anew, in full; so there it is believed
 * only where file systems had no large pages yet.  tmpfs maps large pages beyond the end on
 * purpose.
 */
enum oc_fs_kind oc_fs_look(int fd, bool *faults_beyond);

/* "6.18.44-arch" is 6018; a candidate ("6.18.0-rc5") counts as the release before it, and what
 * may have large pages though it is old as the last one that is not believed. */
unsigned oc_fs_release(const char *release);

/* Whether somebody else keeps its bytes, in another process or on another machine: what
 * is mapped from there may change, or be gone (SIGBUS), at any time. */
bool oc_fs_is_served(int fd);

#endif
