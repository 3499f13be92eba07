/*
 * A futex mutex: 0 free, 1 held, 2 held and somebody may be waiting.
 *
 * pthread_mutex would do the same, but its unlock reaches for thread state that
 * a vfork child does not own, and it cannot be handed to a forked child in a
 * known state.
 */
#include "base/lock.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/sys.h"

#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif

enum { FREE, HELD, CONTENDED };

static _Atomic uint32_t word;

static void wait_for_free(void)
{
    while (atomic_exchange_explicit(&word, CONTENDED, memory_order_acquire) != FREE)
        OC_SYS_4(SYS_futex, &word, FUTEX_WAIT_PRIVATE, CONTENDED, NULL);
}

void oc_lock(struct oc_lock_state *st)
{
    uint32_t seen = FREE;

    oc_sys_hold_signals(&st->before);
    if (!atomic_compare_exchange_strong_explicit(&word, &seen, HELD, memory_order_acquire,
                                                 memory_order_relaxed))
        wait_for_free();
}

void oc_unlock(const struct oc_lock_state *st)
{
    if (atomic_exchange_explicit(&word, FREE, memory_order_release) == CONTENDED)
        OC_SYS_3(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
    oc_sys_let_signals(&st->before);
}

/* Whoever waited stayed behind in the parent, so the lock is held and nobody waits:
 * the fork wrapper unlocks on both sides alike. */
void oc_lock_reset_in_child(void)
{
    atomic_store_explicit(&word, HELD, memory_order_relaxed);
}
