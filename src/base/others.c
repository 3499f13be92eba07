/*
 * Handlers of other signals, in whose sa_mask the program has SIGBUS or SIGSEGV.
 *
 * The kernel does not get these two there: a copy in such a handler may fault.  A handler of ours
 * goes first, and makes them the thread's wish for as long as the program's runs; in a
 * thread that does not copy it has them blocked in earnest.
 */
#include "base/guard-inside.h"
#include "base/lock.h"
#include "base/wish.h"

static struct oc_wished others[_NSIG];

static void call(const struct oc_wish *w, int sig, siginfo_t *info, void *context)
{
    ((void (*)(int, siginfo_t *, void *))w->handler)(sig, info, context);
}

/* The thread copies, or may: the kernel's mask has neither of the two. */
static void call_wishing(const struct oc_wish *w, int sig, siginfo_t *info, ucontext_t *uc)
{
    struct oc_mask_wish saved = oc_mask_wish;
    uint64_t real = oc_mask_of(&uc->uc_sigmask), wished = oc_mask_wished(real);

    oc_mask_wish.wished = wished | (w->mask & OC_BOTH);
    oc_mask_wish.witness =
        (real | w->mask | OC_BIT(sig)) & ~(OC_BOTH | OC_BIT(SIGKILL) | OC_BIT(SIGSTOP));
    call(w, sig, info, uc);
    if (oc_guard_masked()) {
        oc_mask_wish = saved;
        return;
    }
    /* It has given the thread up: what the return restores is to be in earnest, too. */
    oc_mask_wish = (struct oc_mask_wish){.delivering = saved.delivering};
    oc_mask_to(&uc->uc_sigmask, oc_mask_of(&uc->uc_sigmask) | wished);
}

static void on_other(int sig, siginfo_t *info, void *context)
{
    struct oc_wish w = oc_wish_read(&others[sig]);
    uint64_t both = w.mask & OC_BOTH;

    if (oc_guard_masked()) {
        call_wishing(&w, sig, info, context);
        return;
    }
    oc_mask_real(SIG_BLOCK, &both);
    call(&w, sig, info, context);
}

/* With SA_NODEFER nothing in a thread's mask may tell that the handler was left by a longjmp. */
static bool goes_first(const struct sigaction *act)
{
    return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN &&
           !(act->sa_flags & SA_NODEFER) && (oc_mask_of(&act->sa_mask) & OC_BOTH);
}

static void report(const struct oc_wish *w, struct sigaction *old)
{
    oc_mask_to(&old->sa_mask, oc_mask_of(&old->sa_mask) | (w->mask & OC_BOTH));
    if (old->sa_sigaction != on_other)
        return;
    old->sa_sigaction = (void (*)(int, siginfo_t *, void *))w->handler;
    if (!(w->flags & SA_SIGINFO))
        old->sa_flags &= ~SA_SIGINFO;
}

/* What the kernel gets for ACT. */
static struct sigaction instead_of(const struct sigaction *act, bool first)
{
    struct sigaction ours = *act;

    oc_mask_to(&ours.sa_mask, oc_mask_of(&act->sa_mask) & ~OC_BOTH);
    if (first) {
        ours.sa_sigaction = on_other;
        ours.sa_flags |= SA_SIGINFO;
    }
    return ours;
}

/* Under oc_lock.  The wish before the handler that acts on it. */
static int change(int sig, const struct sigaction *act, struct sigaction *old)
{
    struct sigaction ours = instead_of(act, goes_first(act));
    struct oc_wish before = oc_wish_read(&others[sig]);
    struct oc_wish after = {(uintptr_t)act->sa_sigaction, oc_mask_of(&act->sa_mask), act->sa_flags};

    oc_wish_write(&others[sig], after);
    int failed = oc_guard_real_sigaction(sig, &ours, old);
    if (failed)
        oc_wish_write(&others[sig], before);
    else if (old)
        report(&before, old);
    return failed;
}

/* Only asked for, or by the child of vfork: the wishes are its parent's, the handlers its own. */
static int pass_on(int sig, const struct sigaction *act, struct sigaction *old)
{
    struct sigaction ours;

    if (act)
        ours = instead_of(act, false);
    int failed = oc_guard_real_sigaction(sig, act ? &ours : NULL, old);
    if (!failed && old) {
        struct oc_wish w = oc_wish_read(&others[sig]);
        report(&w, old);
    }
    return failed;
}

int oc_others_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    struct oc_lock_state ls;
    int failed;

    if (sig <= 0 || sig >= _NSIG)
        return oc_guard_real_sigaction(sig, act, old);
    if (!oc_guard_is_owner())
        return pass_on(sig, act, old);
    oc_lock(&ls);
    failed = act ? change(sig, act, old) : pass_on(sig, act, old);
    oc_unlock(&ls);
    return failed;
}

void oc_others_take(void)
{
    struct sigaction act;

    for (int sig = 1; sig < _NSIG; sig++) {
        if (sig == SIGKILL || sig == SIGSTOP || OC_BIT(sig) & OC_BOTH ||
            oc_guard_real_sigaction(sig, NULL, &act) != 0 || act.sa_handler == SIG_DFL ||
            act.sa_handler == SIG_IGN || !(oc_mask_of(&act.sa_mask) & OC_BOTH))
            continue;
        (void)change(sig, &act, NULL);
    }
}
