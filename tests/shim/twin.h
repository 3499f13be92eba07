/*
 * Twins: two files with the same bytes, NAME.matched, which the library's rule
 * takes, and NAME.twin, which it leaves alone; and pairs of descriptors and of
 * buffers for them, indexed by side.
 */
#ifndef OC_TEST_TWIN_H
#define OC_TEST_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "side.h"
#include "tap.h"

#define TWIN_PATH 256
#define KB        ((size_t)1 << 10)
#define MB        ((size_t)1 << 20)

struct twin {
    char path[SIDES][TWIN_PATH];
    size_t size;
};

struct pair {
    int fd[SIDES];
};

/* Two buffers of equal size and alignment in private anonymous memory. */
struct buffers {
    char *at[SIDES];
    size_t len;
};

/* What byte OFF of every fresh twin is: scrambled, with a page of zeros now and then. */
unsigned char twin_byte(uint64_t off);

/* Make both files in the test's own directory (made at first use; the runner removes it). */
struct twin twin_make(const char *name, size_t size);
const char *twin_dir(void);

struct pair pair_open(const struct twin *twin, int flags);
void pair_close(struct pair *pair);

/* From mmap, untouched, zero. */
struct buffers buffers_make(size_t len);
void buffers_fill(struct buffers *buffers, int byte);
void buffers_free(struct buffers *buffers);
/* Equal in [from, from+len)? */
bool buffers_same(const struct buffers *buffers, size_t from, size_t len, const char *what);

/* The same call on both sides, its results, the whole buffers and the offsets compared. */
bool same_read(const struct pair *pair, struct buffers *buffers, size_t n);
bool same_pread(const struct pair *pair, struct buffers *buffers, size_t n, int64_t off);
bool same_lseek(const struct pair *pair, int64_t off, int whence);
/* Some of each of the three, and a big one that may be lent: of a file and buffers of more than
 * 1 MB. */
bool same_calls(const struct pair *pair, struct buffers *buffers);
/* A pair whose offset has long lived in user space, 111 bytes after TO now. */
struct pair pair_read_on(const struct twin *twin, struct buffers *buffers, size_t to);
/* The offset as the kernel has it: for descriptors that others may look at. */
bool same_kernel_offset(const struct pair *pair, const char *what);

/* Is TEXT anywhere in /proc/self/maps? */
bool maps_have(const char *text);
/* Is any matched file mapped in one piece of at least SIZE bytes, to be read? */
bool whole_mapped(size_t size);
/* Is the library loaded?  Is memory lent (an image mapped)?  Always true in the oracle
 * pass, where neither can be asked. */
bool library_loaded(void);
bool image_mapped(void);
/* How many images the home holds. */
int images_in_home(void);

#endif
