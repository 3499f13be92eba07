/*
 * The first piece of a file.
 *
 * A stream begins like a load, and to lend its first piece costs the filling of an image that
 * nobody wants.  What is a large part of the file, or goes into memory that has room for the rest
 * of it, is a load.  A smaller piece waits for a second one that is read into other memory; and for
 * one process only: the home's history remembers that the file was begun like that, and whether it
 * turned out to be a stream.
 */
#ifndef OC_FIRST_H
#define OC_FIRST_H

#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"
#include "file/identity.h"
#include "image/stream.h"

struct oc_first {
    struct oc_file *file;
    const struct oc_identity *id;
    uintptr_t buf;
    uint64_t from, to; /* of the file */
    enum oc_stream_sign sign;
};

/* May the piece be one of a stream?  Then the kernel reads it.  Async-signal-safe. */
bool oc_first_waits(const struct oc_first *piece);

/* It is a stream: the next process shall know. */
void oc_first_was_stream(const struct oc_identity *id);

#endif
