/*
 * Images and who maps them, from outside: the homes' files and /proc/PID/smaps.
 */
#ifndef IMAGES_H
#define IMAGES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "counters.h"
#include "image/header.h"

struct image {
    dev_t dev;
    ino_t ino;
    uint64_t allocated; /* bytes of memory or disk */
    struct oc_image_header header;
    char path[PATH_MAX];
    char *source; /* the file it is of, or NULL: images_name */
};

struct images {
    struct image *list;
    size_t count;
};

/* All whole images in the homes of this configuration. */
void images_list(struct images *images);
/* For root, when no home was named: in the usual homes of all users as well. */
void images_list_all(struct images *images);
void images_free(struct images *images);

/* What one process maps of one image; bytes. */
struct image_use {
    size_t image;      /* its number in struct images */
    uint64_t lent;     /* mapped over buffers */
    uint64_t copied;   /* of these, written to since: the process's own pages */
    uint64_t resident; /* of these, in its page tables now */
    uint64_t pss;      /* proportional share, copied pages included */
    uint64_t first;    /* the lowest address of these */
};

struct image_user {
    pid_t pid, parent;
    char name[32];
    struct image_use *uses; /* only of images that it has a mapping of */
    size_t count;
    struct library_data library; /* nothing in it: the process is without the library */
    json_t *counters, *reasons;  /* counters.h; NULL: not known */
};

/* False: it could not be read though it is alive. USER is to be freed in any case. */
bool images_user(const struct images *images, pid_t pid, struct image_user *user);
void images_user_free(struct image_user *user);

/* Find the names of files that images are of: among the process's open files and those that its
 * ONECOPY_FILES (and ours) name. */
void images_name(struct images *images, const struct image_user *user);

/* The same for a list of rules, whose relative globs start in the folder FROM. */
void images_name_by_rules(struct images *images, const char *rules, const char *from);

/* lent - copied: what would be memory of the process's own without the library. */
static inline uint64_t image_use_shared(const struct image_use *use)
{
    return use->lent > use->copied ? use->lent - use->copied : 0;
}

#endif
