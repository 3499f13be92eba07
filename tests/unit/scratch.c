#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

bool scratch_forbid(long nr, unsigned arg, uint32_t mask, uint32_t value, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args[arg])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}
