/*
 * Filling: making the chunks of a range full, together with whoever else is at it.
 */
#ifndef OC_FILL_H
#define OC_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sys.h"
#include "image/image.h"
#include "image/large.h"

/* What may be done with a chunk after oc_fill. */
enum oc_chunk_use {
    OC_CHUNK_PLAIN,   /* not full: read plainly */
    OC_CHUNK_DOUBTED, /* said to be full, but not when: to be compared, whatever is known else */
    OC_CHUNK_THERE,   /* full, by somebody, at some time */
    OC_CHUNK_SURE,    /* settled: the file's, if it is old */
    OC_CHUNK_OURS,    /* filled during this call, or wholly compared by it: what the file held
                         a moment ago */
    OC_CHUNK_BUSY,    /* (only in between) somebody is filling it */
};

struct oc_fill {
    const struct oc_image *image;
    int image_fd;
    int file_fd;        /* the program's */
    uint64_t file_size; /* as the identity has it */
    bool trusted;       /* whoever finds a chunk full will not read the file */
    bool on_disk;       /* so that the descriptor's cache is the file's (of overlays it is not), and
                           a read of it waits for no server, and no signal is handled before its end */
    uint64_t first, count;
    uint64_t since, until; /* all that will be filled, this being a part of it: bytes of the file */
    uint8_t *use;          /* enum oc_chunk_use, one for each of COUNT chunks */
    bool *cold;            /* as many: none of the chunk was in the page cache (uncached.h) */
    enum { OC_FILL_CACHED, OC_FILL_UNCACHED, OC_FILL_DROPS } way; /* oc_fill's own */
    bool small;                /* oc_fill's own: large pages are not to be had quickly */
    uint64_t prepared;         /* oc_fill's own: the group for which they were made, and one */
    struct oc_sys_mask before; /* oc_fill's own: the thread's mask, if its signals are held */
    bool holds;
    struct oc_large window; /* oc_fill's own: large pages that are being filled */
    char *buffer;           /* OC_CHUNK bytes */
    uint64_t done;          /* bytes filled by this call */
};

/* Fill in use[]: every chunk that can be had is full afterwards.  Waits for other
 * fillers for a bounded time. */
void oc_fill(struct oc_fill *fill);

#endif
