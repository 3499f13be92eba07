/*
 * A file in which every byte is a function of its offset.
 */
#ifndef OC_TEST_VIEW_FILE_H
#define OC_TEST_VIEW_FILE_H

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "onecopy.h"

static char view_path[64];

static inline unsigned char view_byte(uint64_t off)
{
    return (unsigned char)(((off + 1) * 0x9e3779b97f4a7c15u) >> 56);
}

/* Bytes [from, to) of the file at view_path. */
static inline void view_fill(uint64_t from, uint64_t to)
{
    enum { CHUNK = 1 << 16 };
    unsigned char *buf = malloc(CHUNK);
    int fd = open(view_path, O_WRONLY);
    CU_ASSERT_FATAL(buf && fd >= 0);
    while (from < to) {
        size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        for (size_t i = 0; i < n; i++)
            buf[i] = view_byte(from + i);
        CU_ASSERT_EQUAL_FATAL(pwrite(fd, buf, n, (off_t)from), (ssize_t)n);
        from += n;
    }
    close(fd);
    free(buf);
}

static inline struct onecopy_file *view_make(uint64_t size, unsigned flags)
{
    struct onecopy_file *file;
    int fd;
    snprintf(view_path, sizeof view_path, "/tmp/onecopy-view-XXXXXX");
    fd = mkstemp(view_path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    view_fill(0, size);
    file = onecopy_open(view_path, flags);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    return file;
}

static inline void view_done(struct onecopy_file *file)
{
    onecopy_close(file);
    unlink(view_path);
}

static inline bool view_right(const void *data, uint64_t off, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        if (p[i] != view_byte(off + i))
            return false;
    return true;
}

static inline struct onecopy_counters view_counters(void)
{
    struct onecopy_counters c;
    onecopy_count(&c, sizeof c);
    return c;
}

/* Bytes of address space that map the file, as the kernel knows them. */
static inline uint64_t view_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    uint64_t sum = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char path[256] = "";
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %255s", &from, &to, path) >= 2 &&
            strcmp(path, view_path) == 0)
            sum += to - from;
    }
    fclose(maps);
    return sum;
}

#endif
