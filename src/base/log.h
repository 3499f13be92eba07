/*
 * Messages to the user.
 *
 * A message is formatted into a fixed buffer and leaves in one write(2) to
 * descriptor 2 (or to the file that ONECOPY_LOG names, opened anew for each
 * message: a kept descriptor could be closed and reused by the program).
 * errno is kept.  At most OC_LOG_MAX messages a process.  Async-signal-safe:
 * no stdio, no malloc.
 */
#ifndef OC_LOG_H
#define OC_LOG_H

enum oc_log_level { OC_LOG_OFF, OC_LOG_ERROR, OC_LOG_INFO, OC_LOG_DEBUG };

#define OC_LOG_MAX 1000

/* What is printed: levels up to this one.  OC_LOG_ERROR before the options are read. */
extern enum oc_log_level oc_log_level;

/* path NULL: descriptor 2, as it is now: when the program puts another file there
 * later, messages are dropped.  The string must stay. */
void oc_log_to(enum oc_log_level level, const char *path);

/* Understands %s %c %% and %d %u %x, these also with l, ll or z; the line is prefixed with
 * "onecopy[PID]: " and ended with a newline. */
void oc_log_print(enum oc_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A whole line, newline included, to descriptor 2: dropped where it would block, never
 * raises a signal. */
void oc_log_write(const char *text, unsigned long len);

#define oc_log(level, ...)                                                                         \
    do {                                                                                           \
        if ((level) <= oc_log_level)                                                               \
            oc_log_print((level), __VA_ARGS__);                                                    \
    } while (0)

/* snprintf's little brother: same conversions, always ends with NUL, returns the
 * length it would have liked, async-signal-safe. */
int oc_format(char *out, unsigned long size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
