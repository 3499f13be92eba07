/* Reading the counters of another process through the library's window (base/window.h). */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where in a process the library's data is mapped. */
struct library_data {
    struct {
        uint64_t from, to;
    } ranges[8];
    size_t count;
};

/* A line of /proc/PID/maps: kept when it is of the library's data. */
void counters_take_mapping(struct library_data *data, const char *line);

/*
 * *COUNTERS becomes {name: number}, *REASONS {why a big read was not lent: how often}.  False,
 * and both NULL: not to be had; a process of another word size, or it may not be looked into
 * (kernel.yama.ptrace_scope).
 */
bool counters_read(pid_t pid, const struct library_data *data, json_t **counters, json_t **reasons);

#endif
