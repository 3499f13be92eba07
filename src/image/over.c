#include "image/over.h"

#include <string.h>

#include "base/sys.h"

int oc_over_move(char *copy, uintptr_t at, size_t n, int prot)
{
    long ret = oc_syscall(SYS_mremap, (long)copy, (long)n, (long)n, MREMAP_MAYMOVE | MREMAP_FIXED,
                          (long)at, 0);

    if (!oc_sys_failed((void *)ret))
        return 0;
    if (oc_sys_fill_hole((void *)at, n, PROT_READ | PROT_WRITE)) {
        OC_SYS_3(SYS_mprotect, copy, n, PROT_READ);
        memcpy((void *)at, copy, n);
        ret = prot == (PROT_READ | PROT_WRITE) ? 0 : OC_SYS_3(SYS_mprotect, at, n, prot);
    }
    oc_sys_munmap(copy, n);
    return (int)ret;
}

/* A copy grows beside the piece and is moved over it step by step, so that readers in
 * other threads see the same bytes throughout.  (Writers would have to be stopped: a
 * store between copy and move is lost, if the program writes to memory while it has it
 * locked, moved or given another key by another thread.) */
enum { STEP = 1 << 18 };

static int copy_step(char *copy, uintptr_t at, size_t n, int prot)
{
    long ret = 0;

    memcpy(copy, (const void *)at, n);
    if (prot != (PROT_READ | PROT_WRITE))
        ret = OC_SYS_3(SYS_mprotect, copy, n, prot);
    if (ret == 0)
        return oc_over_move(copy, at, n, prot);
    oc_sys_munmap(copy, n);
    return (int)ret;
}

static int copy_over(uintptr_t start, uintptr_t end, int prot, char *copy)
{
    const size_t len = end - start;

    for (size_t at = 0; at < len; at += STEP) {
        size_t n = len - at < STEP ? len - at : STEP;
        int ret = copy_step(copy + at, start + at, n, prot);

        if (ret < 0) {
            if (len > at + n)
                oc_sys_munmap(copy + at + n, len - at - n);
            return ret;
        }
    }
    return 0;
}

static char *fresh(size_t len)
{
    return oc_sys_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Where there is no room for a copy of all of it. */
static int copy_by_steps(uintptr_t start, uintptr_t end, int prot)
{
    int ret = 0;

    for (uintptr_t at = start; ret == 0 && at < end; at += STEP) {
        size_t n = end - at < STEP ? end - at : STEP;
        char *copy = fresh(n);

        ret = oc_sys_failed(copy) ? (int)(intptr_t)copy : copy_step(copy, at, n, prot);
    }
    return ret;
}

int oc_over_copy(uintptr_t start, uintptr_t end, int prot)
{
    const size_t len = end - start;
    char *copy = fresh(len);
    int ret;

    if (!(prot & PROT_READ))
        OC_SYS_3(SYS_mprotect, start, len, PROT_READ);
    ret = oc_sys_failed(copy) ? copy_by_steps(start, end, prot) : copy_over(start, end, prot, copy);
    if (ret < 0 && !(prot & PROT_READ))
        OC_SYS_3(SYS_mprotect, start, len, prot);
    return ret;
}

int oc_over_refill(uintptr_t start, uintptr_t end)
{
    char *copy = fresh(STEP);
    int ret = oc_sys_failed(copy) ? (int)(intptr_t)copy : 0;

    for (uintptr_t at = start; ret == 0 && at < end; at += STEP) {
        size_t n = end - at < STEP ? end - at : STEP;
        void *to = (void *)at, *p;

        memcpy(copy, to, n);
        p = oc_sys_mmap(to, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                        0);
        if (!oc_sys_failed(p) || oc_sys_fill_hole(to, n, PROT_READ | PROT_WRITE))
            memcpy(to, copy, n);
        else
            ret = (int)(intptr_t)p;
    }
    if (!oc_sys_failed(copy))
        oc_sys_munmap(copy, STEP);
    return ret;
}
