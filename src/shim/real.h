/*
 * libc's functions behind our names.
 *
 * One table, typed by libc's own declarations so that no prototype can drift.
 * Filled by the constructor, or by the first call that comes before it;
 * oc_real.NAME of a required function is never NULL after that.  Optional ones
 * (newer or older glibc) may be NULL.
 */
#ifndef OC_REAL_H
#define OC_REAL_H

#include "shim/shim.h"

/* Old names are wrapped as well. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
struct oc_real {
#define OC_REQUIRED(name) __typeof__(name) *name;
#define OC_OPTIONAL(name) __typeof__(name) *name;
#define OC_LATE(name)     __typeof__(name) *name;
#include "shim/names.h"
#undef OC_REQUIRED
#undef OC_OPTIONAL
#undef OC_LATE
};
#pragma GCC diagnostic pop

extern struct oc_real oc_real __attribute__((visibility("hidden")));
extern bool oc_real_ready __attribute__((visibility("hidden")));

void oc_real_resolve(void);

/* The real function, resolved first when we are called before the constructor. */
#define OC_REAL(name)                                                                              \
    (__builtin_expect(!oc_real_ready, 0) ? oc_real_resolve() : (void)0, oc_real.name)

/* The same for those of OC_LATE; threads that look one up at once find and store the same. */
typedef void *oc_real_any __attribute__((may_alias)); /* a member, whatever its type */

void *oc_real_resolve_late(const char *name, size_t at) __attribute__((cold));

static inline void *oc_real_late(const char *name, size_t at)
{
    void *f = __atomic_load_n((oc_real_any *)((char *)&oc_real + at), __ATOMIC_RELAXED);

    return __builtin_expect(f != NULL, 1) ? f : oc_real_resolve_late(name, at);
}

#define OC_REAL_LATE(name)                                                                         \
    ((__typeof__(oc_real.name))oc_real_late(#name, offsetof(struct oc_real, name)))

#endif
