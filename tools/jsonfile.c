/* Putting a whole file in place at once. */
#include "config.h"
#include "tool.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A device or pipe is written to, a regular file replaced; through symbolic links. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static bool resolved(const char *path, char real[PATH_MAX])
{
    if (realpath(path, real))
        return true;
    return errno == ENOENT && snprintf(real, PATH_MAX, "%s", path) < PATH_MAX;
}

bool tool_json_writable(const char *path)
{
    char real[PATH_MAX], copy[PATH_MAX];

    if (strcmp(path, "-") == 0)
        return true;
    bool ok = resolved(path, real);
    if (ok)
        ok = access(is_special(real) ? real : dirname(strcpy(copy, real)), W_OK) == 0;
    if (ok && is_special(real) && access(real, W_OK) == 0) {
        struct stat st;
        ok = stat(real, &st) == 0 && !S_ISDIR(st.st_mode);
        errno = EISDIR;
    }
    if (!ok)
        tool_error("%s: %s", path, strerror(errno));
    return ok;
}

static bool put(FILE *file, const char *data, size_t len)
{
    bool ok = file && fwrite(data, 1, len, file) == len;
    if (file && fclose(file) != 0)
        ok = false;
    return ok;
}

/* Beside PATH under another name, then renamed. */
static bool replace(const char *path, const char *data, size_t len)
{
    char name[PATH_MAX + 16];
    mode_t mask = umask(0);

    umask(mask);
    snprintf(name, sizeof name, "%s.XXXXXX", path);
    int fd = mkstemp(name);
    if (fd < 0)
        return false;
    fchmod(fd, 0666 & ~mask);
    if (put(fdopen(fd, "w"), data, len) && rename(name, path) == 0)
        return true;
    int why = errno;
    unlink(name);
    errno = why;
    return false;
}

bool tool_file_write(const char *path, const char *data, size_t len)
{
    char real[PATH_MAX];
    bool ok;

    if (strcmp(path, "-") == 0)
        return fwrite(data, 1, len, stdout) == len; /* an error shows when the stream is flushed */
    if (!resolved(path, real))
        ok = false;
    else if (is_special(real))
        ok = put(fopen(real, "w"), data, len);
    else
        ok = replace(real, data, len);
    if (!ok)
        tool_error("%s: %s", path, strerror(errno));
    return ok;
}

bool tool_json_write(const char *path, const char *text)
{
    char *line;
    int len = asprintf(&line, "%s\n", text);

    if (len < 0)
        abort();
    bool ok = tool_file_write(path, line, (size_t)len);
    free(line);
    return ok;
}
