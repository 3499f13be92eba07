/* What a process with the library wrote about itself: ONECOPY_LOG=debug and ONECOPY_REPORT. */
#ifndef DOCTOR_TRACE_H
#define DOCTOR_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_SHIFTS  4
#define TRACE_REASONS 6
#define TRACE_CALLERS 4

/* Big reads that were not lent, for one reason. */
struct trace_reason {
    char why[48];
    uint64_t reads, bytes, largest;
};

/* A place that reads it: offset OFFSET of the file OBJECT, a program or a library. */
struct trace_caller {
    char object[256];
    uint64_t offset;
};

/* The big reads of one file. */
struct trace_file {
    uint64_t dev, ino;
    uint64_t reads, bytes, lent, filled, largest; /* of those that were lent, at least in part */
    unsigned shifts[TRACE_SHIFTS];
    size_t shift_count; /* may be more than fit */
    char use[96];       /* "compared (changed lately)" */
    bool stream;        /* given up as a stream */
    struct trace_caller callers[TRACE_CALLERS];
    size_t caller_count; /* of those that fit */
    struct trace_reason reasons[TRACE_REASONS];
    size_t reason_count;
};

struct trace {
    struct trace_file *files;
    size_t count;
    uint64_t lines;
};

/* Add what the log tells. */
void trace_log(struct trace *trace, FILE *log);
void trace_free(struct trace *trace);

/* The sum of a counter over all lines of the report; *processes: how many lines there are. */
uint64_t trace_counter(FILE *report, const char *name, size_t *processes);

#endif
