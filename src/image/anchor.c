#include "image/anchor.h"

#include "base/sys.h"

static char *grow(char *page, size_t len)
{
    return (char *)oc_syscall(SYS_mremap, (long)page, (long)oc_page, (long)len, MREMAP_MAYMOVE, 0,
                              0);
}

static void *move(char *from, size_t len, void *to)
{
    return (void *)oc_syscall(SYS_mremap, (long)from, (long)len, (long)len,
                              MREMAP_MAYMOVE | MREMAP_FIXED, (long)to, 0);
}

void oc_anchor_drop(struct oc_anchor *anchor)
{
    if (anchor->page)
        oc_sys_munmap(anchor->page, oc_page);
    anchor->page = NULL;
}

/* The next LEN bytes of the image at a place of their own, which are not the anchor's any
 * more; NULL: limits. */
static char *take_next(struct oc_anchor *anchor, size_t len)
{
    char *next = grow(anchor->page, len + oc_page);

    if (oc_sys_failed(next))
        return NULL;
    anchor->page = next + len;
    anchor->place += len;
    if (OC_SYS_3(SYS_mprotect, next, len, PROT_READ | PROT_WRITE) == 0)
        return next;
    oc_sys_munmap(next, len);
    return NULL;
}

static void set(struct oc_anchor *anchor, int fd, uint64_t place)
{
    char *page = oc_sys_mmap(NULL, oc_page, PROT_NONE, MAP_PRIVATE, fd, place);

    oc_anchor_drop(anchor);
    if (oc_sys_failed(page))
        return;
    anchor->page = page;
    anchor->place = place;
}

bool oc_anchor_map(struct oc_anchor *anchor, int fd, uint64_t end, void *addr, size_t len,
                   uint64_t place)
{
    char *next = NULL;
    void *p;

    if (anchor->page && anchor->place == place)
        next = take_next(anchor, len);
    if (next && move(next, len, addr) == addr)
        return true;
    if (next) { /* out of the kernel's memory, perhaps behind the point of return */
        oc_sys_munmap(next, len);
        return false;
    }
    p = oc_sys_mmap(addr, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, place);
    if (p == addr && place + len < end)
        set(anchor, fd, place + len);
    return p == addr;
}
