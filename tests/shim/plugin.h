#ifndef OC_TEST_PLUGIN_H
#define OC_TEST_PLUGIN_H

#include <stddef.h>

#define PLUGIN_EXPORT __attribute__((visibility("default")))

/* Called by the library's destructor; what is not 0 ends the process with status 77. */
PLUGIN_EXPORT extern int (*plugin_at_end)(void);

/* Open PATH and read N bytes of it, in various ways: the descriptor, or -1. */
PLUGIN_EXPORT int plugin_open(const char *path, char *first, size_t n);

/* The first N bytes of PATH in a block of malloc's, which is lent where it can be. */
PLUGIN_EXPORT void *plugin_load(const char *path, size_t n);

#endif
