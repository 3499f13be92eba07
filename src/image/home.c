/*
 * Choosing, opening and measuring a home.  Sweeping is in sweep.c.
 */
#include "image/home.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fskind.h"
#include "base/log.h"
#include "base/options.h"
#include "base/own.h"
#include "base/statfs.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/token.h"

#define ROOM_MARGIN ((uint64_t)1 << 20) /* at least this much is left free, */
#define ROOM_SHARE  64                  /* and this part of the file system */

static unsigned effective_uid(void)
{
#ifdef SYS_geteuid32
    return (unsigned)OC_SYS_0(SYS_geteuid32);
#else
    return (unsigned)OC_SYS_0(SYS_geteuid);
#endif
}

/* ---- candidates ---- */

/* Looked up once, at start: later the program may be changing its environment. */
static const char *runtime_dir(void)
{
    static char path[OC_HOME_PATH];
    static atomic_bool known;
    static const char name[] = "XDG_RUNTIME_DIR=";

    if (atomic_load_explicit(&known, memory_order_acquire))
        return path;
    for (char **var = environ; var && *var; var++) {
        const char *value = *var + sizeof(name) - 1;

        if (strncmp(*var, name, sizeof(name) - 1) == 0 && strlen(value) < sizeof(path))
            memcpy(path, value, strlen(value) + 1);
    }
    atomic_store_explicit(&known, true, memory_order_release);
    return path;
}

static bool name_home(char out[OC_HOME_PATH], const char *parent)
{
    int len = oc_format(out, OC_HOME_PATH, "%s/onecopy-%u", parent, effective_uid());

    return len < OC_HOME_PATH;
}

bool oc_home_candidate(unsigned i, char out[OC_HOME_PATH])
{
    const char *runtime = runtime_dir();

    if (oc_options.dir) {
        size_t len = strlen(oc_options.dir);

        if (i > 0 || len >= OC_HOME_PATH)
            return false;
        memcpy(out, oc_options.dir, len + 1);
        return true;
    }
    if (i == 0)
        return name_home(out, "/dev/shm");
    if (runtime[0] == '/' && --i == 0 && name_home(out, runtime))
        return true;
    return i <= 1 && name_home(out, "/var/tmp");
}

/* ---- opening ---- */

/* Nothing but locks that a mapping keeps makes a home usable: file systems that do
 * without (or a kernel that is not Linux) are found out here. */
static int try_locks(int fd, const char *path)
{
    void *token;
    int ret = -ENOTSUP;
    int other = oc_own_open(path, O_RDONLY | O_CLOEXEC, 0);

    if (other < 0)
        return other;
    token = oc_token_take(other);
    oc_own_close(other);
    if (oc_sys_failed(token))
        return -ENOTSUP;
    if (oc_token_exclude(fd) == -EWOULDBLOCK)
        ret = 0;
    oc_token_drop(token);
    if (ret == 0 && oc_token_exclude(fd) < 0)
        ret = -ENOTSUP;
    oc_token_release(fd);
    return ret;
}

static int self_test(int dir)
{
    char path[32], name[OC_HOME_NAME];
    bool named;
    int ret, fd = oc_home_temp(dir, name, &named);

    if (fd < 0)
        return fd;
    oc_format(path, sizeof(path), "/proc/self/fd/%d", fd);
    ret = try_locks(fd, path);
    if (named)
        OC_SYS_3(SYS_unlinkat, dir, name, 0);
    oc_own_close(fd);
    return ret;
}

/* Verdicts for the few homes that a process meets: the inode's hash with the lowest bit
 * for "works".  Torn by nothing, lost by nobody: a full table only means more tests. */
static _Atomic uint64_t verdicts[8];

static uint64_t verdict_key(const struct stat *st)
{
    uint64_t key =
        ((uint64_t)st->st_dev << 32 ^ (uint64_t)st->st_ino) * UINT64_C(0x9e3779b97f4a7c15);

    return (key | 2) & ~UINT64_C(1);
}

static int tested(int dir, const struct stat *st)
{
    uint64_t key = verdict_key(st);
    size_t i;
    int ret;

    for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        uint64_t seen = atomic_load_explicit(&verdicts[i], memory_order_relaxed);

        if (!seen)
            break;
        if ((seen & ~UINT64_C(1)) == key)
            return seen & 1 ? 0 : -ENOTSUP;
    }
    ret = oc_fs_is_served(dir) ? -ENOTSUP : self_test(dir);
    /* Out of space or of descriptors: may be better next time. */
    if (i < sizeof(verdicts) / sizeof(verdicts[0]) && (ret == 0 || ret == -ENOTSUP))
        atomic_store_explicit(&verdicts[i], key | (ret == 0), memory_order_relaxed);
    return ret;
}

/* Named by the user, made by root or by him: whoever is in its group has a part in it. */
static bool is_groups(const struct stat *st)
{
    return oc_options.dir && (st->st_mode & 07777) == 02770 &&
           (st->st_uid == 0 || st->st_uid == effective_uid());
}

bool oc_home_is_groups(int dir)
{
    struct stat st;

    return oc_options.dir && oc_sys_fstat(dir, &st) == 0 && is_groups(&st);
}

static int verify(int dir)
{
    struct stat st;
    int ret = oc_sys_fstat(dir, &st);

    if (ret < 0)
        return ret;
    if (!is_groups(&st) && (st.st_uid != effective_uid() || (st.st_mode & 07777) != 0700))
        return -EPERM;
    return tested(dir, &st);
}

int oc_home_open(const char *path, bool create)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int ret, dir = oc_own_open(path, flags, 0);

    if (dir == -ENOENT && create) {
        ret = (int)OC_SYS_3(SYS_mkdirat, AT_FDCWD, path, 0700);
        dir = oc_own_open(path, flags, 0);
        if (ret == 0 && dir >= 0)
            OC_SYS_2(SYS_fchmod, dir, 0700); /* whatever the umask took away */
    }
    if (dir < 0)
        return dir;
    ret = verify(dir);
    if (ret < 0)
        oc_own_close(dir);
    return ret < 0 ? ret : dir;
}

int oc_home_first(bool create)
{
    char path[OC_HOME_PATH];
    int dir = -ENOENT;

    for (unsigned i = 0; dir < 0 && oc_home_candidate(i, path); i++)
        dir = oc_home_open(path, create);
    return dir;
}

const char *oc_home_refusal(int error)
{
    switch (error) {
    case -EPERM:
        return "it is neither a folder of yours with mode 0700, nor, named by ONECOPY_DIR, one of "
               "yours or root's with mode 2770";
    case -ENOTSUP:
        return "locks kept by a mapping do not work there";
    case -ENOENT:
        return "it is not there, nor is the folder to make it in";
    case -ENOTDIR:
    case -ELOOP:
        return "it is no folder, or a symbolic link";
    case -EACCES:
        return "it may not be entered";
    case -EROFS:
        return "its file system is read-only";
    default:
        return NULL;
    }
}

void oc_home_say_refused(const char *path, int error)
{
    static atomic_bool said;
    const char *why = oc_home_refusal(error);

    if (oc_options.dir && why && !atomic_exchange(&said, true))
        oc_log(OC_LOG_ERROR, "ONECOPY_DIR %s cannot be used, so nothing is lent: %s", path, why);
}

/* ---- files ---- */

/* Unique in the home: this process at this moment. */
static void temp_name(char name[OC_HOME_NAME])
{
    static _Atomic unsigned serial;

    oc_format(name, OC_HOME_NAME, "%d-%llx-%u" OC_IMAGE_TEMP, oc_sys_pid(),
              (unsigned long long)oc_sys_monotonic(), atomic_fetch_add(&serial, 1));
}

int oc_home_temp(int dir, char name[OC_HOME_NAME], bool *named)
{
    int fd = oc_own_openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    *named = false;
    if (fd < 0 && fd != -ENOSPC && fd != -EMFILE && fd != -ENFILE) {
        temp_name(name);
        fd = oc_own_openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        *named = fd >= 0;
    }
    if (fd >= 0)
        OC_SYS_2(SYS_fchmod, fd, oc_home_is_groups(dir) ? 0660 : 0600);
    return fd;
}

/* In a group's home: of its group, for its group. */
static bool is_the_groups(int dir, const struct stat *st)
{
    struct stat home;

    return oc_options.dir && (st->st_mode & 07777) == 0660 && oc_sys_fstat(dir, &home) == 0 &&
           is_groups(&home) && home.st_gid == st->st_gid;
}

int oc_home_open_image(int dir, const char *name, int mode, struct stat *st)
{
    int ret, fd = oc_own_openat(dir, name, mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    ret = oc_sys_fstat(fd, st);
    if (ret == 0 &&
        (!S_ISREG(st->st_mode) || (st->st_uid != effective_uid() && !is_the_groups(dir, st))))
        ret = -EPERM;
    if (ret < 0)
        oc_own_close(fd);
    return ret < 0 ? ret : fd;
}

bool oc_home_may_write(uint64_t size)
{
    uint64_t limit[2] = {0, 0}; /* struct rlimit64 */

    return OC_SYS_4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, limit) < 0 || limit[0] >= size;
}

uint64_t oc_home_room(int dir)
{
    struct statfs64 fs;
    uint64_t unit, room, margin;

    if (oc_sys_fstatfs(dir, &fs) < 0)
        return 0;
    if (fs.f_blocks == 0) /* a tmpfs without a limit */
        return UINT64_MAX;
    unit = (uint64_t)(fs.f_frsize ? fs.f_frsize : fs.f_bsize);
    room = (uint64_t)fs.f_bavail * unit;
    margin = (uint64_t)fs.f_blocks * unit / ROOM_SHARE;
    if (margin < ROOM_MARGIN)
        margin = ROOM_MARGIN;
    return room > margin ? room - margin : 0;
}
