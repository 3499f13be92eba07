/*
 * Views and pins, as programs see them.
 */
#include "api/part.h"

#include <sys/mman.h>

#include "base/sys.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

OC_API int onecopy_get(struct onecopy_file *file, uint64_t offset, size_t length,
                       struct onecopy_view *view)
{
    int saved = errno, err = 0;
    struct oc_part *part = oc_quick_get(file, offset, length);
    if (!part) {
        oc_api_lock();
        err = oc_part_get(file, offset, length, &part);
        oc_api_unlock();
    }
    *view = (struct onecopy_view){0};
    if (!err)
        *view = (struct onecopy_view){part->at + (offset - part->start), length, part};
    return oc_api_done(err, saved);
}

OC_API int onecopy_release(struct onecopy_view *view)
{
    int saved = errno;
    struct oc_part *part = view->part;
    *view = (struct onecopy_view){0};
    if (!part)
        return oc_api_done(-EINVAL, saved);
    oc_quick_took();
    if (oc_quick_drop(part)) {
        oc_api_lock();
        oc_part_end(part);
        oc_api_unlock();
    }
    return oc_api_done(0, saved);
}

/* Bring the pages in, without the mutex: a disk may be slow.  Kernels before 5.14
 * can only be asked to read ahead; then the first touch maps the page. */
static void populate(const struct oc_part *part)
{
    if (OC_SYS_3(SYS_madvise, part->at, part->size, MADV_POPULATE_READ) == -EINVAL)
        OC_SYS_3(SYS_madvise, part->at, part->size, MADV_WILLNEED);
}

OC_API int onecopy_pin(struct onecopy_file *file, uint64_t offset, size_t length)
{
    int saved = errno;
    struct oc_part *part;
    oc_api_lock();
    int err = oc_part_pin(file, offset, length, &part);
    oc_api_unlock();
    if (part) {
        populate(part);
        oc_api_lock();
        oc_part_put(part);
        oc_api_unlock();
    }
    return oc_api_done(err, saved);
}

OC_API int onecopy_unpin(struct onecopy_file *file, uint64_t offset, size_t length)
{
    int saved = errno;
    oc_api_lock();
    int err = oc_part_unpin(file, offset, length);
    oc_api_unlock();
    return oc_api_done(err, saved);
}
