/* The machine: home, limits, what the kernel can do. */
#include "config.h"
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/options.h"
#include "image/home.h"
#include "mounts.h"

#define AREA "host"

/* ---- homes ---- */

static void say_home(struct doctor *doctor, const char *path, int dir, bool first)
{
    struct mount mount;
    uint64_t room = oc_home_room(dir);
    char free_text[64] = "without a limit";

    mount_of(path, &mount);
    if (room != UINT64_MAX)
        snprintf(free_text, sizeof free_text, "room for %s", doctor_bytes(room));
    doctor_say(doctor, AREA, DOCTOR_OK, "home", "home %s (%s): %s, locks work%s", path, mount.type,
               free_text, first ? "" : "; taken when the one before has no room");
    if (mount.noexec)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "noexec",
                   "%s is mounted noexec: lent memory that is to become executable is copied "
                   "back first",
                   mount.point);
    if (room < oc_options.min_size)
        doctor_say(doctor, AREA, DOCTOR_WARNING, "room", "%s has no room for images", path);
    if (strcmp(mount.type, "tmpfs") != 0)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "home-type",
                   "images in %s are written to a disk as well (%s)", path, mount.type);
}

/* A home that is made only for this is taken away again. */
static bool look_at_home(struct doctor *doctor, const char *path, bool first)
{
    bool there = access(path, F_OK) == 0;
    int dir = oc_home_open(path, true);

    if (dir < 0) {
        const char *why = oc_home_refusal(dir);
        doctor_say(doctor, AREA, DOCTOR_WARNING, "home", "home %s cannot be used: %s", path,
                   why ? why : strerror(-dir));
        return false;
    }
    say_home(doctor, path, dir, first);
    close(dir);
    if (!there)
        rmdir(path);
    return true;
}

static void look_at_homes(struct doctor *doctor)
{
    char path[OC_HOME_PATH];
    unsigned usable = 0;

    for (unsigned i = 0; oc_home_candidate(i, path); i++)
        usable += look_at_home(doctor, path, usable == 0);
    if (usable == 0)
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "no-home",
                   "there is no place for images; name one with ONECOPY_DIR");
}

/* ---- limits ---- */

/* The number in a file of /proc or /sys; -1 when it cannot be read. */
static long number_in(const char *path)
{
    long value = -1;
    FILE *file = fopen(path, "re");

    if (file && fscanf(file, "%ld", &value) != 1)
        value = -1;
    if (file)
        fclose(file);
    return value;
}

static void look_at_limits(struct doctor *doctor)
{
    struct rlimit limit;
    long maps = number_in("/proc/sys/vm/max_map_count");

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        doctor_say(doctor, AREA, DOCTOR_WARNING, "file-size",
                   "the limit of file sizes (ulimit -f) is %s: no image of a larger file can be "
                   "made",
                   doctor_bytes(limit.rlim_cur));
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "address-space",
                   "address space is limited to %s (ulimit -v); sections take %s of it",
                   doctor_bytes(limit.rlim_cur), doctor_bytes(oc_options.pool));
    if (maps >= 0 && maps < 10000)
        doctor_say(doctor, AREA, DOCTOR_WARNING, "max-map-count",
                   "vm.max_map_count is only %ld: a program near it is not lent anything", maps);
    if (number_in("/proc/sys/vm/overcommit_memory") == 2)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "overcommit",
                   "memory is committed strictly (vm.overcommit_memory is 2): lent memory is "
                   "committed for every process all the same, and the image as well");
    if (number_in("/proc/sys/vm/dirty_writeback_centisecs") == 0)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "write-back",
                   "periodic write-back is off (vm.dirty_writeback_centisecs): images are always "
                   "compared, never trusted");
}

/* ---- kernel ---- */

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

static bool has_membarrier(void)
{
    long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

static bool has_cachestat(void)
{
    return syscall(SYS_cachestat, -1, NULL, NULL, 0) == 0 || errno != ENOSYS;
}

/* Older headers lack it: an ioctl of /proc/PID/maps, Linux 6.11. */
static bool has_procmap_query(void)
{
    struct {
        uint64_t size, flags, address;
        uint64_t rest[10];
    } query = {.size = sizeof query, .address = (uint64_t)(uintptr_t)&query};
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    int ret = ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'f', 17, 104), &query);
    bool has = ret == 0 || errno != ENOTTY;

    close(fd);
    return has;
}

static void say_feature(struct doctor *doctor, bool has, const char *name, const char *without)
{
    if (has)
        doctor_say(doctor, AREA, DOCTOR_OK, name, "the kernel has %s", name);
    else
        doctor_say(doctor, AREA, DOCTOR_NOTE, name, "the kernel has no %s: %s", name, without);
}

/* "always within_size advise [never] deny force" */
static void look_at_large_pages(struct doctor *doctor)
{
    char text[128] = "", *from, *to;
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "re");

    if (file && !fgets(text, sizeof text, file))
        text[0] = '\0';
    if (file)
        fclose(file);
    from = strchr(text, '[');
    to = from ? strchr(from, ']') : NULL;
    if (!to)
        return;
    *to = '\0';
    bool off = strcmp(from + 1, "never") == 0 || strcmp(from + 1, "deny") == 0;
    doctor_say(doctor, AREA, off ? DOCTOR_NOTE : DOCTOR_OK, "large-pages",
               "large pages for shared memory: %s%s", from + 1,
               off ? " (nothing is lost but some speed in random access)" : "");
}

static void look_at_kernel(struct doctor *doctor)
{
    say_feature(doctor, has_membarrier(), "membarrier", "small reads cost a little more");
    say_feature(doctor, has_cachestat(), "cachestat", "it cannot be asked what is in memory");
    say_feature(doctor, has_procmap_query(), "PROCMAP_QUERY",
                "mappings are looked up in the text of /proc instead");
    look_at_large_pages(doctor);
    if (access("/proc/self/smaps", R_OK) != 0)
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "smaps",
                   "/proc/self/smaps cannot be read (%s), so it cannot be told which memory may "
                   "be replaced, and nothing is lent",
                   strerror(errno));
}

void doctor_host(struct doctor *doctor)
{
    look_at_homes(doctor);
    look_at_limits(doctor);
    look_at_kernel(doctor);
}
