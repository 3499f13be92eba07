#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *scratch_make(const char *parent)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/onecopy-test-XXXXXX", parent);
    return mkdtemp(path) ? path : NULL;
}

void scratch_remove(const char *dir)
{
    DIR *list = opendir(dir);
    struct dirent *entry;

    while (list && (entry = readdir(list)))
        unlinkat(dirfd(list), entry->d_name, 0);
    if (list)
        closedir(list);
    rmdir(dir);
}

int scratch_count(const char *dir, const char *suffix, char name[256])
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    int count = 0;

    while (list && (entry = readdir(list))) {
        size_t len = strlen(entry->d_name), tail = strlen(suffix);

        if (len < tail || strcmp(entry->d_name + len - tail, suffix) != 0 ||
            entry->d_name[0] == '.')
            continue;
        count++;
        if (name)
            snprintf(name, 256, "%s", entry->d_name);
    }
    if (list)
        closedir(list);
    return count;
}

unsigned char scratch_byte(unsigned seed, uint64_t at)
{
    uint64_t x = (at + seed) * UINT64_C(0x9e3779b97f4a7c15);

    return (unsigned char)(x >> 56);
}

int scratch_file(const char *dir, uint64_t size, unsigned seed)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    unsigned char block[4096];

    for (uint64_t at = 0; fd >= 0 && at < size; at += sizeof(block)) {
        size_t n = size - at < sizeof(block) ? (size_t)(size - at) : sizeof(block);

        for (size_t i = 0; i < n; i++)
            block[i] = scratch_byte(seed, at + i);
        if (pwrite(fd, block, n, (off_t)at) != (ssize_t)n)
            abort();
    }
    return fd;
}
