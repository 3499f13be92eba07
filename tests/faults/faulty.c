/*
 * oc_syscall of the build in which a chosen system call fails (sys.h with OC_FAULTS).
 * The program's own calls are libc's and never come here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/sys.h"
#include "plan.h"

static struct plan *plan;

static void find_plan(void)
{
    static struct plan none = {.nr = -1};
    const char *path = getenv(PLAN_VARIABLE);
    long fd = path ? oc_syscall_really(SYS_open, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0, 0) : -1;

    plan = &none;
    if (fd < 0)
        return;
    long p =
        oc_syscall_really(SYS_mmap, 0, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    oc_syscall_really(SYS_close, fd, 0, 0, 0, 0, 0);
    if (p > 0)
        plan = (struct plan *)p;
}

static bool is_mmap(long nr)
{
#ifdef SYS_mmap2
    return nr == SYS_mmap2;
#else
    return nr == SYS_mmap;
#endif
}

/* The kernel frees a descriptor whatever close returns; and where memory is short, an older one
 * may have unmapped what was in the way before it fails. */
static void half_done(long nr, long a, long b, long d, long e)
{
    if (nr == SYS_close)
        oc_syscall_really(nr, a, 0, 0, 0, 0, 0);
    if (plan->error != ENOMEM)
        return;
    if (is_mmap(nr) && (d & MAP_FIXED))
        oc_syscall_really(SYS_munmap, a, b, 0, 0, 0, 0);
    else if (nr == SYS_mremap && (d & MREMAP_FIXED))
        oc_syscall_really(SYS_munmap, e, b, 0, 0, 0, 0);
}

long oc_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    if (!plan)
        find_plan();
    long n = nr < PLAN_CALLS ? atomic_fetch_add(&plan->count[nr], 1) + 1 : 0;
    if (nr != plan->nr || n != plan->when)
        return oc_syscall_really(nr, a, b, c, d, e, f);
    atomic_fetch_add(&plan->injected, 1);
    half_done(nr, a, b, d, e);
    return -plan->error;
}
