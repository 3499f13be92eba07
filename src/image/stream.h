/*
 * Streaming: a file read through one buffer that is used again and again, with
 * or without a free in between.  Lending would fill an image with bytes that
 * nobody keeps.  The sign: memory that was lent, or read into, with one part of a file is to be
 * filled with another.
 */
#ifndef OC_STREAM_H
#define OC_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"

enum oc_stream_sign {
    OC_STREAM_FIRST,  /* nothing else was read of the file lately */
    OC_STREAM_BESIDE, /* what was read before lies elsewhere */
    OC_STREAM_REUSED, /* into memory that was read into before */
};

/* Note that [FROM, TO) of the file is read to BUF. */
enum oc_stream_sign oc_stream_note(const struct oc_file *file, uintptr_t buf, uint64_t from,
                                   uint64_t to);

/* It was into memory used before, or into what is lent even now.  After the second time the file is
 * never lent again, and true is returned that once. */
bool oc_stream_seen(struct oc_file *file);

#endif
