/*
 * Every libc function that has a wrapper of ours, or that a wrapper needs.
 * Included with OC_REQUIRED and OC_OPTIONAL defined; optional names may be
 * missing in older or newer versions of glibc.  OC_LATE names are there for whoever calls them,
 * but few programs that read a file in question do, and each look-up takes a microsecond.
 */

/* open.c */
OC_REQUIRED(open)
OC_REQUIRED(open64)
OC_REQUIRED(openat)
OC_REQUIRED(openat64)
OC_REQUIRED(creat)
OC_REQUIRED(creat64)
OC_REQUIRED(__open_2)
OC_REQUIRED(__open64_2)
OC_REQUIRED(__openat_2)
OC_REQUIRED(__openat64_2)

/* read.c */
OC_REQUIRED(read)
OC_REQUIRED(pread)
OC_REQUIRED(pread64)
OC_REQUIRED(readv)
OC_REQUIRED(preadv)
OC_REQUIRED(preadv64)
OC_REQUIRED(preadv2)
OC_REQUIRED(preadv64v2)

/* seek.c */
OC_REQUIRED(lseek)
OC_REQUIRED(lseek64)

/* close.c */
OC_REQUIRED(close)
OC_OPTIONAL(close_range)
OC_OPTIONAL(closefrom)

/* dup.c */
OC_REQUIRED(dup)
OC_REQUIRED(dup2)
OC_REQUIRED(dup3)
OC_REQUIRED(fcntl)
OC_OPTIONAL(fcntl64)

/* stdio.c */
OC_REQUIRED(fopen)
OC_REQUIRED(fopen64)
OC_REQUIRED(freopen)
OC_REQUIRED(freopen64)
OC_REQUIRED(fdopen)
OC_REQUIRED(fclose)
OC_REQUIRED(fread)
OC_REQUIRED(fread_unlocked)

/* files.c: looked up when first called */
OC_LATE(fseek)
OC_LATE(fseeko)
OC_LATE(fseeko64)
OC_LATE(rewind)
OC_LATE(fsetpos)
OC_LATE(fsetpos64)
OC_LATE(fflush)
OC_LATE(fflush_unlocked)
OC_LATE(setvbuf)
OC_LATE(setbuffer)
OC_LATE(setbuf)
OC_LATE(setlinebuf)
OC_LATE(__fbufsize)
OC_LATE(__fpurge)
OC_LATE(fgetc)
OC_LATE(getc)
OC_LATE(fgetc_unlocked)
OC_LATE(getc_unlocked)
OC_LATE(getw)
OC_LATE(getchar)
OC_LATE(getchar_unlocked)
OC_LATE(ungetc)
OC_LATE(fgets)
OC_LATE(fgets_unlocked)
OC_LATE(__fgets_chk)
OC_LATE(__fgets_unlocked_chk)
OC_LATE(getdelim)
OC_LATE(getline)
OC_LATE(vfscanf)
OC_LATE(__isoc99_vfscanf)
OC_LATE(__isoc23_vfscanf)

/* transfer.c */
OC_REQUIRED(sendfile)
OC_REQUIRED(sendfile64)
OC_REQUIRED(splice)
OC_REQUIRED(vmsplice)
OC_REQUIRED(copy_file_range)
OC_REQUIRED(ioctl)
OC_REQUIRED(lockf)
OC_REQUIRED(lockf64)
OC_REQUIRED(sendmsg)
OC_REQUIRED(sendmmsg)
OC_REQUIRED(recvmsg)
OC_REQUIRED(recvmmsg)

/* confine.c */
OC_REQUIRED(prctl)

/* process.c */
OC_OPTIONAL(_Fork)
OC_REQUIRED(vfork)
OC_REQUIRED(clone)
OC_REQUIRED(unshare)
OC_REQUIRED(daemon)
OC_REQUIRED(system)
OC_LATE(wordexp)
OC_LATE(login_tty)
OC_LATE(forkpty)
OC_REQUIRED(popen)
OC_REQUIRED(posix_spawn)
OC_REQUIRED(posix_spawnp)
OC_REQUIRED(execve)
OC_REQUIRED(execv)
OC_REQUIRED(execvp)
OC_REQUIRED(execvpe)
OC_REQUIRED(fexecve)
OC_OPTIONAL(execveat)
OC_REQUIRED(_exit)
OC_REQUIRED(_Exit)

/* memory.c */
OC_REQUIRED(mmap)
OC_REQUIRED(mmap64)
OC_REQUIRED(munmap)
OC_REQUIRED(mremap)
OC_REQUIRED(mprotect)
OC_REQUIRED(pkey_mprotect)
OC_REQUIRED(madvise)
OC_REQUIRED(posix_madvise)
OC_OPTIONAL(process_madvise)
OC_REQUIRED(mlock)
OC_REQUIRED(mlock2)
OC_REQUIRED(mlockall)
OC_LATE(setrlimit)
OC_LATE(setrlimit64)
OC_LATE(prlimit)
OC_LATE(prlimit64)

/* alloc.c */
OC_REQUIRED(malloc)
OC_REQUIRED(free)
OC_REQUIRED(realloc)
OC_REQUIRED(malloc_usable_size)

/* newfd.c */
OC_REQUIRED(socket)
OC_REQUIRED(socketpair)
OC_REQUIRED(accept)
OC_REQUIRED(accept4)
OC_REQUIRED(pipe)
OC_REQUIRED(pipe2)
OC_REQUIRED(eventfd)
OC_REQUIRED(memfd_create)
OC_REQUIRED(epoll_create)
OC_REQUIRED(epoll_create1)
OC_REQUIRED(timerfd_create)
OC_REQUIRED(inotify_init)
OC_REQUIRED(inotify_init1)
OC_REQUIRED(fanotify_init)
OC_REQUIRED(opendir)
OC_REQUIRED(mkstemp)
OC_REQUIRED(mkstemp64)
OC_REQUIRED(mkostemp)
OC_REQUIRED(mkostemp64)
OC_REQUIRED(mkstemps)
OC_REQUIRED(mkostemps)
OC_REQUIRED(mkstemps64)
OC_REQUIRED(mkostemps64)
OC_LATE(openpty)
OC_OPTIONAL(pidfd_getfd)
OC_REQUIRED(tmpfile)
OC_REQUIRED(tmpfile64)
OC_LATE(shm_open) /* before glibc 2.34 in a library of its own */
OC_REQUIRED(posix_openpt)
OC_REQUIRED(open_by_handle_at)
OC_OPTIONAL(pidfd_open)

/* time64.c */
#if OC_TIME64_NAMES
OC_OPTIONAL(__fcntl_time64)
OC_OPTIONAL(__ioctl_time64)
OC_OPTIONAL(__sendmsg64)
OC_OPTIONAL(__sendmmsg64)
OC_OPTIONAL(__recvmsg64)
OC_OPTIONAL(__recvmmsg64)
OC_OPTIONAL(__ppoll64)
OC_OPTIONAL(__pselect64)
OC_OPTIONAL(__epoll_pwait2_time64)
OC_OPTIONAL(__sigtimedwait64)
#endif

/* syscall.c */
OC_REQUIRED(syscall)

/* signal.c */
#include "shim/names-signal.h"
