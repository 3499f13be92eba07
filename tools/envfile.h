/* Variables from a file (--env-file). */
#ifndef ENVFILE_H
#define ENVFILE_H

#include <stdbool.h>

#include "settings.h"

/*
 * Lines of NAME=VALUE with the syntax of systemd's EnvironmentFile=, where every name has to
 * be one of the library's variables and every value a good one.  False: a message has told
 * the file, the line and what is wrong.
 */
bool envfile_read(const char *path, enum settings_layer layer);

#endif
