/*
 * The command line's side of the configuration: one option for each ONECOPY_
 * variable.  Options win over the variables that are in the environment already.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#define SETTINGS_OPTIONS 16 /* room for all of them */

/* Append the long options to OPTIONS (and the closing row); their values are beyond any
 * character. */
void settings_options(struct option options[], size_t used);

/* Just one of them. */
struct option settings_option(const char *name);

/* An option that getopt returned: true when it is one of these, and it is kept. */
bool settings_take(int opt, const char *arg);

/* The value in force for a variable: the option's, else the environment's, or NULL. */
const char *settings_get(const char *variable);

/*
 * Read what is in force with the library's own parsers, into oc_options.  False: one line
 * on standard error has said what is wrong.
 */
bool settings_read(void);

/* The same, with a warning when the library would have nothing to do. */
bool settings_check(void);

/* Put the options into the environment. */
void settings_export(void);

/* Take every ONECOPY_ variable out of the environment. */
void settings_clear(void);

/* The lines about these options in a --help. */
void settings_help(FILE *out);

#endif
