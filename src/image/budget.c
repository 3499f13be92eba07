/*
 * How much the images of a home may still take: of the file system's room, and of
 * the budget that all users of the home keep together, and of what the caller's memory
 * cgroup has left.
 */
#include <sys/sysinfo.h>

#include "base/fskind.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/cgroup.h"
#include "image/home.h"

static void add_image(int dir, const char *name, void *arg)
{
    uint64_t *used = arg;
    struct stat st;
    int fd;

    if (!oc_home_is_image(name))
        return;
    fd = oc_home_open_image(dir, name, O_RDONLY, &st);
    if (fd < 0)
        return;
    *used += (uint64_t)st.st_blocks * 512;
    oc_own_close(fd);
}

static uint64_t budget(void)
{
    struct sysinfo info;

    if (oc_options.image_max)
        return oc_options.image_max;
    return OC_SYS_1(SYS_sysinfo, &info) == 0 ? (uint64_t)info.totalram * info.mem_unit / 2 : 0;
}

/* Images on a disk are page cache, which gives way. */
static uint64_t memory_room(int dir)
{
    return oc_fs_kind(dir) == OC_FS_DISK ? UINT64_MAX : oc_cgroup_room() / 2;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t oc_home_allowance(int dir)
{
    uint64_t room = lesser(oc_home_room(dir), memory_room(dir)), most = budget(), used = 0;
    /* A description of its own, since listing moves an offset. */
    int list = oc_own_openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (list < 0)
        return 0;
    oc_home_each(list, add_image, &used);
    oc_own_close(list);
    if (used >= most)
        return 0;
    return lesser(most - used, room);
}
