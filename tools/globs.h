/*
 * Globs as a user types them.  A rule with a '/' is matched against a file's
 * real path, but people write "./model.bin" and paths through symbolic links.
 */
#ifndef GLOBS_H
#define GLOBS_H

/*
 * LIST is globs (with rule options) joined by ':'.  In each that holds a '/', the folders
 * before its first wildcard are replaced by their real path, or the whole name when it has
 * no wildcard and exists; what does not exist is only made absolute.  To be freed.
 */
char *globs_absolute(const char *list);

#endif
