/* Mounts: mounts.h. */
#include "config.h"
#include "mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* By the number in fdinfo: device numbers are ambiguous on btrfs and overlayfs. */
static int mount_id(const char *path)
{
    char name[64], *line = NULL;
    size_t size = 0;
    int id = -1, fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return -1;
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    FILE *info = fopen(name, "re");
    while (info && getline(&line, &size, info) > 0)
        if (sscanf(line, "mnt_id: %d", &id) == 1)
            break;
    free(line);
    if (info)
        fclose(info);
    close(fd);
    return id;
}

/* "36 35 98:0 /root /point options ... - type source super-options" */
static bool take_line(const char *line, int id, struct mount *mount)
{
    char options[256];
    int number;
    const char *behind = strstr(line, " - ");

    if (!behind ||
        sscanf(line, "%d %*d %*s %*s %4095s %255s", &number, mount->point, options) != 3 ||
        number != id)
        return false;
    mount->noexec = strstr(options, "noexec") != NULL;
    return sscanf(behind, " - %63s", mount->type) == 1;
}

/* In a chroot the mount of a path may not be listed; the usual types are told by number. */
static const char *type_by_number(const char *path)
{
    static const struct {
        unsigned long number;
        const char *type;
    } types[] = {
        {TMPFS_MAGIC, "tmpfs"},   {EXT4_SUPER_MAGIC, "ext4"},
        {XFS_SUPER_MAGIC, "xfs"}, {BTRFS_SUPER_MAGIC, "btrfs"},
        {NFS_SUPER_MAGIC, "nfs"}, {OVERLAYFS_SUPER_MAGIC, "overlay"},
    };
    struct statfs fs;

    if (statfs(path, &fs) == 0)
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if ((unsigned long)fs.f_type == types[i].number)
                return types[i].type;
    return "unknown file system";
}

bool mount_of(const char *path, struct mount *mount)
{
    int id = mount_id(path);
    char *line = NULL;
    size_t size = 0;
    bool found = false;

    *mount = (struct mount){0};
    FILE *list = id < 0 ? NULL : fopen("/proc/self/mountinfo", "re");

    while (list && !found && getline(&line, &size, list) > 0)
        found = take_line(line, id, mount);
    free(line);
    if (list)
        fclose(list);
    if (!found)
        snprintf(mount->type, sizeof mount->type, "%s", type_by_number(path));
    return found;
}
