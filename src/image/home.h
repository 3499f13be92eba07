/*
 * The home: the directory of images (ONECOPY_DIR).
 *
 * Default: /dev/shm/onecopy-UID, else $XDG_RUNTIME_DIR/onecopy-UID, else
 * /var/tmp/onecopy-UID: the first that can be used and has room.  A home is a
 * directory owned by the effective user with mode 0700 exactly, reached without
 * following a symlink in its last component.  Or, only where oc_options.dir names it, a
 * directory of root or the effective user with mode 02770 exactly: the home of its
 * group, whose members trust each other with what they read (images there have mode
 * 0660).  The functions allocate nothing and take no lock.
 *
 * Is an image in use?  Its users hold flock(LOCK_SH) through an open file
 * description that nothing but a one-page PROT_NONE mapping (the token) keeps
 * alive, so the kernel counts them: forked children included, killed ones not,
 * and no descriptor stays open.  Whoever gets LOCK_EX through a fresh open may
 * unlink the image, and must hold the lock while doing so.
 */
#ifndef OC_HOME_H
#define OC_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define OC_HOME_PATH 256
#define OC_HOME_NAME 64

/*
 * Candidate I (0, 1, ...) as a path in OUT; false past the last one.  With
 * oc_options.dir set there is just that one.  Does not touch the file system.
 */
bool oc_home_candidate(unsigned i, char out[OC_HOME_PATH]);

/* Open a home directory (O_DIRECTORY), made first when CREATE; verified as above and,
 * once per process and home, by the self-test of the token's locks.
 * A descriptor (O_CLOEXEC), or a negated errno: -EPERM for a foreign or open-moded
 * directory, -ENOTSUP when locks do not work there. */
int oc_home_open(const char *path, bool create);

/* The first candidate that can be opened so: a descriptor, or the last one's negated errno. */
int oc_home_first(bool create);

/* Why oc_home_open said ERROR (negated errno), for a message: "it ..."; NULL for what concerns not
 * the home, or may pass. */
const char *oc_home_refusal(int error);

/* Tell the user, once a process, that the home PATH, which oc_options.dir names, was refused with
 * ERROR.  Nothing about homes that nobody has named, and about what may pass. */
void oc_home_say_refused(const char *path, int error);

/* Is the home DIR a group's? */
bool oc_home_is_groups(int dir);

/* Bytes that may still be stored there, with a safety margin taken off.  DIR may be any
 * descriptor in that file system. */
uint64_t oc_home_room(int dir);

/* Bytes that the images of the home DIR may still take: of what there is room for, of
 * what oc_options.image_max allows them all together, and of half of what the caller's
 * memory cgroup has left. */
uint64_t oc_home_allowance(int dir);

/* Tell EACH about every name in the directory DIR.  0 or a negated errno. */
int oc_home_each(int dir, void (*each)(int dir, const char *name, void *arg), void *arg);

bool oc_home_is_image(const char *name);

/* May a file grow to SIZE?  Writing beyond RLIMIT_FSIZE would raise SIGXFSZ. */
bool oc_home_may_write(uint64_t size);

/* A new file, 0600 (in a group's home 0660), open for reading and writing: unnamed where the file
 * system can, else *named and called NAME, for the caller to rename or unlink.  Or a negated errno.
 */
int oc_home_temp(int dir, char name[OC_HOME_NAME], bool *named);

/* Open NAME with MODE (O_RDONLY or O_RDWR), never through a symlink, never blocking:
 * -EPERM when it is no regular file of ours (in a group's home: of the group's). */
int oc_home_open_image(int dir, const char *name, int mode, struct stat *st);

/* CLOCK_BOOTTIME in seconds: the clock of "keep until". */
uint64_t oc_home_now(void);

/* What oc_home_sweep did or met. */
struct oc_sweep {
    unsigned removed, in_use, kept; /* images: kept = still within their linger time */
    uint64_t removed_bytes, in_use_bytes, kept_bytes;
};

/* Are there any images, used or not?  Cheap: nothing is tried. */
bool oc_home_has_images(const char *path);

/*
 * Unlink every image of a home that nobody uses and whose linger time is over (with
 * FORCE: whether it is over or not).  EACH, when given, is told about every image:
 * its name, its allocated bytes, and "removed", "in use" or "kept".
 * 0 or a negated errno for the directory; a missing home is 0.
 */
int oc_home_sweep(const char *path, bool force, struct oc_sweep *sweep,
                  void (*each)(const char *name, uint64_t bytes, const char *what, void *arg),
                  void *arg);

#endif
