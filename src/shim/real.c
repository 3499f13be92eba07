#include "shim/real.h"

#include "base/log.h"
#include "base/sys.h"

struct oc_real oc_real;
bool oc_real_ready;

/*
 * The names, one behind the other, and where they begin: no pointers, which the dynamic loader
 * would have to make, in memory of this process's own.
 */
#define OC_LATE(name)

static const struct {
#define OC_REQUIRED(name) char name_##name[sizeof #name];
#define OC_OPTIONAL(name) char name_##name[sizeof #name];
#include "shim/names.h"
#undef OC_REQUIRED
#undef OC_OPTIONAL
} names = {
#define OC_REQUIRED(name) #name,
#define OC_OPTIONAL(name) #name,
#include "shim/names.h"
#undef OC_REQUIRED
#undef OC_OPTIONAL
};

static const struct {
    unsigned short name, at;
    bool required;
} rows[] = {
#define OC_REQUIRED(name)                                                                          \
    {offsetof(__typeof__(names), name_##name), offsetof(struct oc_real, name), true},
#define OC_OPTIONAL(name)                                                                          \
    {offsetof(__typeof__(names), name_##name), offsetof(struct oc_real, name), false},
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
        const char *name = (const char *)&names + rows[i].name;
        void *f = dlsym(RTLD_NEXT, name);
        if (!f && rows[i].required)
            oc_log(OC_LOG_ERROR, "libc has no %s: onecopy is off in this process", name);
        memcpy((char *)&oc_real + rows[i].at, &f, sizeof f);
    }
#ifdef OC_SYSCALL_BY_LIBC
    oc_syscall_libc = oc_real.syscall; /* not ours of that name */
#endif
    oc_real_ready = true;
}

void *oc_real_resolve_late(const char *name, size_t at)
{
    void *f = dlsym(RTLD_NEXT, name);

    __atomic_store_n((oc_real_any *)((char *)&oc_real + at), f, __ATOMIC_RELAXED);
    return f;
}
