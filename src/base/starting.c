#include "base/starting.h"

#include "base/quick.h"

static _Atomic unsigned under_way[2];

/* Starts that are over: programs' in the upper half. */
OC_QUICK _Atomic uint64_t oc_starting_count;

/* In this order: whoever ends a start counts it first. */
bool oc_starting_none_since(uint64_t since, bool cloexec)
{
    if (atomic_load(&under_way[OC_START_ANY]) ||
        (!cloexec && atomic_load(&under_way[OC_START_PROGRAM])))
        return false;
    uint64_t others = atomic_load(&oc_starting_count) ^ since;
    return (cloexec ? (uint32_t)others : others) == 0;
}

bool oc_starting_program(void)
{
    return atomic_load(&under_way[OC_START_PROGRAM]) != 0;
}

void oc_starting_begin(enum oc_start kind)
{
    atomic_fetch_add(&under_way[kind], 1);
}

void oc_starting_done(void)
{
    atomic_fetch_add(&oc_starting_count, 1);
}

void oc_starting_end(enum oc_start kind)
{
    atomic_fetch_add(&oc_starting_count, kind == OC_START_PROGRAM ? UINT64_C(1) << 32 : 1);
    atomic_fetch_sub(&under_way[kind], 1);
}

void oc_starting_in_child(void)
{
    atomic_store(&under_way[OC_START_ANY], 0);
    atomic_store(&under_way[OC_START_PROGRAM], 0);
    oc_starting_done();
}
