/*
 * What the programs of these tests share: loading a file as programs do, asking
 * the kernel past the library, and TAP.  They run under the preload.
 */
#ifndef OC_TEST_IMAGE_KIT_H
#define OC_TEST_IMAGE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* ---- TAP ---- */

bool ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
int done_testing(void);
/* End with a message: the test itself cannot go on. */
void bail(const char *what) __attribute__((noreturn));

/* ---- past the library ---- */

ssize_t raw_pread(int fd, void *buf, size_t n, uint64_t off);

/* ---- files ---- */

/* N reproducible bytes, of which no two pages are equal. */
void make_file(const char *path, size_t n, unsigned seed);

/* A block of malloc's with a file's bytes. */
struct load {
    char *bytes;
    size_t n;
    bool lent; /* at least one page of it is an image's */
};

/* open, fstat, malloc, read, close.  Ends the program when the read fails. */
struct load load_file(const char *path);
/* The same through a descriptor, from the start. */
struct load load_fd(int fd);
void unload(struct load *load);

/* Is the load what the kernel says the file holds now? */
bool is_kernels(const struct load *load, const char *path);

/* ---- ourselves ---- */

/* Bytes of [p, p+n) that show an image, as /proc/self/maps has it. */
size_t lent_bytes(const void *p, size_t n);
/* Mappings of images in this process. */
unsigned lent_mappings(void);
/* A line of /proc/self/smaps_rollup ("Pss:") or status, in bytes. */
uint64_t proc_value(const char *file, const char *key);
/* Images in the home, $ONECOPY_DIR. */
unsigned images(void);
uint64_t image_bytes(void);

#endif
