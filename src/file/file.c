#include "file/file.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/arena.h"
#include "base/sys.h"

#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif
#ifndef EROFS_SUPER_MAGIC_V1
#define EROFS_SUPER_MAGIC_V1 0xE0F5E1E2
#endif
#define XFS_MAGIC 0x58465342

/* Section keys have room for this many files in the life of a process. */
#define OC_FILE_ID_MAX ((1u << 28) - 1)

static struct oc_file *in_use, *unused;
static oc_file_id last_id;

/*
 * File systems whose mappings agree with read(): both go through one page
 * cache.  Not overlayfs (after a copy-up a mapping shows the lower file, pread
 * on the same descriptor the upper one), not network and FUSE file systems.
 */
static bool coherent(long type)
{
    static const unsigned known[] = {EXT4_SUPER_MAGIC,     XFS_MAGIC,        BTRFS_SUPER_MAGIC,
                                     F2FS_SUPER_MAGIC,     TMPFS_MAGIC,      SQUASHFS_MAGIC,
                                     EROFS_SUPER_MAGIC_V1, ISOFS_SUPER_MAGIC};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((unsigned)type == known[i])
            return true;
    return false;
}

static bool mappable(int fd, const struct oc_rule *rule)
{
    struct statfs fs;
    if (!rule->map || rule->strict)
        return false;
    if (rule->unchanging)
        return true;
    return OC_SYS_2(SYS_fstatfs, fd, &fs) == 0 && coherent((long)fs.f_type);
}

static struct oc_file *take_record(void)
{
    struct oc_file *file = unused;
    if (last_id == OC_FILE_ID_MAX)
        return NULL;
    if (file)
        unused = file->next;
    else
        file = oc_arena(sizeof *file);
    return file;
}

struct oc_file *oc_file_get(int fd, const struct stat *st, const struct oc_rule *rule)
{
    struct oc_file *file;
    for (file = in_use; file; file = file->next) {
        if (file->dev == st->st_dev && file->ino == st->st_ino) {
            file->descriptions++;
            return file;
        }
    }
    file = take_record();
    if (!file)
        return NULL;
    *file = (struct oc_file){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .rule = rule,
        .id = ++last_id,
        .mappable = mappable(fd, rule),
        .descriptions = 1,
        .next = in_use,
    };
    in_use = file;
    return file;
}

void oc_file_put(struct oc_file *file)
{
    struct oc_file **link = &in_use;
    if (--file->descriptions)
        return;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    file->next = unused;
    unused = file;
}
