/*
 * Streaming: a file read through one buffer that is used again and again, with
 * or without a free in between.  Lending would fill an image with bytes that
 * nobody keeps.  The sign: memory that was lent one part of a file is to be
 * filled with another.
 */
#ifndef OC_STREAM_H
#define OC_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"

/* Note that [FROM, TO) of the file is read to BUF.  True: it looks like a stream, leave it
 * to the kernel. */
bool oc_stream_suspected(struct oc_file *file, uintptr_t buf, uint64_t from, uint64_t to);

/* The buffer is lent memory even now.  After the second time the file is never lent again. */
void oc_stream_seen(struct oc_file *file);

#endif
