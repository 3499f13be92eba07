/*
 * An image's header names a file by device and inode only.  Its path is found where a
 * user of the image still has it open, or by the globs that it was started with.
 */
#include "config.h"
#include "images.h"

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool nameless(const struct images *images)
{
    for (size_t i = 0; i < images->count; i++)
        if (!images->list[i].source)
            return true;
    return false;
}

/* PATH exists: is some image one of it?  It is called NAME, or its real path. */
static void try_path(struct images *images, const char *path, const struct stat *st,
                     const char *name)
{
    char real[PATH_MAX];

    for (size_t i = 0; i < images->count; i++) {
        struct image *image = &images->list[i];
        if (!image->source && image->header.id.dev == (uint64_t)st->st_dev &&
            image->header.id.ino == (uint64_t)st->st_ino && S_ISREG(st->st_mode))
            image->source = strdup(name ? name : realpath(path, real) ? real : path);
    }
}

static void try_open_files(struct images *images, pid_t pid)
{
    char folder[64], path[PATH_MAX];
    const struct dirent *entry;
    struct stat st;

    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, path, sizeof path - 1);
        if (n <= 0)
            continue;
        path[n] = '\0';
        if (path[0] == '/' && stat(path, &st) == 0)
            try_path(images, path, &st, NULL);
    }
    if (dir)
        closedir(dir);
}

/* PATTERN begins with ROOT, the folder that is the root of whom it is from. */
static void try_glob(struct images *images, const char *pattern, const char *root)
{
    glob_t found;
    struct stat st;

    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (stat(found.gl_pathv[i], &st) == 0)
            try_path(images, found.gl_pathv[i], &st,
                     *root ? found.gl_pathv[i] + strlen(root) : NULL);
    globfree(&found);
}

/* The end of a rule (or of its glob) at TEXT: an unescaped ':' (or ','). */
static size_t length_to(const char *text, const char *ends)
{
    size_t i = 0;

    while (text[i] && !strchr(ends, text[i]))
        i += text[i] == '\\' && text[i + 1] ? 2 : 1;
    return i;
}

static void name_by_rules(struct images *images, const char *rules, const char *from,
                          const char *root)
{
    char pattern[2 * PATH_MAX + 64];

    while (*rules && nameless(images)) {
        size_t rule = length_to(rules, ":"), len = length_to(rules, ",:");
        if (len < PATH_MAX) {
            snprintf(pattern, sizeof pattern, "%s%s%s%.*s", root, *rules == '/' ? "" : from,
                     *rules == '/' ? "" : "/", (int)len, rules);
            try_glob(images, pattern, root);
        }
        rules += rule + (rules[rule] == ':');
    }
}

void images_name_by_rules(struct images *images, const char *rules, const char *from)
{
    name_by_rules(images, rules, from, "");
}

/* The folder where a process in a container has its root; "" for one that has ours. */
static void root_of(pid_t pid, char *root, size_t size)
{
    struct stat theirs, ours;

    snprintf(root, size, "/proc/%d/root", (int)pid);
    if (stat(root, &theirs) != 0 || stat("/", &ours) != 0 ||
        (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino))
        root[0] = '\0';
}

static void try_environment(struct images *images, pid_t pid)
{
    static const char variable[] = "ONECOPY_FILES=";
    char path[64], *text = NULL, folder[PATH_MAX], root[64];
    size_t size = 0;

    root_of(pid, root, sizeof root);
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, folder, sizeof folder - 1);
    folder[n > 0 ? n : 0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && getdelim(&text, &size, '\0', file) > 0)
        if (strncmp(text, variable, sizeof variable - 1) == 0)
            name_by_rules(images, text + sizeof variable - 1, folder, root);
    free(text);
    if (file)
        fclose(file);
}

void images_name(struct images *images, const struct image_user *user)
{
    if (user->count == 0 || !nameless(images))
        return;
    try_open_files(images, user->pid);
    if (nameless(images))
        try_environment(images, user->pid);
}
