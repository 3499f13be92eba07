#include "shim/real.h"

#include "base/log.h"
#include "base/sys.h"

struct oc_real oc_real;
bool oc_real_ready;

static const struct {
    const char *name;
    size_t at;
    bool required;
} rows[] = {
#define OC_REQUIRED(name) {#name, offsetof(struct oc_real, name), true},
#define OC_OPTIONAL(name) {#name, offsetof(struct oc_real, name), false},
#define OC_LATE(name)
#include "shim/names.h"
#undef OC_REQUIRED
#undef OC_OPTIONAL
#undef OC_LATE
};

/*
 * Two threads may do this at once: both store the same addresses, so nothing
 * is lost.  dlsym may allocate, and so call our free(): it finds the table as
 * far as it got (see alloc.c).
 */
void oc_real_resolve(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *f = dlsym(RTLD_NEXT, rows[i].name);
        if (!f && rows[i].required)
            oc_log(OC_LOG_ERROR, "libc has no %s: onecopy is off in this process", rows[i].name);
        memcpy((char *)&oc_real + rows[i].at, &f, sizeof f);
    }
#ifdef OC_SYSCALL_BY_LIBC
    oc_syscall_libc = oc_real.syscall; /* not ours of that name */
#endif
    oc_real_ready = true;
}

void oc_real_resolve_late(const char *name, size_t at)
{
    void *f = dlsym(RTLD_NEXT, name);
    memcpy((char *)&oc_real + at, &f, sizeof f);
}
