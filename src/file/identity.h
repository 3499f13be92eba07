/*
 * Which file is it, and in which state?  Two equal identities name the same
 * inode, with nothing seen to have happened to it in between.
 */
#ifndef OC_IDENTITY_H
#define OC_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/* Compared with memcmp and written into image headers: fixed width, no padding. */
struct oc_identity {
    uint8_t boot[16]; /* /proc/sys/kernel/random/boot_id */
    uint8_t fs[16];   /* the file system, and which mounting of it */
    uint64_t dev;     /* st_dev */
    uint64_t ino;
    uint64_t size; /* bytes */
    int64_t mtime_sec, ctime_sec;
    uint32_t mtime_nsec, ctime_nsec;
};

/* Of an open regular file.  0, or a negated errno (-ENOENT: no boot id to be had).
 * Async-signal-safe. */
int oc_identity_of(int fd, struct oc_identity *id);

/* The boot id alone.  0 or -ENOENT. */
int oc_identity_boot(uint8_t boot[16]);

bool oc_identity_equal(const struct oc_identity *a, const struct oc_identity *b);

#endif
