/*
 * The images in the homes this configuration may use, as the command sees them
 * from outside.
 */
#ifndef HOMES_H
#define HOMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/home.h"

/* Home I with its real path; false past the last.  Homes that do not exist are passed over. */
bool homes_next(unsigned *i, char path[OC_HOME_PATH]);

/* Can processes be looked at?  False, with a message: without /proc nothing is seen, which is not
 * the same as that there is nothing. */
bool homes_proc(void);

struct home_file {
    dev_t dev;
    ino_t ino;
};

/* The files in all homes, without the small history that may stay for ever. */
struct home_files {
    struct home_file *list;
    size_t count;
    uint64_t allocated; /* bytes, all together */
};
void homes_list(struct home_files *files);
void homes_free(struct home_files *files);

/*
 * Is the mapping that LINE of /proc/PID/maps (or smaps) tells of one of these files?  By
 * inode, not name: an image that was made without a name and got it later is shown without.
 */
bool homes_mapped(const struct home_files *files, const char *line);

#endif
