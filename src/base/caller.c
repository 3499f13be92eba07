#include "base/caller.h"

#include "base/lines.h"
#include "base/log.h"
#include "base/maps.h"
#include "base/own.h"
#include "base/sys.h"

__thread const void *oc_caller_now;

/* The text, since a query for the mapping alone leaves out its name. */
static void find(int fd, uint64_t at, char *text, size_t size)
{
    struct oc_lines lines;
    struct oc_map map;
    const char *line, *name;

    oc_lines_begin(&lines, fd);
    while ((line = oc_lines_next(&lines)))
        if (oc_maps_parse(line, &map, &name) && map.start <= at && at < map.end) {
            if (*name == '/')
                oc_format(text, size, "%s+0x%llx", name,
                          (unsigned long long)(at - map.start + map.off));
            return;
        }
}

const char *oc_caller_text(char *text, size_t size)
{
    uint64_t at = (uint64_t)(uintptr_t)oc_caller_now;
    int fd;

    text[0] = '\0';
    if (!at || (fd = oc_maps_open()) < 0)
        return text;
    find(fd, at - 1, text, size); /* the call itself, which may be the last of its function */
    oc_own_close(fd);
    return text;
}
