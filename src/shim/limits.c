/*
 * Limits of the process's resources.  A sanitizer's runtime sets some before checked code may run,
 * so they have a file of their own.
 */
#include "shim/whole.h"

#include <sys/resource.h>

/* A limit on address space is meant for what the program maps, not for its streams' files. */
void oc_shim_limiting(int resource, const void *limit)
{
    if (OC_ACTIVE() && resource == (int)RLIMIT_AS && limit && oc_serve_is_owner())
        oc_whole_give_up();
}

OC_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    oc_shim_limiting((int)resource, limit);
    return OC_REAL_LATE(setrlimit)(resource, limit);
}

OC_EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
    oc_shim_limiting((int)resource, limit);
    return OC_REAL_LATE(setrlimit64)(resource, limit);
}

OC_EXPORT int prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *limit,
                      struct rlimit *old)
{
    oc_shim_limiting((int)resource, limit);
    return OC_REAL_LATE(prlimit)(pid, resource, limit, old);
}

OC_EXPORT int prlimit64(pid_t pid, __rlimit_resource_t resource, const struct rlimit64 *limit,
                        struct rlimit64 *old)
{
    oc_shim_limiting((int)resource, limit);
    return OC_REAL_LATE(prlimit64)(pid, resource, limit, old);
}
