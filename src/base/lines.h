/*
 * Lines of a file of /proc, read through a small buffer that lives on the
 * caller's stack.  Longer lines are cut: what we look for stands in front.
 */
#ifndef OC_LINES_H
#define OC_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oc_lines {
    int fd; /* read with pread, from the beginning */
    int error;
    uint64_t at;
    size_t next, len; /* what of buf has not been handed out yet */
    bool cut;         /* the rest of a cut line is still to come */
    char buf[768];
};

void oc_lines_begin(struct oc_lines *lines, int fd);

/* The next line, without its newline, good until the next call.  NULL: the end, or an
 * error (a negated errno in lines->error). */
char *oc_lines_next(struct oc_lines *lines);

/* Digits at *text, moved behind them; hexadecimal and decimal. False: none there. */
bool oc_scan_hex(const char **text, uint64_t *value);
bool oc_scan_dec(const char **text, uint64_t *value);

#endif
