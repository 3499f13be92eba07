/*
 * A library that reads a file: linked to a program, so that its constructor runs before
 * ours and its destructor after; and loaded and unloaded by dlopen and dlclose.
 */
#include "plugin.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int (*plugin_at_end)(void);

int plugin_open(const char *path, char *first, size_t n)
{
    char again[64];
    int fd = open(path, O_RDONLY), copy = dup(fd);

    if (read(fd, first, n) != (ssize_t)n || pread(copy, again, sizeof again, 0) != sizeof again ||
        memcmp(again, first, n < sizeof again ? n : sizeof again) != 0) {
        close(fd);
        fd = -1;
    }
    close(copy);
    return fd;
}

void *plugin_load(const char *path, size_t n)
{
    int fd = open(path, O_RDONLY);
    void *buf = malloc(n);

    if (pread(fd, buf, n, 0) != (ssize_t)n) {
        free(buf);
        buf = NULL;
    }
    close(fd);
    return buf;
}

__attribute__((destructor)) static void at_end(void)
{
    if (plugin_at_end && plugin_at_end() != 0)
        _exit(77);
}
