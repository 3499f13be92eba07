/*
 * The choice: lend, copy or kernel.
 *
 * Each function either serves the call, returning true with the call's result in
 * *result (never an error: errors are the kernel's to give), or returns false with
 * everything as it was, and the caller makes the real call.  After a real call on a
 * matched descriptor the shim tells oc_serve_missed, from which the pool learns.
 * Async-signal-safe, thread-safe, errno untouched.
 */
#ifndef OC_SERVE_H
#define OC_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "file/description.h"

/* pread(fd, buf, n, off), with D == oc_fd_get(fd). */
bool oc_serve_pread(int fd, struct oc_desc *d, void *buf, size_t n, int64_t off, ssize_t *result);

/* read(fd, buf, n). */
bool oc_serve_read(int fd, struct oc_desc *d, void *buf, size_t n, ssize_t *result);

/* lseek(fd, off, whence). */
bool oc_serve_lseek(int fd, struct oc_desc *d, int64_t off, int whence, int64_t *result);

/* A read of N bytes at OFF was left to the kernel, which returned GOT. */
void oc_serve_missed(int fd, struct oc_desc *d, uint64_t off, size_t n, ssize_t got);

/* Start the core with the options in force: false, and inert, when the system lacks
 * something it needs.  oc_serve_stop: at exit; from then on nothing is served. */
bool oc_serve_start(void);
void oc_serve_stop(void);

/* Around fork.  before: takes the lock, exposes all offsets. */
void oc_serve_fork_before(void);
void oc_serve_fork_parent(void);
void oc_serve_fork_child(void);

/* Does the process that calls own these tables?  Not so in a vfork child, which shares
 * the memory but not the descriptors. */
bool oc_serve_is_owner(void);

#endif
