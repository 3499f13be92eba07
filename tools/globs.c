/* Globs with relative folders or symbolic links, made to match real paths: globs.h. */
#include "config.h"
#include "globs.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Characters that a glob or the list around it gives a meaning. */
#define SPECIAL "*?[]\\,:"

/* The length of the glob at TEXT, up to its options, the next rule or the end; *plain is
 * how much of it stands before the first wildcard. */
static size_t glob_length(const char *text, size_t *plain)
{
    size_t i = 0;
    bool wild = false;

    *plain = 0;
    for (; text[i] && text[i] != ',' && text[i] != ':'; i++) {
        wild = wild || strchr("*?[", text[i]) != NULL;
        if (text[i] == '\\' && text[i + 1])
            i++;
        if (!wild)
            *plain = i + 1;
    }
    return i;
}

/* TEXT[0..len) without its backslashes. */
static void unescape(char out[PATH_MAX], const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < PATH_MAX; i++) {
        if (text[i] == '\\' && i + 1 < len)
            i++;
        out[n++] = text[i];
    }
    out[n] = '\0';
}

static void put_escaped(FILE *out, const char *path)
{
    for (; *path; path++) {
        if (strchr(SPECIAL, *path))
            fputc('\\', out);
        fputc(*path, out);
    }
}

/* The working directory, for a relative path whose folders do not exist. */
static void put_working_directory(FILE *out)
{
    char here[PATH_MAX];
    if (getcwd(here, sizeof here)) {
        put_escaped(out, here);
        if (strcmp(here, "/") != 0)
            fputc('/', out);
    }
}

/* GLOB with its first HEAD bytes, which name something that exists, replaced by the real
 * path.  False: there is no such thing, nothing was written. */
static bool put_resolved(FILE *out, const char *glob, size_t len, size_t head)
{
    char path[PATH_MAX], real[PATH_MAX];

    unescape(path, glob, head);
    if (head == 0 || !realpath(path, real))
        return false;
    put_escaped(out, real);
    if (head < len && strcmp(real, "/") != 0)
        fputc('/', out);
    fwrite(glob + head, 1, len - head, out);
    return true;
}

/* One glob that holds a '/'; its first PLAIN bytes have no wildcard. */
static void put_path_glob(FILE *out, const char *glob, size_t len, size_t plain)
{
    size_t folders = plain;

    while (folders > 0 && glob[folders - 1] != '/')
        folders--;
    if (plain == len && put_resolved(out, glob, len, len))
        return;
    if (put_resolved(out, glob, len, folders))
        return;
    if (glob[0] != '/' && strncmp(glob, "**", 2) != 0)
        put_working_directory(out);
    fwrite(glob, 1, len, out);
}

static const char *put_rule(FILE *out, const char *text)
{
    size_t plain, len = glob_length(text, &plain);

    if (memchr(text, '/', len))
        put_path_glob(out, text, len, plain);
    else
        fwrite(text, 1, len, out);
    text += len;
    while (*text && *text != ':')
        fputc(*text++, out);
    if (*text == ':')
        fputc(*text++, out);
    return text;
}

char *globs_absolute(const char *list)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    while (*list)
        list = put_rule(out, list);
    fclose(out);
    return text;
}
