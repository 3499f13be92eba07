/*
 * onecopy: one copy of a large data file for many processes.
 *
 * Programs need none of this to be served: libonecopy-preload does it behind
 * their read calls.  This library is for those who would rather have pointers
 * than copies, or who share data that several processes write.
 *
 * A function that returns int returns 0, or -1 with errno; the causes are named
 * at each function, and libonecopy(3) tells more.  errno changes only on failure.
 * All functions are thread-safe and none is async-signal-safe, unless said otherwise.
 * Nothing here writes to a terminal, ends the process, or starts a thread.
 *
 * Offsets and lengths are bytes, and need no alignment.
 */
#ifndef ONECOPY_H
#define ONECOPY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0".  Async-signal-safe. */
const char *onecopy_version(void);

/*
 * Remove the images in DIR (NULL: in every directory the library may choose)
 * that no process uses.  Returns how many were removed, or -1 with errno: EPERM when
 * the directory belongs to somebody else or is open to others, or what open(2) says.
 * A directory that is not there holds no images: 0.
 */
int onecopy_clean(const char *dir);

/* ---- files ---- */

/* An open file.  Any number of threads may use one at once. */
struct onecopy_file;

enum onecopy_flags {
    ONECOPY_WRITE = 1,     /* open: views may be stored to; lock: for one holder alone */
    ONECOPY_EXCLUSIVE = 2, /* create: EEXIST when the file is there already */
    ONECOPY_SPARSE = 4,    /* create: reserve no disk space */
    ONECOPY_SYNC = 8,      /* create, publish: on disk, name and all, before returning */
    ONECOPY_REPLACE = 16,  /* publish: take the place of a file of that name */
    ONECOPY_NOWAIT = 32,   /* lock: EAGAIN rather than wait */
};

/*
 * Open a regular file for reading, or with ONECOPY_WRITE also for writing.  NULL with
 * errno: EINVAL unknown flag; EISDIR; ENODEV not a regular file; ENOMEM; or what
 * open(2) says.
 */
struct onecopy_file *onecopy_open(const char *path, unsigned flags);

/*
 * Create a file of SIZE zero bytes, or open the one that is there already (and see to it
 * that it has at least SIZE bytes), for reading and writing.  The name appears when the
 * file has its size: nobody ever opens a shorter one, and of several processes that call
 * this at once one creates the file and all get it.  Disk space is reserved, so stores
 * to views don't fail for lack of it, unless ONECOPY_SPARSE.  MODE as for open(2),
 * umask included.  With ONECOPY_SYNC the file and its name are on disk.
 * NULL with errno: EEXIST with ONECOPY_EXCLUSIVE; EINVAL unknown flag; EFBIG size
 * beyond RLIMIT_FSIZE or the file system's limit; ENOSPC, EDQUOT; EIO; or as onecopy_open.
 */
struct onecopy_file *onecopy_create(const char *path, uint64_t size, mode_t mode, unsigned flags);

/*
 * Close a file.  Views that are still out stay valid until they are released, and locks
 * held until they are unlocked; pins are undone.  NULL is fine.  Like every close(2)
 * of a file, this drops all record locks (fcntl F_SETLK) that the process itself holds on
 * that file, whichever descriptor they were taken through.  No other thread
 * may be using FILE.
 */
void onecopy_close(struct onecopy_file *file);

/* The file's descriptor (close-on-exec), for fstat and the like; not to be closed.
 * Async-signal-safe. */
int onecopy_fileno(const struct onecopy_file *file);

/* The size now, in bytes; -1 with errno: what lseek(2) says. */
int64_t onecopy_size(struct onecopy_file *file);

/*
 * Make the file at least SIZE bytes long, new ones zero, with disk space reserved.  It never
 * gets shorter, whoever else does this at the same time.  All views stay valid; the new
 * bytes can be viewed at once, in every process.
 * EBADF not open for writing; EFBIG; ENOSPC, EDQUOT; EIO; EINTR; or what fallocate(2) says.
 */
int onecopy_grow(struct onecopy_file *file, uint64_t size);

/*
 * Grow the file by N bytes (more than 0) that are the caller's: of several processes and threads
 * that call this, each gets a range of its own.  Returns where it begins, or -1 with errno as
 * onecopy_grow and onecopy_lock.
 */
int64_t onecopy_extend(struct onecopy_file *file, uint64_t n);

/*
 * Copy up to N bytes at OFFSET into BUF.  Returns how many (fewer only at the end of file), or
 * -1 with errno as pread(2).  Never faults, whatever others do to the file.
 */
ssize_t onecopy_read(struct onecopy_file *file, void *buf, size_t n, uint64_t offset);

/*
 * Have everything that any process stored or wrote to [offset, offset + length)
 * on disk before returning; a length of 0 means to the end.  Must not be retried after
 * EIO in the hope that the data is still there.
 * EIO, ENOSPC, EDQUOT: some of it could not be written; EROFS, EINVAL: the file has no disk.
 */
int onecopy_flush(struct onecopy_file *file, uint64_t offset, uint64_t length);

/*
 * Make a file of N bytes at once: the name appears with all its content, or not at
 * all.  EEXIST when the name is taken, unless ONECOPY_REPLACE.  With ONECOPY_SYNC
 * the content and the name are on disk.  EINVAL unknown flag; ENOSPC, EDQUOT; EFBIG; EIO;
 * or what open(2), link(2) and rename(2) say.
 */
int onecopy_publish(const char *path, const void *data, size_t n, mode_t mode, unsigned flags);

/* ---- views ---- */

/* A range of a file, as memory.  Fill in nothing; read data and size. */
struct onecopy_view {
    void *data;  /* the byte at the offset asked for, and SIZE - 1 more */
    size_t size; /* as asked for */
    void *part;  /* the library's own */
};

/*
 * Point VIEW at LENGTH (more than 0) contiguous bytes of the file at OFFSET.  They
 * are the file's own memory, shared with every process: stores (if the file is open for
 * writing) are seen by all at once, and reach the disk when the kernel likes, or by
 * onecopy_flush.  The pointer is valid until onecopy_release.  Touching bytes that somebody
 * has cut off the file meanwhile, or that the disk can't give, raises SIGBUS;
 * onecopy_read does not.
 *
 * ERANGE: the range is not within the file.
 * ENOMEM: more than pins leave of the budget; or the kernel gives no memory (RLIMIT_AS,
 *     vm.max_map_count), with nothing left that could be unmapped.
 * EAGAIN: does not fit into the budget beside the views that are out: release some.
 * ENODEV: the file system cannot map this file (use onecopy_read).
 * EINVAL: length is 0.  Or what mmap(2) says.  *VIEW is cleared on failure.
 */
int onecopy_get(struct onecopy_file *file, uint64_t offset, size_t length,
                struct onecopy_view *view);

/* Give a view back and clear it.  EINVAL: not a view, or released already. */
int onecopy_release(struct onecopy_view *view);

/*
 * Map a range now and keep it mapped, so that views in it cost no system call, until
 * onecopy_unpin of the same range (as many times as it was pinned) or
 * onecopy_close.  Errors as onecopy_get.
 */
int onecopy_pin(struct onecopy_file *file, uint64_t offset, size_t length);

/* ENOENT: no such pin. */
int onecopy_unpin(struct onecopy_file *file, uint64_t offset, size_t length);

/*
 * How much address space this process's views, pins and what is kept mapped between
 * views may take, over all files.  At first ONECOPY_POOL from the environment, else 32 MiB.
 * EINVAL: less than one section (ONECOPY_SECTION, else 256 KiB); EAGAIN: views and
 * pins that are out take more.
 */
int onecopy_set_budget(size_t bytes);

/* ---- locks between processes ---- */

/* A lock that is held. */
struct onecopy_hold;

/*
 * Lock [offset, offset + length) of the file against other processes, and other threads of
 * this one: shared with other readers, or with ONECOPY_WRITE alone.  A length of 0 means
 * to the end, wherever it will be.  Advisory; the bytes need not exist.  Waits, or with
 * ONECOPY_NOWAIT fails with EAGAIN.  There is no detection of deadlocks, and a thread
 * that asks for what it holds itself waits for ever.
 *
 * The lock vanishes when the process dies, in whatever way; the next holder then finds the
 * data as the dead one left it.  A forked child does not have its parent's locks.
 *
 * NULL with errno: EINVAL unknown flag or a range beyond 2^62; EBADF ONECOPY_WRITE on a
 * file open for reading only; EINTR by a signal handler; EMFILE, ENFILE (each lock
 * that is held takes a descriptor); ENOLCK, ENOMEM; ENOENT when /proc is not mounted;
 * or what open(2) says of opening the file again.
 */
struct onecopy_hold *onecopy_lock(struct onecopy_file *file, uint64_t offset, uint64_t length,
                                  unsigned flags);

/* EPERM: the lock was taken before fork, by the parent, and stays with it.  The hold is
 * gone in any case. */
int onecopy_unlock(struct onecopy_hold *hold);

/* ---- counters ---- */

/* Of this process, over all files.  Later versions add to the end. */
struct onecopy_counters {
    uint64_t budget;      /* bytes of address space that may be mapped */
    uint64_t section;     /* bytes of a section */
    uint64_t mapped;      /* bytes mapped now */
    uint64_t mapped_most; /* and at most so far */
    uint64_t held;        /* bytes of mapped that can't be phased out: views and pins */
    uint64_t pinned;      /* bytes of held that are pins */
    uint64_t views;       /* views out now */
    uint64_t hits;        /* views so far that needed no system call */
    uint64_t maps;        /* mappings made so far */
    uint64_t merges;      /* of these, in place of smaller ones */
    uint64_t phased_out;  /* sections unmapped to make room */
    uint64_t returned;    /* sections mapped again soon after that */
    uint64_t refused;     /* requests that failed with EAGAIN or ENOMEM */
};

/* Fill the first SIZE bytes, that is sizeof(struct onecopy_counters), of *counters; what the
 * library does not know becomes 0. */
void onecopy_count(struct onecopy_counters *counters, size_t size);

#ifdef __cplusplus
}
#endif

#endif
