/*
 * The command line's side of the configuration: one option for each ONECOPY_
 * variable.  Options win over what --env-file has, and that over the variables that are in
 * the environment already.
 *
 * A comparison of two sets of options (compare --a, --b) has a layer for each, which wins
 * over all of these while it is in use.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#define SETTINGS_OPTIONS 20 /* room for all of them */

enum settings_layer { SETTINGS_COMMON, SETTINGS_A, SETTINGS_B, SETTINGS_LAYERS };

/* Append the long options to OPTIONS (and the closing row); their values are beyond any
 * character. */
void settings_options(struct option options[], size_t used);

/* Just one of them. */
struct option settings_option(const char *name);

/* An option that getopt returned: true when it is one of these, and it is kept.  False: it is
 * none, or wrong; a line on standard error, getopt's or ours, has said why. */
bool settings_take(int opt, const char *arg);

/* The options and VARIABLE=VALUE words in TEXT, as typed to a shell, for a layer; WHAT
 * ("--a") is said in messages. */
bool settings_take_words(enum settings_layer layer, const char *what, const char *text);

/* From now on this layer is in use; in the beginning SETTINGS_COMMON. */
void settings_use(enum settings_layer layer);

/* A variable's value from a file, which options win over; false: there is no such variable. */
bool settings_set_from_file(enum settings_layer layer, const char *variable, const char *value);

/* The value in force for a variable: the option's, else the file's, else the environment's, or
 * NULL. */
const char *settings_get(const char *variable);

/*
 * Read what is in force with the library's own parsers, into oc_options.  False: one line
 * on standard error has said what is wrong.
 */
bool settings_read(void);

/* The same, with a warning when the library would have nothing to do. */
bool settings_check(void);

/* Put what is in force into the environment. */
void settings_export(void);

/* Take every ONECOPY_ variable out of the environment. */
void settings_clear(void);

/* The lines about these options in a --help. */
void settings_help(FILE *out);

#endif
