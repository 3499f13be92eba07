#include "image/large.h"

#include <stdatomic.h>
#include <string.h>

#include "base/lock.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/header.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Nanoseconds a byte, some twenty times as long as usual: the host has to look for them. */
enum { SLOW = 4 };

/* Not with "never" in force for memory of programs. */
static bool host_has_them(void)
{
    enum { UNKNOWN, NO, YES };
    static _Atomic int known;
    char text[64] = "";
    int fd;

    if (atomic_load_explicit(&known, memory_order_relaxed) == UNKNOWN) {
        fd = oc_own_open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC, 0);
        if (fd == -EMFILE || fd == -ENFILE)
            return false; /* for now */
        if (fd >= 0) {
            oc_sys_pread_all(fd, text, sizeof(text) - 1, 0);
            oc_own_close(fd);
        }
        atomic_store_explicit(&known,
                              strstr(text, "[always]") || strstr(text, "[madvise]") ? YES : NO,
                              memory_order_relaxed);
    }
    return atomic_load_explicit(&known, memory_order_relaxed) == YES;
}

/* A large page comes in place of small ones, so one must be there: looking at a hole makes it,
 * and changes no byte. */
static bool make_large(char *at, size_t len)
{
    for (size_t done = 0; done < len; done += OC_IMAGE_LARGE)
        OC_SYS_3(SYS_madvise, at + done, oc_page, MADV_POPULATE_READ);
    return OC_SYS_3(SYS_madvise, at, len, MADV_COLLAPSE) == 0;
}

/* No fork comes in between: it takes the lock. */
static bool map_for_us_alone(const struct oc_large *w, int fd, size_t len)
{
    struct oc_lock_state st;
    bool mapped;

    oc_lock(&st);
    mapped = oc_sys_mmap(w->at, len, PROT_READ, MAP_SHARED | MAP_FIXED, fd, w->from) == w->at;
    if (!mapped)
        oc_sys_fill_hole(w->at, len, PROT_NONE);
    mapped = mapped && OC_SYS_3(SYS_madvise, w->reserved, w->room, MADV_DONTFORK) == 0;
    oc_unlock(&st);
    return mapped;
}

/* With a page at least before and behind that nobody may touch. */
static bool map(struct oc_large *w, int fd)
{
    const uintptr_t large = OC_IMAGE_LARGE;
    size_t len = (size_t)(w->to - w->from);

    w->room = len + (size_t)large + 2 * oc_page;
    w->reserved =
        oc_sys_mmap(NULL, w->room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (oc_sys_failed(w->reserved)) {
        w->room = 0;
        return false;
    }
    w->at = (char *)(((uintptr_t)w->reserved + oc_page + large - 1) & ~(large - 1));
    return map_for_us_alone(w, fd, len);
}

bool oc_large_prepare(struct oc_large *w, int fd, uint64_t from, uint64_t to, uint64_t end)
{
    const uint64_t large = OC_IMAGE_LARGE;
    uint64_t begin;

    oc_large_release(w);
    from = (from + large - 1) & ~(large - 1);
    to = (to + large - 1) & ~(large - 1);
    if (to > end)
        to = end & ~(large - 1);
    if (!host_has_them())
        return false;
    if (from >= to)
        return true;
    begin = oc_sys_monotonic();
    w->from = from;
    w->to = to;
    if (!map(w, fd) || !make_large(w->at, (size_t)(to - from)))
        oc_large_release(w);
    return oc_sys_monotonic() - begin < (to - from) * SLOW;
}

static bool protect(const struct oc_large *w, uint64_t from, uint64_t to, int prot)
{
    return OC_SYS_3(SYS_mprotect, w->at + (from - w->from), to - from, prot) == 0;
}

char *oc_large_at(struct oc_large *w, uint64_t place, size_t len)
{
    const uint64_t large = OC_IMAGE_LARGE;
    uint64_t from = place & ~(large - 1), to = (place + len + large - 1) & ~(large - 1);

    if (!w->room || from < w->from || to > w->to)
        return NULL;
    if (from != w->writable || to != w->until) {
        if (w->until)
            protect(w, w->writable, w->until, PROT_READ);
        w->until = 0;
        if (!protect(w, from, to, PROT_READ | PROT_WRITE))
            return NULL;
        w->writable = from;
        w->until = to;
    }
    return w->at + (place - w->from);
}

void oc_large_release(struct oc_large *w)
{
    if (w->room)
        oc_sys_munmap(w->reserved, w->room);
    *w = (struct oc_large){0};
}
