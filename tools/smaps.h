/* One process's memory, mapping by mapping: /proc/PID/smaps. */
#ifndef SMAPS_H
#define SMAPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "homes.h"
#include "sample.h"

/*
 * Add the process to SUM: like smaps_rollup in one walk over its pages, with the share that is
 * images' told apart.  A mapping's PSS is told in whole kilobytes, and rounded up here.
 * False: it could not be read though it is alive.
 */
bool smaps_add(pid_t pid, const struct home_files *images, struct sample *sum);

#endif
