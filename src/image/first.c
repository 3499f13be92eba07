#include "image/first.h"

#include "base/own.h"
#include "base/sys.h"
#include "base/vma.h"
#include "image/history.h"
#include "image/home.h"

#define LARGE ((uint64_t)32 << 20) /* no stream's buffer is */

enum { PART = 4 }; /* nor one such part of the file */

static bool note(int dir, const struct oc_identity *id, enum oc_history_what what)
{
    const struct oc_history_note entry = {.id = *id, .what = what};

    return oc_history_note(dir, &entry, UINT64_MAX);
}

static bool knows(int dir, const struct oc_identity *id, enum oc_history_what what)
{
    const struct oc_history_note entry = {.id = *id, .what = what};

    return oc_history_knows(dir, &entry, UINT64_MAX);
}

/* Has another process begun like this, and no stream come of it? */
static bool others_loaded(const struct oc_identity *id)
{
    int dir = oc_home_first(true);
    bool did;

    if (dir < 0)
        return false;
    did = !note(dir, id, OC_HISTORY_BEGUN) && knows(dir, id, OC_HISTORY_BEGUN) &&
          !knows(dir, id, OC_HISTORY_STREAM);
    oc_own_close(dir);
    return did;
}

static bool is_large(const struct oc_first *p)
{
    uint64_t n = p->to - p->from, rest = p->id->size - p->to;
    uintptr_t end = p->buf + (uintptr_t)n;

    return n >= LARGE || n >= p->id->size / PART ||
           (uintptr_t)oc_vma_ceiling((void *)(end - 1)) >= end + rest;
}

bool oc_first_waits(const struct oc_first *p)
{
    if (p->sign != OC_STREAM_REUSED && atomic_load_explicit(&p->file->loaded, memory_order_relaxed))
        return false;
    if (is_large(p) || p->sign == OC_STREAM_BESIDE ||
        (p->sign == OC_STREAM_FIRST && others_loaded(p->id))) {
        atomic_store_explicit(&p->file->loaded, true, memory_order_relaxed);
        return false;
    }
    return true;
}

void oc_first_was_stream(const struct oc_identity *id)
{
    int dir = oc_home_first(true);

    if (dir < 0)
        return;
    note(dir, id, OC_HISTORY_STREAM);
    oc_own_close(dir);
}
