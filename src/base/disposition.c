/*
 * The program's dispositions of SIGBUS and SIGSEGV, which the kernel would have if
 * ours were not there, and acting on them as the kernel would.
 */
#include "base/guard-inside.h"

#include "base/lock.h"
#include "base/wish.h"

struct disposition {
    _Atomic bool taken; /* the kernel has our handler */
    struct oc_wished wished;
    /* What libc adds of its own to what it reports; under oc_lock. */
    int libc_flags;
    void (*restorer)(void);
    int our_flags;
};
static struct disposition dispositions[2];

static void (*our_handler)(int, siginfo_t *, void *);

/* Flags of the program's that the kernel acts on before our handler is called. */
#define KERNEL_FLAGS (SA_ONSTACK | SA_RESTART)

#ifndef SA_UNSUPPORTED
#define SA_UNSUPPORTED 0x00000400
#endif
#ifndef SA_EXPOSE_TAGBITS
#define SA_EXPOSE_TAGBITS 0x00000800
#endif
#define OC_SA_RESTORER 0x04000000 /* libc's own, where the architecture has it */

/* What the kernel keeps of the flags that it is given, and reports: since Linux 5.11 those that it
 * knows, before that all of them. */
static int kept_flags = (int)(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |
                              SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS | OC_SA_RESTORER);

static struct disposition *disposition_of(int sig)
{
    if (sig != SIGBUS && sig != SIGSEGV)
        return NULL;
    return &dispositions[sig == SIGSEGV];
}

static struct oc_wish wish_of(const struct sigaction *act)
{
    return (struct oc_wish){
        .handler = (uintptr_t)act->sa_sigaction,
        .mask = oc_mask_of(&act->sa_mask) & ~(OC_BIT(SIGKILL) | OC_BIT(SIGSTOP)),
        .flags = act->sa_flags & kept_flags,
    };
}

static void report(struct disposition *d, struct sigaction *old)
{
    struct oc_wish w = oc_wish_read(&d->wished);
    old->sa_sigaction = (void (*)(int, siginfo_t *, void *))w.handler;
    old->sa_flags = w.flags;
    old->sa_restorer = w.flags & d->libc_flags ? d->restorer : NULL;
    oc_mask_to(&old->sa_mask, w.mask);
}

/* ---- taking over ---- */

/* Give the kernel our handler for SIG, in the way that the wish needs it. */
static bool install(int sig, struct disposition *d, int wished_flags, struct sigaction *old)
{
    struct sigaction ours = {.sa_sigaction = our_handler};
    uint64_t all = UINT64_MAX;
    ours.sa_flags = SA_SIGINFO | SA_UNSUPPORTED | (wished_flags & KERNEL_FLAGS);
    oc_mask_to(&ours.sa_mask, all);
    if (oc_guard_real_sigaction(sig, &ours, old) != 0)
        return false;
    d->our_flags = ours.sa_flags;
    return true;
}

static bool take(int sig, struct disposition *d)
{
    struct sigaction old, now;
    if (atomic_load(&d->taken))
        return true;
    if (oc_guard_real_sigaction(sig, NULL, &old) != 0 || old.sa_handler == SIG_IGN)
        return false;
    oc_wish_write(&d->wished, wish_of(&old));
    /* With no handler of the program's, nothing that the signal interrupts may notice. */
    int flags = old.sa_handler == SIG_DFL ? SA_RESTART : old.sa_flags;
    if (!install(sig, d, flags, NULL))
        return false;
    oc_guard_real_sigaction(sig, NULL, &now);
    d->restorer = now.sa_restorer;
    d->libc_flags = now.sa_flags & ~d->our_flags;
    if (now.sa_flags & SA_UNSUPPORTED)
        kept_flags = ~0;
    atomic_store(&d->taken, true);
    return true;
}

bool oc_disposition_take(void (*handler)(int, siginfo_t *, void *))
{
    static _Atomic bool done;
    struct oc_lock_state ls;
    if (atomic_load_explicit(&done, memory_order_acquire))
        return true;
    oc_lock(&ls);
    our_handler = handler;
    bool ok = take(SIGBUS, &dispositions[0]) && take(SIGSEGV, &dispositions[1]);
    if (ok && !atomic_load(&done)) {
        oc_others_take();
        atomic_store_explicit(&done, true, memory_order_release);
    }
    oc_unlock(&ls);
    return ok;
}

/* ---- sigaction by the program ---- */

/* Under oc_lock, with ours in place. */
static void change(int sig, struct disposition *d, const struct sigaction *act)
{
    struct oc_wish w = wish_of(act);
    w.flags |= d->libc_flags;
    oc_wish_write(&d->wished, w);
    if (act->sa_handler == SIG_IGN) {
        /* Inherited over exec, so the kernel has to know: no copying from now on. */
        oc_guard_give_up();
        atomic_store(&d->taken, false);
        oc_guard_real_sigaction(sig, act, NULL);
        return;
    }
    int flags = act->sa_handler == SIG_DFL ? SA_RESTART : act->sa_flags;
    if ((flags ^ d->our_flags) & KERNEL_FLAGS)
        install(sig, d, flags, NULL);
}

static void taken_sigaction(int sig, struct disposition *d, const struct sigaction *act,
                            struct sigaction *old)
{
    struct sigaction new;
    if (act)
        new = *act; /* may be the same as old */
    if (old)
        report(d, old);
    if (act)
        change(sig, d, &new);
}

/* The kernel has the program's handler, or the caller is the child of vfork: its
 * dispositions are its own, copied from ours.  0 or an errno value. */
static int plain_sigaction(int sig, struct disposition *d, const struct sigaction *act,
                           struct sigaction *old)
{
    int failed = oc_guard_real_sigaction(sig, act, old);
    if (!failed && old && our_handler && old->sa_sigaction == our_handler)
        report(d, old);
    return failed;
}

/*
 * A handler that the kernel called itself, before ours were in place, would be unknown: were
 * the thread's first copy made in it, the signal blocked by the kernel would be taken for the
 * program's wish.  So ours come before the program's first.
 */
static void come_first(const struct disposition *d, const struct sigaction *act)
{
    if (act && act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN &&
        !atomic_load(&d->taken) && oc_guard_is_owner())
        oc_guard_take_over();
}

int oc_guard_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    struct disposition *d = disposition_of(sig);
    struct oc_lock_state ls;
    int failed = 0;
    if (d)
        come_first(d, act);
    if (!d) {
        failed = oc_others_sigaction(sig, act, old);
    } else {
        oc_lock(&ls);
        if (atomic_load(&d->taken) && oc_guard_is_owner())
            taken_sigaction(sig, d, act, old);
        else
            failed = plain_sigaction(sig, d, act, old);
        oc_unlock(&ls);
    }
    if (!failed)
        return 0;
    errno = failed;
    return -1;
}

/* ---- delivering ---- */

/* Raised by the instruction that was interrupted, rather than sent or reported? */
static bool synchronous(int sig, const siginfo_t *info)
{
    if (sig == SIGBUS && info->si_code == BUS_MCEERR_AO)
        return false;
#ifdef SEGV_MTEAERR
    if (sig == SIGSEGV && info->si_code == SEGV_MTEAERR)
        return false;
#endif
    return info->si_code > 0;
}

static void send_to_thread(int sig, siginfo_t *info)
{
    int pid = oc_sys_pid(), tid = oc_sys_tid();
    if (OC_SYS_4(SYS_rt_tgsigqueueinfo, pid, tid, sig, info) != 0)
        OC_SYS_3(SYS_tgkill, pid, tid, sig);
}

static void send_again(int sig, siginfo_t *info)
{
    /* To the process again, so that a thread that does not block it may take it; the
     * kernel lets only the first thread repeat a kill(). */
    if (info->si_code == SI_TKILL || OC_SYS_3(SYS_rt_sigqueueinfo, oc_sys_pid(), sig, info) != 0)
        send_to_thread(sig, info);
}

/* Sent while the program has it blocked: it has to stay pending, so this thread gets
 * its wished mask for real, and copies no more. */
static void hold(int sig, siginfo_t *info, ucontext_t *uc, uint64_t wished)
{
    oc_mask_to(&uc->uc_sigmask, oc_mask_of(&uc->uc_sigmask) | wished);
    oc_guard_state = OC_GUARD_NEVER;
    oc_mask_wish = (struct oc_mask_wish){0};
    send_again(sig, info);
}

/* The default action, at the instruction that was interrupted and with the same siginfo:
 * the signal is blocked here, and is delivered as soon as the handler returns. */
static void die(int sig, siginfo_t *info)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    oc_guard_give_up();
    oc_guard_real_sigaction(sig, &act, NULL);
    send_to_thread(sig, info);
}

/* SA_RESETHAND: whoever comes second finds the default action. */
static struct oc_wish take_once(struct disposition *d)
{
    struct oc_lock_state ls;
    oc_lock(&ls);
    struct oc_wish w = oc_wish_read(&d->wished), none = w;
    none.handler = (uintptr_t)SIG_DFL;
    if (w.flags & (int)SA_RESETHAND)
        oc_wish_write(&d->wished, none);
    oc_unlock(&ls);
    return w;
}

/*
 * While it runs, the kernel has the mask that it would have had without us, and the
 * thread has to ask before it copies.  It may well not return.
 */
static void call(struct oc_wish w, int sig, siginfo_t *info, ucontext_t *uc)
{
    uint64_t all = UINT64_MAX, real = oc_mask_of(&uc->uc_sigmask);
    struct oc_mask_wish saved = oc_mask_wish;
    enum oc_guard_state state = oc_guard_state;
    uint64_t wished = state == OC_GUARD_READY ? oc_mask_wished(real) : 0;
    uint64_t mask = real | wished | w.mask | (w.flags & SA_NODEFER ? 0 : OC_BIT(sig));

    if (state == OC_GUARD_READY)
        oc_guard_state = OC_GUARD_UNKNOWN;
    oc_mask_wish = (struct oc_mask_wish){.delivering = true};
    oc_mask_to(&uc->uc_sigmask, real | wished);
    oc_mask_real(SIG_SETMASK, &mask);
    ((void (*)(int, siginfo_t *, void *))w.handler)(sig, info, uc);
    oc_mask_real(SIG_SETMASK, &all);

    real = oc_mask_of(&uc->uc_sigmask);
    if (state != OC_GUARD_READY || oc_guard_state == OC_GUARD_NEVER) {
        oc_mask_wish = (struct oc_mask_wish){.delivering = saved.delivering};
        return;
    }
    oc_guard_state = OC_GUARD_READY;
    oc_mask_wish = saved;
    if ((real & OC_BOTH) != wished) /* the handler has changed what will be restored */
        oc_mask_wish = (struct oc_mask_wish){real & OC_BOTH, real & ~OC_BOTH, false};
    oc_mask_to(&uc->uc_sigmask, real & ~OC_BOTH);
}

void oc_disposition_deliver(int sig, siginfo_t *info, ucontext_t *uc)
{
    struct disposition *d = disposition_of(sig);
    struct oc_wish w = oc_wish_read(&d->wished);
    bool sync = synchronous(sig, info);
    uint64_t wished = 0;
    if (oc_guard_state == OC_GUARD_READY)
        wished = oc_mask_wished(oc_mask_of(&uc->uc_sigmask));
    bool blocked = wished & OC_BIT(sig);

    if (blocked && !sync) {
        hold(sig, info, uc, wished);
        return;
    }
    /* A fault cannot wait, nor be ignored. */
    if (blocked || (sync && w.handler == (uintptr_t)SIG_IGN))
        w.handler = (uintptr_t)SIG_DFL;
    else if (w.handler != (uintptr_t)SIG_DFL && (w.flags & (int)SA_RESETHAND))
        w = take_once(d);

    if (w.handler == (uintptr_t)SIG_IGN)
        return;
    if (w.handler == (uintptr_t)SIG_DFL)
        die(sig, info);
    else
        call(w, sig, info, uc);
}
