/*
 * ext4, xfs and f2fs have a directory /sys/fs/TYPE/DEVICE while they are mounted,
 * btrfs /sys/fs/btrfs/UUID.  Its inode number is the kernel object's, which counts up.
 */
#include "file/instance.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fskind.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sys.h"

/* STATX_MNT_ID and STATX_MNT_ID_UNIQUE: Linux 5.8 and 6.8. */
enum { MNT_ID = 0x1000, MNT_ID_UNIQUE = 0x4000 };

static uint64_t mount_id(int fd, unsigned mask)
{
    struct statx sx;

    memset(&sx, 0, sizeof(sx));
    if (oc_syscall(SYS_statx, fd, (long)"", AT_EMPTY_PATH, (long)mask, (long)&sx, 0) == 0 &&
        sx.stx_mask & mask)
        return sx.stx_mnt_id;
    return 0;
}

/* ---- sysfs ---- */

static uint64_t inode_of(const char *path)
{
    struct stat st;
    uint64_t ino = 0;
    int fd = oc_own_open(path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    if (oc_sys_fstat(fd, &st) == 0)
        ino = (uint64_t)st.st_ino;
    oc_own_close(fd);
    return ino;
}

/* "../../devices/.../loop0": the last part is the device's name. */
static const char *device_name(const struct stat *st, char link[512])
{
    char path[64], *slash;
    long len;

    oc_format(path, sizeof(path), "/sys/dev/block/%u:%u", major(st->st_dev), minor(st->st_dev));
    len = OC_SYS_4(SYS_readlinkat, AT_FDCWD, path, link, 511);
    if (len <= 0)
        return NULL;
    link[len] = '\0';
    slash = strrchr(link, '/');
    return slash ? slash + 1 : link;
}

static uint64_t by_device(const struct stat *st)
{
    static const char *const types[] = {"ext4", "xfs", "f2fs"};
    char link[512], path[128];
    const char *name = device_name(st, link);
    uint64_t ino = 0;

    for (size_t i = 0; name && !ino && i < sizeof(types) / sizeof(types[0]); i++)
        if (oc_format(path, sizeof(path), "/sys/fs/%s/%s", types[i], name) < (int)sizeof(path))
            ino = inode_of(path);
    return ino;
}

static uint64_t by_uuid(const uint8_t uuid[16])
{
    char path[64];
    int at = oc_format(path, sizeof(path), "/sys/fs/btrfs/");

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            path[at++] = '-';
        path[at++] = "0123456789abcdef"[uuid[i] >> 4];
        path[at++] = "0123456789abcdef"[uuid[i] & 15];
    }
    path[at] = '\0';
    return inode_of(path);
}

/* A tmpfs is born with a UUID of its own. */
static bool uuid_is_enough(int fd, const uint8_t uuid[16])
{
    static const uint8_t none[16];

    return memcmp(uuid, none, sizeof(none)) != 0 && oc_fs_kind(fd) == OC_FS_TMPFS;
}

static uint64_t look_up(int fd, const struct stat *st, const uint8_t uuid[16])
{
    uint64_t number;

    if (uuid_is_enough(fd, uuid))
        return 2;
    number = by_device(st);
    if (!number)
        number = by_uuid(uuid);
    if (number)
        return number << 1;
    number = mount_id(fd, MNT_ID_UNIQUE);
    if (!number)
        number = mount_id(fd, MNT_ID);
    return number ? number << 1 | 1 : 0;
}

/* ---- what is remembered ---- */

/* A mount never changes its file system, and its unique number never comes again.  Slots
 * are filled once: free, being filled, filled. */
enum { SLOTS = 16, BEING_FILLED = 1 };

static struct {
    _Atomic uint64_t mount, instance;
} known[SLOTS];

static void remember(uint64_t mount, uint64_t instance)
{
    for (size_t i = 0; i < SLOTS; i++) {
        uint64_t none = 0;

        if (!atomic_compare_exchange_strong(&known[i].mount, &none, BEING_FILLED))
            continue;
        atomic_store_explicit(&known[i].instance, instance, memory_order_relaxed);
        atomic_store_explicit(&known[i].mount, mount, memory_order_release);
        return;
    }
}

uint64_t oc_fs_instance(int fd, const struct stat *st, const uint8_t uuid[16])
{
    uint64_t instance, mount = mount_id(fd, MNT_ID_UNIQUE);

    for (size_t i = 0; mount > BEING_FILLED && i < SLOTS; i++)
        if (atomic_load_explicit(&known[i].mount, memory_order_acquire) == mount)
            return atomic_load_explicit(&known[i].instance, memory_order_relaxed);
    instance = look_up(fd, st, uuid);
    if (mount > BEING_FILLED && instance)
        remember(mount, instance);
    return instance;
}
