/*
 * An image's record, for the files of this directory.  Under oc_lock; what does
 * not change while somebody has a reference may be read without.
 */
#ifndef OC_RECORD_H
#define OC_RECORD_H

#include "image/anchor.h"
#include "image/image.h"
#include "image/join.h"

struct oc_image {
    unsigned refs; /* operations and lends; 0: the record is free */
    bool nameless; /* its file is no longer found by its name: not to be used anew */
    bool alone;    /* this process made the file, and has not forked since */
    unsigned shift;
    uint64_t data; /* where the file's data begins */
    struct oc_identity id;
    struct oc_image_file file;
    struct oc_anchor anchor;
};

/* oc_image_drop in two steps, so that the slow one comes when the caller is done. */
void oc_image_unhold(struct oc_image *image);
void oc_image_leave_unused(void);

#endif
