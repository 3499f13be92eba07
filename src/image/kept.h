/*
 * Kept streams: files that are read from front to back in steps too small to be
 * lent, and of which the program still keeps every byte in one piece.
 *
 * perl, PHP and C++'s streams read by 8 KB into a buffer of their own and copy
 * from there; others read to where the bytes stay.  Either way, every few megabytes we
 * look where they are (find.h), and give the memory the image's pages (adopt.h).
 * Before the end of the file nobody knows how long the program will keep it; but what
 * was read several megabytes ago and lies in memory in the file's order is kept.
 *
 * Only for rules that say lend=kept: it costs time, since the image is filled and compared
 * besides the reading, and it looks at memory of the program's that we know nothing of.
 */
#ifndef OC_KEPT_H
#define OC_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/file.h"

/*
 * The program has read N bytes of FILE by FD to BUF, up to END (OC_OFFSET_KERNEL: not
 * known), and nothing of ours has served it.  N 0: the end of the file.  HELD: bytes that stdio
 * has read and not handed out.  errno untouched; async-signal-safe.
 */
void oc_kept_read(struct oc_file *file, int fd, const void *buf, size_t n, uint64_t end,
                  size_t held);

/* A big read of N bytes at OFF was lent to BUF: the block that it lies in may yet be copied and
 * freed, as ruby and Lua do. */
void oc_kept_lent(struct oc_file *file, const void *buf, size_t n, uint64_t off);

/* FD is about to be closed: what was read is now where it stays. */
void oc_kept_close(struct oc_file *file, int fd);

/* At the start, and in the child of fork. */
void oc_kept_start(void);

#endif
