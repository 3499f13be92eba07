/*
 * What the guard's files share.
 */
#ifndef OC_GUARD_INSIDE_H
#define OC_GUARD_INSIDE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "base/guard.h"
#include "base/sys.h"

/* The two signals as bits of a kernel mask. */
#define OC_BIT(sig) (UINT64_C(1) << ((sig)-1))
#define OC_BOTH     (OC_BIT(SIGBUS) | OC_BIT(SIGSEGV))

/* The kernel's masks are the first word of libc's. */
static inline uint64_t oc_mask_of(const sigset_t *set)
{
    uint64_t mask;
    __builtin_memcpy(&mask, set, sizeof mask);
    return mask;
}

static inline void oc_mask_to(sigset_t *set, uint64_t mask)
{
    __builtin_memcpy(set, &mask, sizeof mask);
}

/* rt_sigprocmask: the mask before; set NULL: just ask. */
static inline uint64_t oc_mask_real(int how, const uint64_t *set)
{
    uint64_t old = 0;
    OC_SYS_4(SYS_rt_sigprocmask, how, set, &old, sizeof old);
    return old;
}

/*
 * The wished part of this thread's mask.  `wished` goes stale without a word when
 * the kernel restores an older mask (return from a handler, siglongjmp,
 * setcontext), so it is believed only while the real mask still holds all that the
 * program's last call had left in it: `witness`.
 */
struct oc_mask_wish {
    uint64_t wished; /* subset of OC_BOTH */
    uint64_t witness;
    /* A handler of the program for one of the two is (or, after a siglongjmp, was)
     * running: a signal found blocked is the kernel's doing, not the program's. */
    bool delivering;
};
extern __thread struct oc_mask_wish oc_mask_wish __attribute__((tls_model("initial-exec")));

/* Which of the two the program wishes blocked, given the real mask. */
static inline uint64_t oc_mask_wished(uint64_t real)
{
    const struct oc_mask_wish *w = &oc_mask_wish;
    return (real & w->witness) == w->witness ? w->wished : 0;
}

/* Does the caller own the guard's state?  Not the child of vfork. */
bool oc_guard_is_owner(void);

/* libc's sigaction: 0 or an errno value, errno itself kept. */
int oc_guard_real_sigaction(int sig, const struct sigaction *act, struct sigaction *old);

/* disposition.c */

/* Put ours in the place of the program's handlers; false when that must not be.  Idempotent. */
bool oc_disposition_take(void (*handler)(int, siginfo_t *, void *));
/* A fault that is not ours. */
void oc_disposition_deliver(int sig, siginfo_t *info, ucontext_t *uc);

/* others.c */

/* sigaction for all other signals: 0 or an errno value. */
int oc_others_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
/* Handlers that were set before the shim saw every sigaction.  Under oc_lock. */
void oc_others_take(void);

/* Put our handlers in place of the program's, if copying is not over. */
void oc_guard_take_over(void);

#endif
