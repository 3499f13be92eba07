/*
 * A bump allocator over chunks of anonymous memory.  What does not fit into the
 * rest of the chunk and is big gets a mapping of its own; small things start a
 * new chunk.
 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/sys.h"

enum { ALIGN = 16, CHUNK = 64 * 1024 };

static char *chunk;
static size_t chunk_left;

static void *map(size_t size)
{
    void *p = oc_sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return oc_sys_failed(p) ? NULL : p;
}

void *oc_arena(size_t size)
{
    char *p;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (size > chunk_left) {
        if (size > CHUNK / 4)
            return map(oc_page_up(size));
        p = map(CHUNK);
        if (!p)
            return NULL;
        chunk = p;
        chunk_left = CHUNK;
    }
    p = chunk;
    chunk += size;
    chunk_left -= size;
    return p;
}

char *oc_arena_copy(const char *text, size_t len)
{
    char *p = len == SIZE_MAX ? NULL : oc_arena(len + 1);

    if (p)
        memcpy(p, text, len);
    return p;
}
