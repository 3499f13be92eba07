#include "base/starting.h"

#include <stdatomic.h>

static _Atomic unsigned under_way, moment;

unsigned oc_starting_moment(void)
{
    return atomic_load(&moment);
}

/* In this order: whoever ends a start counts it first. */
bool oc_starting_none_since(unsigned since)
{
    return !atomic_load(&under_way) && atomic_load(&moment) == since;
}

void oc_starting_begin(void)
{
    atomic_fetch_add(&under_way, 1);
}

void oc_starting_done(void)
{
    atomic_fetch_add(&moment, 1);
}

void oc_starting_end(void)
{
    oc_starting_done();
    atomic_fetch_sub(&under_way, 1);
}

void oc_starting_in_child(void)
{
    atomic_store(&under_way, 0);
    oc_starting_done();
}
