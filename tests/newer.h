/*
 * What tests call and some older glibc, or its headers, do not have: there by number, which the
 * library intercepts as it does the name.
 */
#ifndef OC_TEST_NEWER_H
#define OC_TEST_NEWER_H

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/numbers.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#if !__GLIBC_PREREQ(2, 32)
static inline const char *strerrorname_np(int error)
{
    return strerror(error);
}
#endif

#if !__GLIBC_PREREQ(2, 34)
static inline int close_range(unsigned first, unsigned last, int flags)
{
    return (int)syscall(SYS_close_range, (long)first, (long)last, (long)flags);
}

static inline void closefrom(int first)
{
    close_range((unsigned)first, ~0u, 0);
}

static inline int execveat(int dir, const char *path, char *const argv[], char *const env[],
                           int flags)
{
    return (int)syscall(SYS_execveat, (long)dir, path, argv, env, (long)flags);
}
#endif

/* With a time of 64 bits, which the plain call has where a word is as long. */
#if !__GLIBC_PREREQ(2, 35) && __SIZEOF_LONG__ == 8
static inline int epoll_pwait2(int epfd, struct epoll_event *events, int n,
                               const struct timespec *timeout, const sigset_t *set)
{
    return (int)syscall(SYS_epoll_pwait2, (long)epfd, events, (long)n, timeout, set, 8L);
}
#endif

#if __GLIBC_PREREQ(2, 36)
#include <sys/pidfd.h>
#else
static inline int pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, (long)pid, (long)flags);
}

static inline int pidfd_getfd(int pidfd, int fd, unsigned flags)
{
    return (int)syscall(SYS_pidfd_getfd, (long)pidfd, (long)fd, (long)flags);
}
#endif

#endif
