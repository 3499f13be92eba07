#include "image/moment.h"

#include <string.h>

#include "base/sys.h"

/* The inode number of the first time namespace is fixed in the kernel. */
static bool in_first_time_namespace(void)
{
    static const char first[] = "time:[4026531834]";
    char name[32];
    long len = OC_SYS_4(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/time", name, sizeof(name));

    return len == (long)sizeof(first) - 1 && memcmp(name, first, sizeof(first) - 1) == 0;
}

uint64_t oc_moment(void)
{
    return in_first_time_namespace() ? oc_sys_monotonic() : 0;
}
