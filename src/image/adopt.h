/*
 * Adopting: memory that already holds a file's bytes gets the image's pages in
 * their place.  Nothing that anybody can see changes, since the bytes are compared
 * first, and while no other thread and no signal handler could store in between.
 */
#ifndef OC_ADOPT_H
#define OC_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"

/*
 * [FROM, TO) of FILE is believed to lie in memory so that its byte 0 would be at BASE.
 * FD is the program's, for filling.  What does is the image's afterwards, as far as that can be.
 * Returns the end of the last of it.  FROM: nothing was found or could be done.
 */
uint64_t oc_adopt(struct oc_file *file, int fd, uintptr_t base, uint64_t from, uint64_t to);

#endif
