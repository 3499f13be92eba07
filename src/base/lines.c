#include "base/lines.h"

#include <string.h>

#include "base/sys.h"

void oc_lines_begin(struct oc_lines *lines, int fd)
{
    lines->fd = fd;
    lines->error = 0;
    lines->at = 0;
    lines->next = lines->len = 0;
    lines->cut = false;
}

/* Keep what is left and append what comes; one byte stays free for a NUL. */
static bool refill(struct oc_lines *lines)
{
    size_t left = lines->len - lines->next;
    ssize_t got;

    memmove(lines->buf, lines->buf + lines->next, left);
    lines->next = 0;
    lines->len = left;
    do
        got = oc_sys_pread(lines->fd, lines->buf + left, sizeof(lines->buf) - 1 - left, lines->at);
    while (got == -EINTR);
    if (got < 0)
        lines->error = (int)got;
    if (got <= 0)
        return false;
    lines->len += (size_t)got;
    lines->at += (uint64_t)got;
    return true;
}

/* The piece of text up to the next newline, or as much as fits; *whole when it ended. */
static char *next_piece(struct oc_lines *lines, bool *whole)
{
    for (;;) {
        char *line = lines->buf + lines->next;
        size_t left = lines->len - lines->next;
        char *end = memchr(line, '\n', left);

        *whole = end != NULL;
        if (!end && left < sizeof(lines->buf) - 1) {
            if (refill(lines))
                continue;
            if (lines->error || left == 0)
                return NULL;
            line = lines->buf + lines->next;
        }
        if (!end)
            end = lines->buf + lines->len;
        *end = '\0';
        lines->next = (size_t)(end - lines->buf) + *whole;
        return line;
    }
}

char *oc_lines_next(struct oc_lines *lines)
{
    bool whole, rest;
    char *line;

    do {
        rest = lines->cut;
        line = next_piece(lines, &whole);
        lines->cut = line && !whole;
    } while (line && rest);
    return line;
}

static int digit_of(char c, unsigned base)
{
    int digit = -1;

    if (c >= '0' && c <= '9')
        digit = c - '0';
    else if (c >= 'a' && c <= 'f')
        digit = c - 'a' + 10;
    return digit < (int)base ? digit : -1;
}

static bool scan(const char **text, uint64_t *value, unsigned base)
{
    const char *p = *text;

    *value = 0;
    for (int digit; (digit = digit_of(*p, base)) >= 0; p++)
        *value = *value * base + (unsigned)digit;
    if (p == *text)
        return false;
    *text = p;
    return true;
}

bool oc_scan_hex(const char **text, uint64_t *value)
{
    return scan(text, value, 16);
}

bool oc_scan_dec(const char **text, uint64_t *value)
{
    return scan(text, value, 10);
}
