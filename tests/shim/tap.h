/*
 * What every test program here starts with and ends with.
 *
 * A program runs three times, in passes that run-preload.sh sets up: "oracle"
 * without the library (the test itself is right), "default" under the library
 * as it comes, and "tiny" with the smallest sections and thresholds, so that
 * every path is taken.  A line of TAP stands for everything expected since the
 * line before.
 */
#ifndef OC_TEST_TAP_H
#define OC_TEST_TAP_H

#include <stdbool.h>

/* First thing in main: hands over to run-preload.sh unless it called us. */
void tap_start(int argc, char **argv);

/* Is the library supposed to be at work in this pass?  With the tiny settings? */
bool tap_active(void);
bool tap_tiny(void);

/* Something that must hold; what it was is printed when it does not.  Returns COND. */
bool expect(bool cond, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Two results of the same call, libc's and the kernel's. */
bool same(long libc, long kernel, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One line of TAP for all that was expected since the last. */
void report(const char *name);
void skip(const char *name, const char *why);

/* In a forked child: leave with what was expected there; the parent takes it in. */
void child_done(void) __attribute__((noreturn));
bool child_wait(int pid, const char *name);

/* The plan, and the exit status for main. */
int tap_done(void);

#endif
