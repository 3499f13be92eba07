#include "image/large.h"

#include <stdatomic.h>
#include <string.h>

#include "base/own.h"
#include "base/sys.h"
#include "image/header.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

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
static void make_large(char *at)
{
    if (OC_SYS_3(SYS_madvise, at, oc_page, MADV_POPULATE_READ) == 0)
        OC_SYS_3(SYS_madvise, at, OC_IMAGE_LARGE, MADV_COLLAPSE);
}

void oc_large_prepare(int fd, uint64_t from, uint64_t to)
{
    const uint64_t large = OC_IMAGE_LARGE;
    size_t len, room;
    char *reserved, *at;

    from = (from + large - 1) & ~(large - 1);
    to &= ~(large - 1);
    if (from >= to || !host_has_them())
        return;
    len = (size_t)(to - from);
    room = len + (size_t)large;
    reserved =
        oc_sys_mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (oc_sys_failed(reserved))
        return;
    at = (char *)(((uintptr_t)reserved + (uintptr_t)large - 1) & ~((uintptr_t)large - 1));
    if (oc_sys_mmap(at, len, PROT_READ, MAP_SHARED | MAP_FIXED, fd, from) == at)
        for (size_t done = 0; done < len; done += (size_t)large)
            make_large(at + done);
    oc_sys_munmap(reserved, room);
}
