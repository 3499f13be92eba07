#include "base/fskind.h"

#include <linux/magic.h>
#include <stddef.h>

#include "base/statfs.h"

#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif
#ifndef EROFS_SUPER_MAGIC_V1
#define EROFS_SUPER_MAGIC_V1 0xE0F5E1E2
#endif
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif
#ifndef CEPH_SUPER_MAGIC
#define CEPH_SUPER_MAGIC 0x00C36400
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define LUSTRE_MAGIC 0x0BD00BD0
#define GPFS_MAGIC   0x47504653

/*
 * Where mappings and read() go through one page cache.  Not overlayfs: after a
 * copy-up a mapping shows the lower file, pread on the same descriptor the upper one.
 */
static const struct {
    unsigned magic;
    enum oc_fs_kind kind;
} known[] = {
    {EXT4_SUPER_MAGIC, OC_FS_DISK},
    {XFS_SUPER_MAGIC, OC_FS_DISK},
    {BTRFS_SUPER_MAGIC, OC_FS_DISK},
    {F2FS_SUPER_MAGIC, OC_FS_DISK},
    {TMPFS_MAGIC, OC_FS_TMPFS},
    {SQUASHFS_MAGIC, OC_FS_READ_ONLY},
    {EROFS_SUPER_MAGIC_V1, OC_FS_READ_ONLY},
    {ISOFS_SUPER_MAGIC, OC_FS_READ_ONLY},
};

static const unsigned served[] = {FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                  SMB2_SUPER_MAGIC, V9FS_MAGIC,      CEPH_SUPER_MAGIC,
                                  AFS_SUPER_MAGIC,  AFS_FS_MAGIC,    CODA_SUPER_MAGIC,
                                  LUSTRE_MAGIC,     GPFS_MAGIC};

bool oc_fs_is_served(int fd)
{
    struct statfs64 fs;
    size_t i = 0;

    if (oc_sys_fstatfs(fd, &fs) != 0)
        return false;
    while (i < sizeof served / sizeof *served && (unsigned)fs.f_type != served[i])
        i++;
    return i < sizeof served / sizeof *served;
}

enum oc_fs_kind oc_fs_kind(int fd)
{
    struct statfs64 fs;
    if (oc_sys_fstatfs(fd, &fs) != 0)
        return OC_FS_OTHER;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((unsigned)fs.f_type == known[i].magic)
            return known[i].kind;
    return OC_FS_OTHER;
}
