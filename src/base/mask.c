/*
 * The program's signal masks, of which a thread that copies gives the kernel all but
 * SIGBUS and SIGSEGV.
 */
#include "base/guard-inside.h"

__thread struct oc_mask_wish oc_mask_wish __attribute__((tls_model("initial-exec")));

/* The signals that libc uses itself and never lets a program block, and those that the
 * kernel does not. */
#define LIBC_OWN   (OC_BIT(32) | OC_BIT(33))
#define KERNEL_OWN (OC_BIT(SIGKILL) | OC_BIT(SIGSTOP))

/* Record a wish; REAL is the mask that the kernel has or gets with it. */
static void wish(uint64_t wished, uint64_t real)
{
    oc_mask_wish.wished = wished & OC_BOTH;
    oc_mask_wish.witness = real & ~(OC_BOTH | KERNEL_OWN);
}

static uint64_t combine(int how, uint64_t now, uint64_t set)
{
    switch (how) {
    case SIG_BLOCK:
        return now | set;
    case SIG_UNBLOCK:
        return now & ~set;
    default:
        return set;
    }
}

int oc_guard_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    uint64_t given = 0, passed, real = 0;
    if (set)
        given = oc_mask_of(set);
    if (how != SIG_UNBLOCK)
        given &= ~(LIBC_OWN | KERNEL_OWN);
    passed = oc_guard_masked() ? given & ~OC_BOTH : given;
    long failed = OC_SYS_4(SYS_rt_sigprocmask, how, set ? &passed : NULL, &real, sizeof real);
    if (failed)
        return (int)-failed;
    uint64_t wished = oc_guard_masked() ? oc_mask_wished(real) : 0;
    if (set && oc_guard_masked())
        wish(combine(how, wished, given), combine(how, real, passed));
    if (old)
        oc_mask_to(old, real | wished);
    return 0;
}

const sigset_t *oc_guard_wait_begin(struct oc_guard_wait *wait, const sigset_t *mask)
{
    wait->swapped = mask && oc_guard_masked();
    if (!wait->swapped)
        return mask;
    uint64_t given = oc_mask_of(mask);
    wait->mask = *mask;
    oc_mask_to(&wait->mask, given & ~OC_BOTH);
    wait->wished = oc_mask_wish.wished;
    wait->witness = oc_mask_wish.witness;
    wish(given, given);
    return &wait->mask;
}

void oc_guard_wait_end(const struct oc_guard_wait *wait)
{
    if (!wait->swapped || !oc_guard_masked())
        return;
    oc_mask_wish.wished = wait->wished;
    oc_mask_wish.witness = wait->witness;
}

/* With all signals blocked, so that no handler meets the change half made. */
static void give_back(enum oc_guard_state next)
{
    uint64_t all = UINT64_MAX, real;
    if (oc_guard_masked()) {
        real = oc_mask_real(SIG_SETMASK, &all);
        real |= oc_mask_wished(real);
        oc_mask_wish = (struct oc_mask_wish){0};
        oc_guard_state = next;
        oc_mask_real(SIG_SETMASK, &real);
    }
    oc_guard_state = next;
}

void oc_guard_give_up_thread(void)
{
    give_back(OC_GUARD_NEVER);
}

void oc_guard_awaited(const sigset_t *set)
{
    if (oc_guard_masked() && set && (oc_mask_of(set) & OC_BOTH))
        give_back(OC_GUARD_NEVER);
}

void oc_guard_before_exec(void)
{
    if (oc_guard_masked())
        give_back(OC_GUARD_UNKNOWN);
}

bool oc_guard_wishes(void)
{
    return oc_guard_masked() && oc_mask_wish.wished;
}
