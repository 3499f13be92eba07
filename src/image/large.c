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
static void make_large(char *at, size_t len)
{
    for (size_t done = 0; done < len; done += OC_IMAGE_LARGE)
        OC_SYS_3(SYS_madvise, at + done, oc_page, MADV_POPULATE_READ);
    OC_SYS_3(SYS_madvise, at, len, MADV_COLLAPSE);
}

/* Whole large pages of the image at AT. */
static void prepare(int fd, uint64_t from, size_t len)
{
    const uint64_t large = OC_IMAGE_LARGE;
    size_t room = len + (size_t)large;
    char *at, *reserved = oc_sys_mmap(NULL, room, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (oc_sys_failed(reserved))
        return;
    at = (char *)(((uintptr_t)reserved + (uintptr_t)large - 1) & ~((uintptr_t)large - 1));
    if (oc_sys_mmap(at, len, PROT_READ, MAP_SHARED | MAP_FIXED, fd, from) == at)
        make_large(at, len);
    oc_sys_munmap(reserved, room);
}

bool oc_large_prepare(int fd, uint64_t from, uint64_t to, uint64_t end)
{
    const uint64_t large = OC_IMAGE_LARGE;
    uint64_t begin;

    from = (from + large - 1) & ~(large - 1);
    to = (to + large - 1) & ~(large - 1);
    if (to > end)
        to = end & ~(large - 1);
    if (!host_has_them())
        return false;
    if (from >= to)
        return true;
    begin = oc_sys_monotonic();
    prepare(fd, from, (size_t)(to - from));
    return oc_sys_monotonic() - begin < (to - from) * SLOW;
}
