#include "base/maps.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/lines.h"
#include "base/own.h"
#include "base/sys.h"

/* From linux/fs.h, which older headers lack. */
struct query {
    uint64_t size;
    uint64_t flags;
    uint64_t addr;
    uint64_t start, end;
    uint64_t prot;
    uint64_t page_size;
    uint64_t off;
    uint64_t ino;
    uint32_t dev_major, dev_minor;
    uint32_t name_size, build_id_size;
    uint64_t name_addr, build_id_addr;
};
#define MAPS_QUERY _IOWR('f', 17, struct query)

enum {
    QUERY_READABLE = 0x01,
    QUERY_WRITABLE = 0x02,
    QUERY_EXECUTABLE = 0x04,
    QUERY_SHARED = 0x08,
    QUERY_COVERING_OR_NEXT = 0x10,
};

static uint64_t device(uint64_t major, uint64_t minor)
{
    return major << 32 | minor;
}

int oc_maps_open(void)
{
    return oc_own_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
}

static int ask(int fd, uint64_t addr, struct oc_map *map)
{
    struct query q;
    int ret;

    memset(&q, 0, sizeof(q));
    q.size = sizeof(q);
    q.flags = QUERY_COVERING_OR_NEXT;
    q.addr = addr;
    ret = (int)OC_SYS_3(SYS_ioctl, fd, MAPS_QUERY, &q);
    if (ret < 0)
        return ret;
    *map = (struct oc_map){
        .start = q.start,
        .end = q.end,
        .prot = (q.prot & QUERY_READABLE ? PROT_READ : 0) |
                (q.prot & QUERY_WRITABLE ? PROT_WRITE : 0) |
                (q.prot & QUERY_EXECUTABLE ? PROT_EXEC : 0),
        .shared = q.prot & QUERY_SHARED,
        .off = q.off,
        .dev = device(q.dev_major, q.dev_minor),
        .ino = q.ino,
    };
    return 0;
}

static bool scan_char(const char **text, char c)
{
    if (**text != c)
        return false;
    ++*text;
    return true;
}

static bool scan_perms(const char **text, struct oc_map *map)
{
    const char *p = *text;

    for (int i = 0; i < 4; i++)
        if (!p[i] || !strchr("rwxsp-", p[i]))
            return false;
    map->prot = (p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
                (p[2] == 'x' ? PROT_EXEC : 0);
    map->shared = p[3] == 's';
    *text = p + 4;
    return true;
}

bool oc_maps_parse(const char *line, struct oc_map *map, const char **name)
{
    uint64_t major, minor;
    const char *p = line;

    if (!oc_scan_hex(&p, &map->start) || !scan_char(&p, '-') || !oc_scan_hex(&p, &map->end) ||
        !scan_char(&p, ' ') || !scan_perms(&p, map) || !scan_char(&p, ' ') ||
        !oc_scan_hex(&p, &map->off) || !scan_char(&p, ' ') || !oc_scan_hex(&p, &major) ||
        !scan_char(&p, ':') || !oc_scan_hex(&p, &minor) || !scan_char(&p, ' ') ||
        !oc_scan_dec(&p, &map->ino))
        return false;
    map->dev = device(major, minor);
    while (*p == ' ')
        p++;
    *name = p;
    return true;
}

static int read_text(int fd, uint64_t addr, struct oc_map *map)
{
    struct oc_lines lines;
    const char *line, *name;

    oc_lines_begin(&lines, fd);
    while ((line = oc_lines_next(&lines)))
        if (oc_maps_parse(line, map, &name) && addr < map->end)
            return 0;
    return lines.error ? lines.error : -ENOENT;
}

int oc_maps_find(int fd, uint64_t addr, struct oc_map *map)
{
    static atomic_bool no_query;

    if (!atomic_load_explicit(&no_query, memory_order_relaxed)) {
        int ret = ask(fd, addr, map);

        if (ret == 0 || ret == -ENOENT)
            return ret;
        atomic_store_explicit(&no_query, true, memory_order_relaxed);
    }
    return read_text(fd, addr, map);
}
