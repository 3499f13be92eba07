#include "base/fskind.h"

#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

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
 * With the release that first gave its files large pages; 0: not asked.
 */
static const struct {
    unsigned magic;
    enum oc_fs_kind kind;
    unsigned large_pages;
} known[] = {
    {EXT4_SUPER_MAGIC, OC_FS_DISK, 6016},
    {XFS_SUPER_MAGIC, OC_FS_DISK, 5018},
    {BTRFS_SUPER_MAGIC, OC_FS_DISK, 6016},
    {F2FS_SUPER_MAGIC, OC_FS_DISK, 6016},
    {TMPFS_MAGIC, OC_FS_TMPFS, 0},
    {SQUASHFS_MAGIC, OC_FS_READ_ONLY, 0},
    {EROFS_SUPER_MAGIC_V1, OC_FS_READ_ONLY, 0},
    {ISOFS_SUPER_MAGIC, OC_FS_READ_ONLY, 0},
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

/* The last release whose word is not to be taken, whatever the file system. */
#define DOUBTFUL 6017

/* Distributions that bring new file systems' code to old releases (5.14.0-503.el9.x86_64 has XFS
 * with large pages): RHEL and its kin, openEuler, Anolis, TencentOS. */
static bool is_patched(const char *release)
{
    static const char *const marks[] = {".el", ".oe", ".an", ".tl", "tlinux"};
    size_t i = 0;
    while (i < sizeof marks / sizeof *marks && !strstr(release, marks[i]))
        i++;
    return i < sizeof marks / sizeof *marks;
}

unsigned oc_fs_release(const char *release)
{
    unsigned part[2] = {0, 0}, at = 0;
    for (const char *c = release; at < 2 && (*c == '.' || (*c >= '0' && *c <= '9')); c++) {
        if (*c == '.')
            at++;
        else
            part[at] = part[at] * 10 + (unsigned)(*c - '0');
    }
    unsigned number = part[0] * 1000 + part[1];
    if (strstr(release, "-rc") && number)
        number--;
    /* 2.6.78 is any kernel, for programs that cannot count further (setarch --uname-2.6). */
    bool old = number < 4000 || is_patched(release);
    return old && number < DOUBTFUL ? DOUBTFUL : number;
}

static unsigned kernel_release(void)
{
    struct utsname name;
    return OC_SYS_1(SYS_uname, &name) == 0 ? oc_fs_release(name.release) : DOUBTFUL;
}

static bool faults_beyond_end(unsigned large_pages)
{
    static _Atomic unsigned known_release;
    unsigned release = known_release;
    if (!release)
        known_release = release = kernel_release();
    return large_pages && (release > DOUBTFUL || release < large_pages);
}

enum oc_fs_kind oc_fs_look(int fd, bool *faults_beyond)
{
    struct statfs64 fs;
    *faults_beyond = false;
    if (oc_sys_fstatfs(fd, &fs) != 0)
        return OC_FS_OTHER;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if ((unsigned)fs.f_type != known[i].magic)
            continue;
        *faults_beyond = faults_beyond_end(known[i].large_pages);
        return known[i].kind;
    }
    return OC_FS_OTHER;
}

enum oc_fs_kind oc_fs_kind(int fd)
{
    bool faults_beyond;
    return oc_fs_look(fd, &faults_beyond);
}
