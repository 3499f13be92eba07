/*
 * The choice: lend, copy or kernel.
 *
 * oc_serve_read and oc_serve_pread either serve the call (OC_SERVED, with the number of
 * bytes in *result, never an error: errors are the kernel's to give), or leave everything
 * as it was and say which real call to make.  Async-signal-safe, thread-safe, errno
 * untouched.
 */
#ifndef OC_SERVE_H
#define OC_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "file/description.h"

enum oc_served {
    OC_SERVED,
    OC_KERNEL,    /* make the call as it came */
    OC_KERNEL_AT, /* the offset is ours: make it a pread at oc_word_offset(*word), then
                     oc_serve_moved; when that fails, somebody was faster: start again */
};

/* pread(fd, buf, n, off), with D == oc_fd_get(fd).  Never OC_KERNEL_AT. */
enum oc_served oc_serve_pread(int fd, struct oc_desc *d, void *buf, size_t n, int64_t off,
                              ssize_t *result);

/* read(fd, buf, n). */
enum oc_served oc_serve_read(int fd, struct oc_desc *d, void *buf, size_t n, ssize_t *result,
                             uint64_t *word);

/* Is a read of N bytes of D big enough to be lent, and is that wanted? */
bool oc_serve_lendable(struct oc_desc *d, size_t n);

/*
 * Lend the N bytes at OFF of D, a read that has been found big enough: the number of bytes, or
 * -1 when nothing was done.  All attempts come through here, so that why they failed is counted
 * and told.
 */
ssize_t oc_serve_lend(int fd, struct oc_desc *d, void *buf, size_t n, uint64_t off);

/* A big read where the offset is the kernel's and nobody else's.  The bytes read, and the
 * offset moved over them; -1: the same read is for the kernel to do. */
ssize_t oc_serve_lend_at_kernels(int fd, struct oc_desc *d, void *buf, size_t n);

/* Move an offset of ours from WORD on by N bytes; false: it is elsewhere by now. */
static inline bool oc_serve_moved(struct oc_desc *d, uint64_t word, size_t n)
{
    return oc_desc_swap(d, word, word + n);
}

/* lseek(fd, off, whence) where the offset is ours: true with the new offset in *result.
 * False: make the real call (the offset has been handed back where that matters). */
bool oc_serve_lseek(int fd, struct oc_desc *d, int64_t off, int whence, int64_t *result);

/* The program has opened FD, which is in the table if a rule matched: what the rule pins is mapped.
 */
void oc_serve_opened(int fd);

/* The kernel read N bytes at OFF of D (OC_OFFSET_KERNEL: unknown): the pool learns from it. */
void oc_serve_missed(int fd, struct oc_desc *d, const void *buf, uint64_t off, ssize_t n);
/* stdio has read N bytes to BUF (0: the end), and holds HELD more: see image/kept.h. */
void oc_serve_kept(int fd, struct oc_desc *d, const void *buf, size_t n, uint64_t end, size_t held);
/* Before a descriptor is closed. */
void oc_serve_closing(int fd, struct oc_desc *d);

/* Start the core with the options in force. */
void oc_serve_start(void);
/* At exit: hand all offsets back, leave the images, report.  Nothing is served after. */
void oc_serve_stop(void);
extern bool oc_serving __attribute__((visibility("hidden")));

/* Around fork: before takes the lock and exposes all offsets, the others let it go. */
void oc_serve_fork_before(void);
void oc_serve_fork_parent(void);
void oc_serve_fork_child(void);

/* Does the process that calls own these tables?  Not so in a vfork child, which shares
 * the memory but not the descriptors.  One getpid. */
bool oc_serve_is_owner(void);

#endif
