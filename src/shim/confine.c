/*
 * Programs that confine themselves.  A seccomp filter may kill for any system call
 * that the program itself does not make, so before one is in force all is done that
 * would need such calls later: offsets handed back, images left, and lent memory made
 * the program's own, since unmapping, advising or locking it takes calls of ours.
 * From then on the kernel serves.
 */
#include "shim/real.h"

#include "image/lend.h"

/* Older headers lack them. */
#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static void materialise_all(void)
{
    uintptr_t lo = atomic_load(&oc_lent_lo), hi = atomic_load(&oc_lent_hi);
    if (lo < hi)
        oc_lent_materialise((void *)lo, hi - lo);
}

void oc_shim_before_seccomp(void)
{
    int saved = errno;
    if (OC_ACTIVE()) {
        oc_serve_stop();
        materialise_all();
    }
    errno = saved;
}

/* Only anonymous memory can be given a name. */
void oc_shim_naming(int option, const unsigned long a[3])
{
    if (option == PR_SET_VMA && a[0] == PR_SET_VMA_ANON_NAME)
        oc_shim_materialise((void *)a[1], a[2]);
}

OC_EXPORT int prctl(int option, ...)
{
    unsigned long a[4];
    va_list args;
    va_start(args, option);
    for (size_t i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    if (option == PR_SET_SECCOMP)
        oc_shim_before_seccomp();
    oc_shim_naming(option, a);
    return OC_REAL(prctl)(option, a[0], a[1], a[2], a[3]);
}
