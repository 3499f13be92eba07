#include "image/cgroup.h"

#include <stdatomic.h>
#include <string.h>

#include "base/lines.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sys.h"

enum { PATH = 512, AGAIN = 64 };

static const struct version {
    const char *controller; /* "": version 2 */
    const char *base, *limit, *usage, *active, *inactive;
} versions[] = {
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
     "total_active_file ", "total_inactive_file "},
    {"", "/sys/fs/cgroup", "memory.max", "memory.current", "active_file ", "inactive_file "},
};

static int open_in(const char *group, const char *name)
{
    char path[PATH + 32];

    oc_format(path, sizeof(path), "%s/%s", group, name);
    return oc_own_open(path, O_RDONLY | O_CLOEXEC, 0);
}

/* The number that the file begins with; OTHERWISE where there is none ("max"). */
static uint64_t number_in(const char *group, const char *name, uint64_t otherwise)
{
    char text[24];
    const char *at = text;
    uint64_t value;
    ssize_t n;
    int fd = open_in(group, name);

    if (fd < 0)
        return otherwise;
    n = oc_sys_pread_all(fd, text, sizeof(text) - 1, 0);
    oc_own_close(fd);
    text[n > 0 ? n : 0] = '\0';
    return oc_scan_dec(&at, &value) ? value : otherwise;
}

/* Page cache in memory.stat. */
static uint64_t reclaimable(const char *group, const struct version *v)
{
    struct oc_lines lines;
    const char *line;
    uint64_t sum = 0;
    int fd = open_in(group, "memory.stat");

    if (fd < 0)
        return 0;
    oc_lines_begin(&lines, fd);
    while ((line = oc_lines_next(&lines))) {
        size_t active = strlen(v->active), inactive = strlen(v->inactive);
        const char *at = NULL;
        uint64_t value;

        if (strncmp(line, v->active, active) == 0)
            at = line + active;
        else if (strncmp(line, v->inactive, inactive) == 0)
            at = line + inactive;
        if (at && oc_scan_dec(&at, &value))
            sum += value;
    }
    oc_own_close(fd);
    return sum;
}

static uint64_t room_in(const char *group, const struct version *v)
{
    uint64_t limit = number_in(group, v->limit, UINT64_MAX), used, cache;

    if (limit >= UINT64_MAX / 4) /* how version 1 says "none" */
        return UINT64_MAX;
    used = number_in(group, v->usage, limit);
    cache = reclaimable(group, v);
    used -= cache < used ? cache : used;
    return used < limit ? limit - used : 0;
}

/* The group and those that it is in.  In a container the path may be the host's: then
 * only the last step finds anything, and that is the container's own. */
static uint64_t room_up_from(const char *path, const struct version *v)
{
    char group[PATH];
    size_t base = strlen(v->base), len;
    uint64_t room = UINT64_MAX;

    if (base + strlen(path) >= sizeof(group))
        path = "";
    oc_format(group, sizeof(group), "%s%s", v->base, path);
    len = strlen(group);
    for (;;) {
        uint64_t here = room_in(group, v);

        room = here < room ? here : room;
        if (len <= base)
            return room;
        while (len > base && group[len - 1] != '/')
            len--;
        group[len > base ? --len : base] = '\0';
    }
}

/* "4:cpu,memory:/path": the path, when it is of this version's. */
static const char *path_in(const char *line, const struct version *v)
{
    const char *list = strchr(line, ':'), *end = list ? strchr(list + 1, ':') : NULL;
    size_t len = strlen(v->controller);

    if (!end)
        return NULL;
    if (!len)
        return end == list + 1 ? end + 1 : NULL;
    for (const char *at = list + 1; at < end; at++)
        if ((size_t)(end - at) >= len && strncmp(at, v->controller, len) == 0 &&
            (at[-1] == ':' || at[-1] == ',') && (at[len] == ':' || at[len] == ','))
            return end + 1;
    return NULL;
}

static uint64_t look(void)
{
    struct oc_lines lines;
    const char *line;
    uint64_t room = UINT64_MAX;
    int fd = oc_own_open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return room;
    oc_lines_begin(&lines, fd);
    while ((line = oc_lines_next(&lines)))
        for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
            const char *path = path_in(line, &versions[i]);
            uint64_t here = path ? room_up_from(path, &versions[i]) : UINT64_MAX;

            room = here < room ? here : room;
        }
    oc_own_close(fd);
    return room;
}

uint64_t oc_cgroup_room(void)
{
    /* Where there is no limit, one is looked for again at every 64th call only. */
    static _Atomic unsigned rest;
    unsigned left = atomic_load_explicit(&rest, memory_order_relaxed);
    uint64_t room = UINT64_MAX;

    if (left) {
        atomic_store_explicit(&rest, left - 1, memory_order_relaxed);
    } else {
        room = look();
        atomic_store_explicit(&rest, room == UINT64_MAX ? AGAIN : 0, memory_order_relaxed);
    }
    return room;
}
