#include "api/api.h"

#include "image/home.h"

OC_API int onecopy_clean(const char *dir)
{
    char path[OC_HOME_PATH];
    unsigned removed = 0;
    for (unsigned i = 0; dir || oc_home_candidate(i, path); i++) {
        struct oc_sweep sweep = {0};
        int err = oc_home_sweep(dir ? dir : path, false, &sweep, NULL, NULL);
        removed += sweep.removed;
        if (err && dir) {
            errno = -err;
            return -1;
        }
        if (dir)
            break;
    }
    return (int)removed;
}
