/* Finding the preloaded library, and naming it in LD_PRELOAD: see library.h. */
#include "config.h"
#include "library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define LIBRARY "libonecopy-preload.so"

/* The directory this command lies in; that of the wrapper when libtool made one. */
static bool own_directory(char dir[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
    if (n <= 0)
        return false;
    dir[n] = '\0';
    *strrchr(dir, '/') = '\0';
    size_t len = strlen(dir);
    if (len > 6 && strcmp(dir + len - 6, "/.libs") == 0)
        dir[len - 6] = '\0';
    return true;
}

/* DIR/BELOW/libonecopy-preload.so, when it is there. */
static bool try(char path[PATH_MAX], const char *dir, const char *below)
{
    char name[2 * PATH_MAX];
    snprintf(name, sizeof name, "%s/%s/" LIBRARY, dir, below);
    return realpath(name, path) && access(path, R_OK) == 0;
}

/* Where `make install` puts libraries, seen from where it puts commands: the whole tree may
 * have been moved, or be staged somewhere. */
static const char *installed_beside(void)
{
    size_t len = strlen(ONECOPY_PREFIX);
    if (strncmp(ONECOPY_LIBDIR, ONECOPY_PREFIX, len) == 0)
        return &ONECOPY_LIBDIR[len];
    return "/lib";
}

static bool search(char path[PATH_MAX])
{
    char dir[PATH_MAX], up[PATH_MAX + 4];

    if (own_directory(dir)) {
        snprintf(up, sizeof up, "%s/..", dir);
        if (try(path, up, "src/.libs") || try(path, up, installed_beside()) || try(path, up, "lib"))
            return true;
    }
    return try(path, ONECOPY_LIBDIR, "");
}

bool library_find(char path[PATH_MAX])
{
    if (!search(path)) {
        tool_error("cannot find " LIBRARY ", neither beside this command nor in " ONECOPY_LIBDIR);
        return false;
    }
    if (strpbrk(path, " :")) {
        tool_error("LD_PRELOAD cannot name %s: a space or colon is in it", path);
        return false;
    }
    return true;
}

static bool is_ours(const char *entry, size_t len)
{
    size_t name = strlen(LIBRARY);
    return len >= name && memcmp(entry + len - name, LIBRARY, name) == 0 &&
           (len == name || entry[len - name - 1] == '/');
}

/* LD_PRELOAD without this library, in the loader's own syntax; "" for nothing left. */
static char *others(void)
{
    const char *list = getenv("LD_PRELOAD");
    char *kept = calloc(1, list ? strlen(list) + 1 : 1), *end = kept;

    if (!kept)
        abort();
    while (list && *(list += strspn(list, " :"))) {
        size_t len = strcspn(list, " :");
        if (!is_ours(list, len))
            end += sprintf(end, "%s%.*s", end == kept ? "" : ":", (int)len, list);
        list += len;
    }
    return kept;
}

void library_preload(const char *path)
{
    char *before = others(), *value = NULL;

    if (asprintf(&value, "%s%s%s", before, *before ? ":" : "", path) < 0)
        abort();
    setenv("LD_PRELOAD", value, 1);
    free(value);
    free(before);
}

void library_unload(void)
{
    char *left = others();

    if (*left)
        setenv("LD_PRELOAD", left, 1);
    else
        unsetenv("LD_PRELOAD");
    free(left);
}
