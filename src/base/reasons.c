#include "base/reasons.h"

#include <stddef.h>

struct oc_reason oc_reasons[OC_REASONS];

/* Is it WHY's, now? */
static int take(struct oc_reason *reason, const char *why)
{
    const char *owner = atomic_load_explicit(&reason->why, memory_order_relaxed);

    if (!owner && atomic_compare_exchange_strong(&reason->why, &owner, why))
        return 1;
    return owner == why;
}

void oc_reasons_count(const char *why)
{
    for (int i = 0; i < OC_REASONS; i++)
        if (take(&oc_reasons[i], why)) {
            atomic_fetch_add_explicit(&oc_reasons[i].count, 1, memory_order_relaxed);
            return;
        }
}

void oc_reasons_in_child(void)
{
    for (int i = 0; i < OC_REASONS; i++)
        atomic_store_explicit(&oc_reasons[i].count, 0, memory_order_relaxed);
}
