#include "image/reread.h"

#include <string.h>

#include "base/sys.h"
#include "image/lend.h"
#include "image/lent.h"
#include "image/shrink.h"

#define WINDOW ((size_t)1 << 20)

struct reread {
    int fd;
    char *at; /* everything before it is done */
    uint64_t off;
    size_t done;
    struct oc_shrink shrink;
};

/* Into what is there.  False: the file has ended, or there was an error. */
static bool read_plainly(struct reread *r, size_t n)
{
    ssize_t got = n ? oc_sys_pread_once(r->fd, r->at, n, r->off) : 0;

    if (got > 0) {
        r->at += got;
        r->off += (uint64_t)got;
        r->done += (size_t)got;
    }
    return got == (ssize_t)n;
}

/* Whole pages, by way of FRESH, which is taken, or of which nothing is needed any more. */
static bool read_window(struct reread *r, char *fresh, size_t n)
{
    ssize_t got;

    if (!oc_lent_overlaps(r->at, n)) {
        oc_sys_munmap(fresh, n);
        return read_plainly(r, n);
    }
    got = oc_sys_pread_once(r->fd, fresh, n, r->off);
    if (got < (ssize_t)n)
        oc_sys_munmap(fresh, n);
    else if (oc_lent_replace(r->at, n, fresh)) {
        oc_shrink_step(&r->shrink, r->at, n);
        r->at += n;
        r->off += n;
        r->done += n;
        return true;
    }
    /* Not lent any more, or not in one piece; or the file ends here.  What is lent all the same is
     * not to look as if the program had written to it. */
    oc_lent_materialise(r->at, n);
    return got > 0 && read_plainly(r, (size_t)got) && got == (ssize_t)n;
}

ssize_t oc_reread(int fd, void *buf, size_t n, uint64_t off)
{
    struct reread r = {.fd = fd, .at = buf, .off = off};
    char *first = (char *)(uintptr_t)oc_page_up((uintptr_t)buf);
    char *last = (char *)(uintptr_t)oc_page_down((uintptr_t)buf + n);
    char *fresh, *place;
    bool go_on;

    if (first >= last)
        return -1;
    /* In one piece, so that what is made of it can be one mapping. */
    fresh = oc_sys_mmap(NULL, (size_t)(last - first), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (oc_sys_failed(fresh))
        return -1;
    place = fresh;
    go_on = read_plainly(&r, (size_t)(first - r.at));
    oc_shrink_begin(&r.shrink, first, (size_t)(last - first));
    while (go_on && r.at < last) {
        size_t some = (size_t)(last - r.at) < WINDOW ? (size_t)(last - r.at) : WINDOW;

        go_on = read_window(&r, place, some);
        place += some;
    }
    oc_shrink_end(&r.shrink);
    if (place < fresh + (last - first))
        oc_sys_munmap(place, (size_t)(fresh + (last - first) - place));
    if (go_on)
        read_plainly(&r, (size_t)((char *)buf + n - r.at));
    return r.done ? (ssize_t)r.done : -1;
}
