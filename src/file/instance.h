/*
 * Which mounting of a file system is it?  Unmount it, change a file on its device
 * (or put a copy of the device in its place), mount it again: device, UUID, inode,
 * size and times are all as they were, and only this differs.
 */
#ifndef OC_INSTANCE_H
#define OC_INSTANCE_H

#include <stdint.h>
#include <sys/stat.h>

/*
 * A number that the file system under FD keeps as long as it stays mounted, and that
 * no later one is given: of its kernel object in sysfs, which is the same for everyone
 * on the machine, else of the mount, which other mount namespaces do not share.
 * 0: neither is known.  ST and UUID are the file's.  Async-signal-safe.
 */
uint64_t oc_fs_instance(int fd, const struct stat *st, const uint8_t uuid[16]);

#endif
