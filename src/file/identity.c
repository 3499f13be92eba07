/*
 * Device and inode recur: a loop device is mounted again with another model on
 * it, a tmpfs is remade.  So the identity names the boot and the file system as
 * well, by its UUID where the kernel tells it (Linux 6.9), else by its statfs
 * number, and which mounting of it this is (instance.h).
 */
#include "file/identity.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/statfs.h"
#include "base/own.h"
#include "base/sys.h"
#include "file/instance.h"

/* FS_IOC_GETFSUUID, which older headers lack. */
struct fs_uuid {
    uint8_t len;
    uint8_t uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* "01234567-89ab-..." into 16 bytes. */
static bool parse_uuid(const char *text, size_t len, uint8_t uuid[16])
{
    size_t digits = 0;

    for (size_t i = 0; i < len && digits < 32; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            continue;
        uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | digit);
        digits++;
    }
    return digits == 32;
}

static int read_boot_id(uint8_t boot[16])
{
    char text[40];
    int fd = oc_own_open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);
    ssize_t len;

    if (fd < 0)
        return -ENOENT;
    len = oc_sys_pread_all(fd, text, sizeof(text), 0);
    oc_own_close(fd);
    return len > 0 && parse_uuid(text, (size_t)len, boot) ? 0 : -ENOENT;
}

/* Read once; threads that race store the same bytes. */
int oc_identity_boot(uint8_t boot[16])
{
    static _Atomic uint64_t half[2];
    static atomic_bool known;
    uint64_t copy[2] = {0, 0};

    if (!atomic_load_explicit(&known, memory_order_acquire)) {
        int ret = read_boot_id((uint8_t *)copy);

        if (ret < 0)
            return ret;
        atomic_store_explicit(&half[0], copy[0], memory_order_relaxed);
        atomic_store_explicit(&half[1], copy[1], memory_order_relaxed);
        atomic_store_explicit(&known, true, memory_order_release);
    }
    copy[0] = atomic_load_explicit(&half[0], memory_order_relaxed);
    copy[1] = atomic_load_explicit(&half[1], memory_order_relaxed);
    memcpy(boot, copy, sizeof(copy));
    return 0;
}

static uint64_t statfs_id(int fd)
{
    struct statfs64 fs;
    uint64_t id = 0;

    memset(&fs, 0, sizeof(fs));
    if (oc_sys_fstatfs(fd, &fs) == 0)
        memcpy(&id, &fs.f_fsid, sizeof(id));
    return id;
}

/* The UUID, or the statfs number where there is none; told apart from an earlier mounting. */
static void file_system_id(int fd, const struct stat *st, uint8_t fs[16])
{
    struct fs_uuid uuid = {0, {0}};
    uint64_t half[2];

    if (OC_SYS_3(SYS_ioctl, fd, GET_FS_UUID, &uuid) < 0 || uuid.len == 0 ||
        uuid.len > sizeof(uuid.uuid)) {
        half[0] = statfs_id(fd);
        memset(uuid.uuid, 0, sizeof(uuid.uuid));
        memcpy(uuid.uuid, half, sizeof(half[0]));
    }
    memcpy(half, uuid.uuid, sizeof(half));
    half[1] ^= oc_fs_instance(fd, st, uuid.uuid) * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(fs, half, sizeof(half));
}

int oc_identity_of(int fd, struct oc_identity *id)
{
    struct stat st;
    int ret = oc_sys_fstat(fd, &st);

    if (ret < 0)
        return ret;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    memset(id, 0, sizeof(*id));
    ret = oc_identity_boot(id->boot);
    if (ret < 0)
        return ret;
    file_system_id(fd, &st, id->fs);
    id->dev = (uint64_t)st.st_dev;
    id->ino = (uint64_t)st.st_ino;
    id->size = (uint64_t)st.st_size;
    id->mtime_sec = (int64_t)st.st_mtim.tv_sec;
    id->mtime_nsec = (uint32_t)st.st_mtim.tv_nsec;
    id->ctime_sec = (int64_t)st.st_ctim.tv_sec;
    id->ctime_nsec = (uint32_t)st.st_ctim.tv_nsec;
    return 0;
}

bool oc_identity_equal(const struct oc_identity *a, const struct oc_identity *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}
