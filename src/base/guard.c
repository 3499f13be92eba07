/*
 * The copy, and who may make one.
 *
 * Our faults are recognised by thread-local state: a copy is under way, the fault
 * happened at its depth of the stack, and the address is in its source or
 * destination.  (Small copies are recognised by their instructions; see small.h.)  The handler then
 * lets the thread go on in copy_failed(), on its own stack and with its own mask, as if the copy
 * had called it; that jumps back to the copy's start.  Leaving the handler by its return puts back
 * all that the kernel keeps (mask, alternate stack), whatever that is.
 */
#include "base/guard.h"

#include <string.h>
#include <sys/auxv.h>

#include "base/guard-inside.h"
#include "base/lock.h"
#include "base/thread.h"

__thread enum oc_guard_state oc_guard_state __attribute__((tls_model("initial-exec")));
_Atomic int oc_guard_open = OC_GUARD_READY;
_Atomic int oc_guard_quick = OC_GUARD_READY;

const struct oc_guard_libc *oc_guard_libc;
static int owner_pid;

#if defined(__clang__) && !defined(__x86_64__) && !defined(__i386__)
#include <setjmp.h>
typedef jmp_buf jump_buffer;
#define JUMP_SET(buffer) _setjmp(buffer)
#define JUMP(buffer)     _longjmp((buffer), 1)
#else
typedef void *jump_buffer[5];
#define JUMP_SET(buffer) __builtin_setjmp(buffer)
#define JUMP(buffer)     __builtin_longjmp((buffer), 1)
#endif

/* The copy that this thread has under way; n is 0 when there is none. */
struct copy {
    size_t n;
    uintptr_t dst, src, frame;
    jump_buffer back;
};
static __thread struct copy copy __attribute__((tls_model("initial-exec")));

/* Keeps the compiler from moving thread-local stores past the point where a signal of
 * this thread may look at them. */
static inline void settle(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* In a signal handler that interrupted a copy.  (Or the copy was left by a siglongjmp out
 * of such a handler, and nobody has noticed: then this way is just a little longer.) */
static __attribute__((noinline)) bool copy_nested(void *dst, const void *src, size_t n)
{
    struct copy outer = copy;
    settle();
    copy.n = 0;
    settle();
    bool ok = oc_guard_copy_big(dst, src, n);
    settle();
    copy.n = 1; /* so that a handler that interrupts here saves and restores, too */
    settle();
    size_t outer_n = outer.n;
    outer.n = 1;
    copy = outer;
    settle();
    copy.n = outer_n;
    return ok;
}

__attribute__((noinline)) bool oc_guard_copy_big(void *dst, const void *src, size_t n)
{
    if (__builtin_expect(copy.n != 0, 0))
        return copy_nested(dst, src, n);
    /* n first: whoever interrupts from here on saves what we store. */
    copy.n = n;
    settle();
    copy.dst = (uintptr_t)dst;
    copy.src = (uintptr_t)src;
    copy.frame = (uintptr_t)__builtin_frame_address(0);
    if (JUMP_SET(copy.back)) {
        copy.n = 0;
        return false;
    }
    settle();
    memcpy(dst, src, n);
    settle();
    copy.n = 0;
    return true;
}

static __attribute__((noinline, noreturn, used)) void copy_failed(void)
{
    JUMP(copy.back);
}

/* ---- the fault ---- */

#if defined(__x86_64__)
static uintptr_t stack_of(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
}

/* Below the red zone, aligned as after a call, direction flag clear. */
static void go_on_in(ucontext_t *uc, void (*function)(void))
{
    uc->uc_mcontext.gregs[REG_RSP] = (greg_t)(((stack_of(uc) - 128) & ~(uintptr_t)15) - 8);
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)function;
    uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x400;
}
#elif defined(__i386__)
static uintptr_t stack_of(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.gregs[REG_ESP];
}

static void go_on_in(ucontext_t *uc, void (*function)(void))
{
    uc->uc_mcontext.gregs[REG_ESP] = (greg_t)(((stack_of(uc)) & ~(uintptr_t)15) - 4);
    uc->uc_mcontext.gregs[REG_EIP] = (greg_t)(uintptr_t)function;
    uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x400;
}
#elif defined(__aarch64__)
static uintptr_t stack_of(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.sp;
}

static void go_on_in(ucontext_t *uc, void (*function)(void))
{
    uc->uc_mcontext.pc = (uintptr_t)function;
}
#else
/* Registers unknown: trust the address alone, and jump out of the handler itself. */
static uintptr_t stack_of(const ucontext_t *uc)
{
    (void)uc;
    return copy.frame;
}

static void go_on_in(ucontext_t *uc, void (*function)(void))
{
    uint64_t mask = oc_mask_of(&uc->uc_sigmask);
    oc_mask_real(SIG_SETMASK, &mask);
    function();
}
#endif

/* How far below the copy's frame memcpy may be; a signal's frame is bigger than that. */
#define DEPTH 1024

static bool within(uintptr_t at, uintptr_t from, size_t n)
{
    return at - from < n;
}

static bool is_ours(const siginfo_t *info, const ucontext_t *uc)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    uintptr_t dst = copy.dst, src = copy.src;
    if (copy.n == 0 || info->si_code <= 0 || copy.frame - stack_of(uc) > DEPTH)
        return false;
#ifdef __aarch64__
    /* Pointers may carry a tag, si_addr does not. */
    at = (uintptr_t)((intptr_t)(at << 8) >> 8);
    dst = (uintptr_t)((intptr_t)(dst << 8) >> 8);
    src = (uintptr_t)((intptr_t)(src << 8) >> 8);
#endif
    /* A non-canonical address on x86 is reported without the address. */
    if (info->si_code == SI_KERNEL)
        return true;
    return within(at, dst, copy.n) || within(at, src, copy.n);
}

/* Nothing of the thread has changed but the registers that calls may change. */
static bool end_small(const siginfo_t *info, ucontext_t *uc)
{
#if OC_HAVE_SMALL
    greg_t *pc = &uc->uc_mcontext.gregs[REG_RIP];
    if (info->si_code > 0 && oc_small_at((uintptr_t)*pc)) {
        *pc = (greg_t)(uintptr_t)oc_small_failed;
        return true;
    }
#endif
    (void)info, (void)uc;
    return false;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    bool ours = end_small(info, uc);
    if (!ours && is_ours(info, uc)) {
        go_on_in(uc, copy_failed);
        ours = true;
    }
    if (!ours)
        oc_disposition_deliver(sig, info, uc);
    else if (oc_thread_self)
        oc_count(&oc_thread_self->count.guard_faults, 1);
}

void oc_guard_take_over(void)
{
    if (atomic_load(&oc_guard_open) == OC_GUARD_READY)
        oc_disposition_take(on_fault);
}

/* ---- who may copy ---- */

/* What is left of the stack must take the kernel's frame and our handler. */
static bool too_small(const stack_t *stack)
{
    size_t frame = 0;
#ifdef AT_MINSIGSTKSZ
    frame = getauxval(AT_MINSIGSTKSZ);
#endif
    if (frame < 4096)
        frame = 4096; /* kernels before 5.14 do not tell */
    return !(stack->ss_flags & SS_DISABLE) && stack->ss_size < frame + 2048;
}

static bool altstack_too_small(void)
{
    stack_t stack;
    return OC_SYS_2(SYS_sigaltstack, NULL, &stack) != 0 || too_small(&stack);
}

void oc_guard_altstack(const stack_t *stack)
{
    if (oc_guard_masked() && too_small(stack))
        oc_guard_give_up_thread();
}

/*
 * With all signals blocked, so that no handler meets the change half made.  A signal that
 * was sent while the program had it blocked arrives at the end; see hold() in
 * disposition.c, which gives the thread up.
 */
static bool take_mask(void)
{
    uint64_t all = UINT64_MAX;
    uint64_t real = oc_mask_real(SIG_SETMASK, &all);
    uint64_t ours = real & ~OC_BOTH;
    struct oc_mask_wish *w = &oc_mask_wish;

    if ((real & OC_BOTH) && w->delivering) {
        oc_mask_real(SIG_SETMASK, &real);
        return false;
    }
    *w = (struct oc_mask_wish){.wished = real & OC_BOTH, .witness = ours};
    oc_guard_state = OC_GUARD_READY;
    oc_mask_real(SIG_SETMASK, &ours);
    return oc_guard_state == OC_GUARD_READY;
}

bool oc_guard_ask(void)
{
    if (!oc_guard_libc || atomic_load(&oc_guard_open) != OC_GUARD_READY ||
        oc_guard_state == OC_GUARD_NEVER || !oc_guard_is_owner())
        return false;
    oc_small_look();
    if (!oc_disposition_take(on_fault)) {
        oc_guard_give_up();
        return false;
    }
    if (altstack_too_small()) {
        oc_guard_state = OC_GUARD_NEVER;
        return false;
    }
    return take_mask();
}

void oc_guard_give_up(void)
{
    atomic_store(&oc_guard_open, -1);
    oc_guard_careful();
}

void oc_guard_careful(void)
{
    atomic_store(&oc_guard_quick, -1);
}

/* ---- life ---- */

void oc_guard_use(const struct oc_guard_libc *functions)
{
    owner_pid = oc_sys_pid();
    oc_guard_libc = functions;
}

void oc_guard_in_child(void)
{
    owner_pid = oc_sys_pid();
}

bool oc_guard_is_owner(void)
{
    return oc_sys_pid() == owner_pid;
}

int oc_guard_real_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    int saved = errno;
    int failed = oc_guard_libc->sigaction(sig, act, old) != 0 ? errno : 0;
    errno = saved;
    return failed;
}
