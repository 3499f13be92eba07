/*
 * oc_syscall of the build in which a chosen system call fails (sys.h with OC_FAULTS).
 * The program's own calls are libc's and never come here.
 */
#include <errno.h>
#include <fcntl.h>
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

long oc_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    if (!plan)
        find_plan();
    long n = nr < PLAN_CALLS ? atomic_fetch_add(&plan->count[nr], 1) + 1 : 0;
    if (nr != plan->nr || n != plan->when)
        return oc_syscall_really(nr, a, b, c, d, e, f);
    atomic_fetch_add(&plan->injected, 1);
    /* The kernel frees the descriptor whatever close returns. */
    if (nr == SYS_close)
        oc_syscall_really(nr, a, b, c, d, e, f);
    return -plan->error;
}
