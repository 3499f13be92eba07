/* Where the preloaded library is, and LD_PRELOAD with and without it. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <limits.h>
#include <stdbool.h>

/*
 * The path of libonecopy-preload.so: of the build tree this command lies in, or beside
 * its place of installation.  False: not found, or at a path that LD_PRELOAD
 * cannot hold; a message has been printed.
 */
bool library_find(char path[PATH_MAX]);

/* Into and out of the environment's LD_PRELOAD; whatever else is named there stays. */
void library_preload(const char *path);
void library_unload(void);

#endif
