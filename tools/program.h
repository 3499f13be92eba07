/* The command to be started: where it is, and can a preload enter it? */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <limits.h>
#include <stdbool.h>

/* Find NAME as execvp would.  0 with its path, else TOOL_NOT_FOUND or TOOL_NOT_EXECUTABLE
 * and a message. */
int program_find(const char *name, char path[PATH_MAX]);

/*
 * Why the dynamic loader will not put the library into the program at PATH, or NULL.  REAL
 * becomes the program that is judged: PATH, or the interpreter of a script.
 */
const char *program_obstacle(const char *path, char real[PATH_MAX]);

/* The dynamic loader that the ELF program at PATH names; false: none. */
bool program_loader(const char *path, char loader[PATH_MAX]);

/*
 * Warn, in one line, when the dynamic loader will not put the library into the program at
 * PATH: static, set-user-ID, another machine's, another C library's.  A script is judged
 * by its interpreter.
 */
void program_warn(const char *name, const char *path);

/* Become the program at PATH, found under argv[0].  Only returns when that failed, with a message:
 * the exit status. */
int program_exec(const char *path, char **argv);

#endif
