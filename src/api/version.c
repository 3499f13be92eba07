#include "api/api.h"

OC_API const char *onecopy_version(void)
{
    return PACKAGE_VERSION;
}
