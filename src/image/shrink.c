#include "image/shrink.h"

#include "base/lock.h"
#include "base/maps.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/lent.h"
#include "image/record.h"

enum {
    LEAST = 4 << 20, /* less may be there twice for a moment */
    MAPPINGS = 4096  /* to be looked through */
};

#define PUNCH 0x03 /* FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE */

/* The anchor was dropped before, the token is the image's first page and shows nothing. */
static bool is_elsewhere(const struct oc_image *image, const struct oc_map *map, uintptr_t from,
                         uintptr_t to)
{
    return map->ino == image->file.map_ino && map->dev == image->file.map_dev &&
           (map->start < from || map->end > to) && map->start != (uintptr_t)image->file.token;
}

/* Does the kernel know of no page of it outside of [FROM, TO)? */
static bool shown_only_in(const struct oc_image *image, uintptr_t from, uintptr_t to)
{
    struct oc_map map;
    uint64_t at = 0;
    int ret = 0, fd = oc_maps_open();

    if (fd < 0)
        return false;
    for (int i = 0; i < MAPPINGS; i++) {
        ret = oc_maps_find(fd, at, &map);
        if (ret < 0 || is_elsewhere(image, &map, from, to))
            break;
        at = map.end;
    }
    oc_own_close(fd);
    return ret == -ENOENT;
}

static void begin_locked(struct oc_shrink *s, uintptr_t from, uintptr_t to)
{
    struct oc_image *image = oc_lent_image((void *)from, to - from, &s->place);

    /* Whoever else has a reference is about to show it elsewhere. */
    if (!image || !image->alone || image->nameless || image->refs != 1)
        return;
    oc_anchor_drop(&image->anchor);
    if (!shown_only_in(image, from, to))
        return;
    s->fd = oc_image_seize(&image->file);
    if (!image->file.token)
        image->nameless = true;
    if (s->fd < 0)
        return;
    s->image = image;
    s->start = from;
    oc_image_hold(image);
}

void oc_shrink_begin(struct oc_shrink *s, const void *addr, size_t len)
{
    struct oc_lock_state st;

    s->fd = -1;
    if (len < LEAST || oc_options.linger)
        return;
    oc_lock(&st);
    begin_locked(s, (uintptr_t)addr, (uintptr_t)addr + len);
    oc_unlock(&st);
}

/* Under the lock, since fork takes it, too. */
void oc_shrink_step(const struct oc_shrink *s, const void *addr, size_t len)
{
    struct oc_lock_state st;

    if (s->fd < 0)
        return;
    oc_lock(&st);
    if (s->image->alone)
        oc_sys_fallocate(s->fd, PUNCH, s->place + ((uintptr_t)addr - s->start), len);
    oc_unlock(&st);
}

void oc_shrink_end(struct oc_shrink *s)
{
    struct oc_lock_state st;

    if (s->fd < 0)
        return;
    oc_lock(&st);
    oc_own_close(s->fd);
    oc_image_drop(s->image);
    oc_unlock(&st);
}
