#include "image/stream.h"

#include "base/lock.h"
#include "base/log.h"

enum { READS = 16, ENOUGH = 2 };

/* The last reads considered for lending.  Under oc_lock. */
static struct {
    oc_file_id file;
    uintptr_t start, end;
    uint64_t from;
} reads[READS];
static unsigned next_read;

bool oc_stream_seen(struct oc_file *file)
{
    unsigned times = atomic_fetch_add_explicit(&file->reused, 1, memory_order_relaxed) + 1;

    if (times != ENOUGH)
        return false;
    atomic_store_explicit(&file->no_lend, true, memory_order_relaxed);
    oc_log(OC_LOG_INFO, "file %llu:%llu is read as a stream: not lent any more",
           (unsigned long long)file->dev, (unsigned long long)file->ino);
    return true;
}

/* Other bytes to the same memory; the same bytes to the same memory are a reload. */
static enum oc_stream_sign look(oc_file_id file, uintptr_t start, uintptr_t end, uint64_t from)
{
    enum oc_stream_sign sign = OC_STREAM_FIRST;

    for (unsigned i = 0; i < READS; i++) {
        if (reads[i].file != file)
            continue;
        if (reads[i].start >= end || reads[i].end <= start)
            sign = OC_STREAM_BESIDE;
        else if (start - reads[i].start != from - reads[i].from)
            return OC_STREAM_REUSED;
    }
    return sign;
}

enum oc_stream_sign oc_stream_note(const struct oc_file *file, uintptr_t buf, uint64_t from,
                                   uint64_t to)
{
    uintptr_t end = buf + (uintptr_t)(to - from);
    enum oc_stream_sign sign;
    struct oc_lock_state st;

    oc_lock(&st);
    sign = look(file->id, buf, end, from);
    reads[next_read].file = file->id;
    reads[next_read].start = buf;
    reads[next_read].end = end;
    reads[next_read].from = from;
    next_read = (next_read + 1) % READS;
    oc_unlock(&st);
    return sign;
}
