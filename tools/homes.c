/* Homes seen from outside: homes.h. */
#include "config.h"
#include "homes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "image/history.h"
#include "image/hot.h"
#include "tool.h"

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

bool homes_proc(void)
{
    if (access("/proc/self/maps", R_OK) == 0)
        return true;
    tool_error("/proc/self/maps: %s, so what processes use cannot be seen", strerror(errno));
    return false;
}

static void add_file(struct home_files *files, const struct stat *st)
{
    if ((files->count & (files->count - 1)) == 0) /* full at each power of two */
        files->list =
            reallocarray(files->list, files->count ? 2 * files->count : 1, sizeof *files->list);
    if (!files->list)
        abort();
    files->list[files->count++] = (struct home_file){st->st_dev, st->st_ino};
    files->allocated += (uint64_t)st->st_blocks * 512;
}

static void list_home(struct home_files *files, const char *path)
{
    const struct dirent *entry;
    struct stat st;
    DIR *dir = opendir(path);

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, OC_HISTORY_NAME) != 0 &&
            strcmp(entry->d_name, OC_HOT_NAME) != 0 &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            add_file(files, &st);
    closedir(dir);
}

void homes_list(struct home_files *files)
{
    char path[OC_HOME_PATH];

    *files = (struct home_files){0};
    for (unsigned i = 0; homes_next(&i, path);)
        list_home(files, path);
}

void homes_free(struct home_files *files)
{
    free(files->list);
    *files = (struct home_files){0};
}

bool homes_mapped(const struct home_files *files, const char *line)
{
    unsigned major_number, minor_number;
    unsigned long long ino;

    if (sscanf(line, "%*x-%*x %*s %*x %x:%x %llu", &major_number, &minor_number, &ino) != 3 ||
        ino == 0)
        return false;
    for (size_t i = 0; i < files->count; i++)
        if (files->list[i].ino == ino && major(files->list[i].dev) == major_number &&
            minor(files->list[i].dev) == minor_number)
            return true;
    return false;
}
