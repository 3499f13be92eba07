/*
 * The images that this process uses: a bounded table of records with their
 * references, and the descriptors of operations under way.  Files are join.c's,
 * chunks are chunk.c's.
 */
#include "image/image.h"

#include <string.h>

#include "base/lock.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/record.h"

enum { IMAGES = 256, FLIGHTS = 64 };

static struct oc_image images[IMAGES];
static unsigned images_used; /* records from here on were never used */

/* ---- operations under way ---- */

/* An operation holds a descriptor and a reference outside of the lock, under which these are
 * changed.  OWNER tells threads apart, and is the same in the thread's image in a forked child. */
static struct {
    int fd_plus_1;
    struct oc_image *image;
    const void *owner;
} flights[FLIGHTS];

static __thread char self __attribute__((tls_model("initial-exec")));

static bool take_off(struct oc_image *image, int fd)
{
    for (size_t i = 0; i < FLIGHTS; i++) {
        if (flights[i].fd_plus_1)
            continue;
        flights[i].image = image;
        flights[i].owner = &self;
        flights[i].fd_plus_1 = fd + 1;
        return true;
    }
    return false;
}

static void land(int fd)
{
    for (size_t i = 0; i < FLIGHTS; i++)
        if (flights[i].fd_plus_1 == fd + 1)
            flights[i].fd_plus_1 = 0;
}

/* ---- records ---- */

static struct oc_image *find_record(const struct oc_identity *id, unsigned shift)
{
    for (size_t i = 0; i < images_used; i++)
        if (images[i].refs && !images[i].nameless && images[i].shift == shift &&
            oc_identity_equal(&images[i].id, id))
            return &images[i];
    return NULL;
}

static struct oc_image *free_record(void)
{
    for (size_t i = 0; i < images_used; i++)
        if (!images[i].refs)
            return &images[i];
    return images_used < IMAGES ? &images[images_used++] : NULL;
}

/* Another descriptor on an image that we use.  One whose name is gone stays for what is
 * lent of it, but is not found again. */
static struct oc_image *use_again(const struct oc_identity *id, unsigned shift, int *fd)
{
    struct oc_image *image = find_record(id, shift);

    if (!image)
        return NULL;
    /* The program may have lowered its limit since. */
    if (!oc_home_may_write(image->data + image->shift + id->size))
        return NULL;
    *fd = image->file.token ? oc_image_reopen(&image->file) : -ENOENT;
    if (*fd == -EMFILE || *fd == -ENFILE)
        return NULL;
    if (*fd < 0)
        image->nameless = true;
    return *fd < 0 ? NULL : image;
}

/* The data so that byte 0 of the file lies in its large page as it would in memory. */
static uint64_t pad_for(const struct oc_image_form *form, uint64_t origin)
{
    uint64_t first = form->header.data + form->header.shift;

    return form->header.id.size < 2 * OC_IMAGE_LARGE ? 0 : (origin - first) % OC_IMAGE_LARGE;
}

static struct oc_image *use_first(const struct oc_identity *id, uint64_t origin, uint64_t need,
                                  int *fd, const char **why)
{
    unsigned shift = (unsigned)(origin & (oc_page - 1));
    struct oc_image_form form;
    struct oc_image *image = free_record();

    if (!image) {
        *why = "too many images";
        return NULL;
    }
    oc_image_form(&form, id, shift);
    form.pad = pad_for(&form, origin);
    *fd = oc_image_join(&form, need, &image->file, why);
    if (*fd < 0)
        return NULL;
    image->id = *id;
    image->shift = shift;
    image->data = image->file.data;
    image->nameless = false;
    image->alone = image->file.made;
    return image;
}

/* Under the lock, the last reference is gone. */
static void leave(struct oc_image *image)
{
    oc_anchor_drop(&image->anchor);
    oc_image_part(&image->file, oc_options.linger);
}

static struct oc_image *open_locked(const struct oc_identity *id, uint64_t origin, uint64_t need,
                                    int *fd, const char **why)
{
    struct oc_image *image = use_again(id, (unsigned)(origin & (oc_page - 1)), fd);

    if (!image)
        image = use_first(id, origin, need, fd, why);
    if (!image)
        return NULL;
    if (take_off(image, *fd)) {
        image->refs++;
        return image;
    }
    *why = "too many at once";
    oc_own_close(*fd);
    if (!image->refs)
        leave(image);
    return NULL;
}

struct oc_image *oc_image_open(const struct oc_identity *id, uint64_t origin, uint64_t need,
                               int *fd, const char **why)
{
    struct oc_lock_state st;
    struct oc_image *image;

    oc_lock(&st);
    image = open_locked(id, origin, need, fd, why);
    oc_unlock(&st);
    return image;
}

void oc_image_done(struct oc_image *image, int fd)
{
    struct oc_lock_state st;

    oc_lock(&st);
    land(fd);
    oc_own_close(fd);
    oc_image_drop(image);
    oc_unlock(&st);
}

const char *oc_image_home(const struct oc_image *image)
{
    return image->file.home;
}

bool oc_image_map(struct oc_image *image, int fd, void *addr, size_t len, uint64_t place)
{
    return oc_anchor_map(&image->anchor, fd,
                         oc_page_up(image->data + image->shift + image->id.size), addr, len, place);
}

void oc_image_hold(struct oc_image *image)
{
    image->refs++;
}

void oc_image_drop(struct oc_image *image)
{
    if (--image->refs == 0)
        leave(image);
}

void oc_image_unhold(struct oc_image *image)
{
    image->refs--;
}

void oc_image_leave_unused(void)
{
    for (size_t i = 0; i < images_used; i++)
        if (!images[i].refs && images[i].file.token)
            leave(&images[i]);
}

/* ---- the process ---- */

void oc_image_leave_all(void)
{
    struct oc_lock_state st;

    oc_lock(&st);
    for (size_t i = 0; i < images_used; i++)
        if (images[i].refs)
            leave(&images[i]);
    oc_unlock(&st);
}

void oc_image_rejoin_all(void)
{
    struct oc_lock_state st;

    oc_lock(&st);
    for (size_t i = 0; i < images_used; i++)
        if (images[i].refs && !images[i].file.token && !oc_image_rejoin(&images[i].file))
            images[i].nameless = true;
    oc_unlock(&st);
}

void oc_image_before_fork(void)
{
    for (size_t i = 0; i < images_used; i++)
        images[i].alone = false;
}

/* The forking thread holds the lock.  Its own operations, when a signal handler forked in
 * the middle of one, go on here; what the others had open, oc_own_in_child closes. */
void oc_image_in_child(void)
{
    for (size_t i = 0; i < FLIGHTS; i++) {
        if (!flights[i].fd_plus_1 || flights[i].owner == &self)
            continue;
        flights[i].fd_plus_1 = 0;
        oc_image_drop(flights[i].image);
    }
}
