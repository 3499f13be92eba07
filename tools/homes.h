/*
 * The images in the homes this configuration may use, as the command sees them
 * from outside.
 */
#ifndef HOMES_H
#define HOMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/home.h"

/* Home I with its real path; false past the last.  Homes that do not exist are passed over. */
bool homes_next(unsigned *i, char path[OC_HOME_PATH]);

/* Bytes allocated to the files in all homes. */
uint64_t homes_allocated(void);

/* Of them, bytes that a process maps: its share (Pss) of mappings of files in the homes. */
uint64_t homes_mapped(pid_t pid);

#endif
