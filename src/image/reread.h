/*
 * Reading anew into memory that is lent: a stream's second piece.  The kernel would copy each
 * page of the image before it writes over it.  So the bytes are read into fresh memory, which then
 * takes the place of the image's pages, a megabyte at a time, which the image gives up where it
 * can.
 */
#ifndef OC_REREAD_H
#define OC_REREAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As pread(FD, BUF, N, OFF), of which some whole pages are lent.  Negative: nothing was done, the
 * kernel has to serve it.  Async-signal-safe. */
ssize_t oc_reread(int fd, void *buf, size_t n, uint64_t off);

#endif
