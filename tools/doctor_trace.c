/* Reading what the library wrote: doctor_trace.h. */
#include "config.h"
#include "doctor_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct trace_file *file_of(struct trace *trace, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; i < trace->count; i++)
        if (trace->files[i].dev == dev && trace->files[i].ino == ino)
            return &trace->files[i];
    trace->files = reallocarray(trace->files, trace->count + 1, sizeof *trace->files);
    if (!trace->files)
        abort();
    trace->files[trace->count] = (struct trace_file){.dev = dev, .ino = ino};
    return &trace->files[trace->count++];
}

static void add_shift(struct trace_file *file, unsigned shift)
{
    for (size_t i = 0; i < file->shift_count && i < TRACE_SHIFTS; i++)
        if (file->shifts[i] == shift)
            return;
    if (file->shift_count < TRACE_SHIFTS)
        file->shifts[file->shift_count] = shift;
    file->shift_count++;
}

static void add_refusal(struct trace_file *file, const char *why, uint64_t bytes)
{
    size_t i = 0;

    while (i < file->reason_count && strncmp(file->reasons[i].why, why, 47) != 0)
        i++;
    if (i == TRACE_REASONS)
        return;
    if (i == file->reason_count)
        snprintf(file->reasons[file->reason_count++].why, sizeof file->reasons[0].why, "%s", why);
    file->reasons[i].reads++;
    file->reasons[i].bytes += bytes;
    if (bytes > file->reasons[i].largest)
        file->reasons[i].largest = bytes;
}

/* "file D:I, descriptor F: N bytes at O, shift S, ..." */
static bool take_read(struct trace *trace, const char *text)
{
    uint64_t dev, ino, bytes, lent, filled;
    unsigned shift;
    int rest = 0;

    if (sscanf(text,
               "file %" SCNu64 ":%" SCNu64 ", descriptor %*d: %" SCNu64
               " bytes at %*u, shift %u, %n",
               &dev, &ino, &bytes, &shift, &rest) != 4 ||
        rest == 0)
        return false;
    struct trace_file *file = file_of(trace, dev, ino);
    text += rest;
    if (strncmp(text, "not lent: ", 10) == 0) {
        add_refusal(file, text + 10, bytes);
    } else if (sscanf(text, "%" SCNu64 " lent, %" SCNu64 " filled", &lent, &filled) == 2) {
        file->reads++;
        file->bytes += bytes;
        file->lent += lent;
        file->filled += filled;
        file->largest = bytes > file->largest ? bytes : file->largest;
        add_shift(file, shift);
    }
    return true;
}

/* "lending file D:I, N bytes, shift S, compared (why)" */
static void take_verdict(struct trace *trace, const char *text)
{
    uint64_t dev, ino;
    int rest = 0;

    if (sscanf(text, "lending file %" SCNu64 ":%" SCNu64 ", %*u bytes, shift %*u, %n", &dev, &ino,
               &rest) != 2 ||
        rest == 0)
        return;
    struct trace_file *file = file_of(trace, dev, ino);
    snprintf(file->use, sizeof file->use, "%.95s", text + rest);
}

static void take_stream(struct trace *trace, const char *text)
{
    uint64_t dev, ino;
    int rest = 0;

    if (sscanf(text, "file %" SCNu64 ":%" SCNu64 " is read as a stream%n", &dev, &ino, &rest) ==
            2 &&
        rest > 0)
        file_of(trace, dev, ino)->stream = true;
}

/* "file D:I is read by OBJECT+0xOFFSET" */
static void take_caller(struct trace *trace, const char *text)
{
    struct trace_caller caller;
    uint64_t dev, ino;
    int rest = 0;

    if (sscanf(text, "file %" SCNu64 ":%" SCNu64 " is read by %n", &dev, &ino, &rest) != 2 ||
        rest == 0)
        return;
    const char *plus = strrchr(text + rest, '+');
    size_t len = plus ? (size_t)(plus - text) - (size_t)rest : 0;
    if (len == 0 || len >= sizeof caller.object)
        return;
    snprintf(caller.object, sizeof caller.object, "%.*s", (int)len, text + rest);
    caller.offset = strtoull(plus + 1, NULL, 16);
    struct trace_file *file = file_of(trace, dev, ino);
    for (size_t i = 0; i < file->caller_count; i++)
        if (file->callers[i].offset == caller.offset &&
            strcmp(file->callers[i].object, caller.object) == 0)
            return;
    if (file->caller_count < TRACE_CALLERS)
        file->callers[file->caller_count++] = caller;
}

void trace_log(struct trace *trace, FILE *log)
{
    char *line = NULL;
    size_t size = 0;

    rewind(log);
    while (getline(&line, &size, log) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *text = strstr(line, "]: ");
        if (strncmp(line, "onecopy[", 8) != 0 || !text)
            continue;
        trace->lines++;
        text += 3;
        if (!take_read(trace, text)) {
            take_verdict(trace, text);
            take_caller(trace, text);
            take_stream(trace, text);
        }
    }
    free(line);
}

void trace_free(struct trace *trace)
{
    free(trace->files);
    *trace = (struct trace){0};
}

uint64_t trace_counter(FILE *report, const char *name, size_t *processes)
{
    char *line = NULL, key[64];
    size_t size = 0, lines = 0;
    uint64_t sum = 0;

    snprintf(key, sizeof key, " %s=", name);
    rewind(report);
    while (getline(&line, &size, report) > 0) {
        const char *at = strstr(line, key);
        lines++;
        if (at)
            sum += strtoull(at + strlen(key), NULL, 10);
    }
    free(line);
    if (processes)
        *processes = lines;
    return sum;
}
