/*
 * The file of an image: found in one of the homes or made there, verified, and
 * entered by taking a token on it.
 */
#ifndef OC_JOIN_H
#define OC_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "image/header.h"
#include "image/home.h"

/* What an image file must be, from which everybody derives the same name. */
struct oc_image_form {
    struct oc_image_header header; /* with the data as early as can be */
    uint64_t size;                 /* of the image file then */
    uint64_t pad;                  /* so much later they begin in a new one */
    char name[OC_IMAGE_NAME];
};

/* PAD is 0. */
void oc_image_form(struct oc_image_form *form, const struct oc_identity *id, unsigned shift);

/* An image file in use by this process. */
struct oc_image_file {
    void *token;
    bool made;                 /* by this process */
    uint64_t data;             /* where the file's data begins */
    uint64_t dev, ino;         /* st_dev and st_ino */
    uint64_t map_dev, map_ino; /* as /proc/self/maps shows its mappings */
    char name[OC_IMAGE_NAME];
    char home[OC_HOME_PATH];
};

/*
 * Fill in *file and return a descriptor, open for reading and writing, on a description
 * that holds no lock.  An image in any home is preferred to a new one, which needs NEED
 * bytes of room.  A negated errno: not to be had, *why says it in a word.  Under oc_lock.
 */
int oc_image_join(const struct oc_image_form *form, uint64_t need, struct oc_image_file *file,
                  const char **why);

/*
 * Take the file away from everybody, if nobody but its maker has ever entered it and that is this
 * process: its name is gone, and so is the token.  A descriptor to be closed, open for writing;
 * or a negated errno, and the token may be lost all the same.
 */
int oc_image_seize(struct oc_image_file *file);

/* Another descriptor like that on a file in use; -ENOENT when its name is gone. */
int oc_image_reopen(const struct oc_image_file *file);

/* Let the token go; when nobody else uses the file, unlink it, or mark it to be kept for
 * LINGER seconds. May be called again: then it only looks for other users again. */
void oc_image_part(struct oc_image_file *file, uint64_t linger);

/* Take the token back after oc_image_part; false when the file has no name any more. */
bool oc_image_rejoin(struct oc_image_file *file);

/* A millisecond. */
void oc_image_nap(void);

#endif
