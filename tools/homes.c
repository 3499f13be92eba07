/* Homes seen from outside: homes.h. */
#include "config.h"
#include "homes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool homes_next(unsigned *i, char path[OC_HOME_PATH])
{
    char name[OC_HOME_PATH], real[PATH_MAX];

    while (oc_home_candidate((*i)++, name)) {
        if (!realpath(name, real) || strlen(real) >= OC_HOME_PATH)
            continue;
        strcpy(path, real);
        return true;
    }
    return false;
}

static uint64_t allocated_in(const char *path)
{
    const struct dirent *entry;
    struct stat st;
    uint64_t bytes = 0;
    DIR *dir = opendir(path);

    if (!dir)
        return 0;
    while ((entry = readdir(dir)))
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_blocks * 512;
    closedir(dir);
    return bytes;
}

uint64_t homes_allocated(void)
{
    char path[OC_HOME_PATH];
    uint64_t bytes = 0;

    for (unsigned i = 0; homes_next(&i, path);)
        bytes += allocated_in(path);
    return bytes;
}

struct places {
    char path[8][OC_HOME_PATH];
    unsigned count;
};

static struct places existing_homes(void)
{
    struct places homes = {.count = 0};
    unsigned i = 0;

    while (homes.count < 8 && homes_next(&i, homes.path[homes.count]))
        homes.count++;
    return homes;
}

/* LINE opens a mapping in smaps: is it of a file that lies in a home? */
static bool in_home(const struct places *homes, const char *line)
{
    const char *file = strchr(line, '/');

    if (!file || strstr(file, " (deleted)"))
        return false;
    for (unsigned i = 0; i < homes->count; i++) {
        size_t len = strlen(homes->path[i]);
        if (strncmp(file, homes->path[i], len) == 0 && file[len] == '/')
            return true;
    }
    return false;
}

uint64_t homes_mapped(pid_t pid)
{
    struct places homes = existing_homes();
    char path[64], *line = NULL;
    size_t size = 0;
    uint64_t bytes = 0;
    bool ours = false;

    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (getline(&line, &size, file) > 0) {
        if (line[0] < 'A' || line[0] > 'Z') /* fields begin with a capital */
            ours = in_home(&homes, line);
        else if (ours && strncmp(line, "Pss:", 4) == 0)
            bytes += strtoull(line + 4, NULL, 10) * 1024;
    }
    free(line);
    fclose(file);
    return bytes;
}
