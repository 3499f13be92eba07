/*
 * The onecopy command: ordinary host-side C, one subcommand a file.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum tool_exit {
    TOOL_OK = 0,
    TOOL_DIFFERENT = 1,        /* compare: the outputs are not identical; check: no help */
    TOOL_TROUBLE = 2,          /* usage, configuration, or onecopy itself failed */
    TOOL_NOT_EXECUTABLE = 126, /* as in env(1), time(1) and shells */
    TOOL_NOT_FOUND = 127,
};

struct tool_command {
    const char *name;
    const char *text;                  /* one line for the list of commands */
    int (*run)(int argc, char **argv); /* argv[0] is "onecopy NAME"; returns the exit status */
    void (*help)(FILE *out);
};

extern const struct tool_command tool_run, tool_compare, tool_check, tool_stat, tool_clean;

/* One line on standard error: "onecopy: ...". */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "onecopy run: try 'onecopy run --help'"-style ending of a usage error that getopt has
 * reported already; returns TOOL_TROUBLE. */
int tool_usage(const char *command, const char *what);

/* Flush standard output; STATUS, or TOOL_TROUBLE with a message when not all of it
 * could be written.  tool_output_begin: from now on a closed pipe, or a
 * limit of file sizes, is such an error instead of a silent death. */
void tool_output_begin(void);
int tool_output_end(int status);

/* --help of a command: its text on standard output. */
int tool_help(const struct tool_command *command);

/* "--json FILE": a whole JSON text put in place at once, so that a reader never meets half
 * of it; "-" is standard output.  tool_json_writable is asked before hours of work. */
bool tool_json_writable(const char *path);
bool tool_json_write(const char *path, const char *text);

/* The same for any bytes, without a newline added. */
bool tool_file_write(const char *path, const char *data, size_t len);

#endif
