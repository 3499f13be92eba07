/*
 * onecopy: one copy of a large data file for many processes.
 *
 * Programs need none of this to be served: libonecopy-preload does it behind
 * their read calls.  This library is for those who want to know, or to help.
 */
#ifndef ONECOPY_H
#define ONECOPY_H

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0".  Thread- and async-signal-safe. */
const char *onecopy_version(void);

/*
 * Remove the images in DIR (NULL: in every directory the library may choose)
 * that no process uses.  Returns how many were removed, or -1 with errno: EPERM when
 * the directory belongs to somebody else or is open to others, or what open(2) says.
 * A directory that is not there holds no images: 0.  Thread-safe.
 */
int onecopy_clean(const char *dir);

#ifdef __cplusplus
}
#endif

#endif
