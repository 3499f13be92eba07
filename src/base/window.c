#include "base/window.h"

#include <stddef.h>

#include "base/counters.h"
#include "base/reasons.h"
#include "base/thread.h"

#define X(name, text) #name " "
static const char names[] = OC_COUNTER_LIST(X);
#undef X

const struct oc_window oc_window __attribute__((used)) = {
    .magic = OC_WINDOW_MAGIC,
    .pointer = sizeof(void *),
    .counters = sizeof(struct oc_counters) / sizeof(uint64_t),
    .thread_size = sizeof(struct oc_thread),
    .count_at = offsetof(struct oc_thread, count),
    .reasons = OC_REASONS,
    .names_size = sizeof names,
    .self = &oc_window,
    .names = names,
    .threads = oc_thread_records,
    .threads_used = &oc_thread_high,
    .reason = oc_reasons,
};
