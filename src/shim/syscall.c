/*
 * syscall(2): programs and libraries that make system calls by number.  Those
 * that have a wrapper here go through it, so that the tables stay right; its
 * value and errno are the same.  The rest is libc's.
 */
#include "shim/real.h"

#include <sys/syscall.h>

#include "base/thread.h"
#include "base/vma.h"

#define PTR(x)  ((void *)(x))
#define PATH(x) ((const char *)(x))

/* Calls on 64-bit systems take an offset in one argument. */
#if __SIZEOF_LONG__ == 8
#define ONE_WORD_OFFSETS 1
#endif

/* Each returns true when it has made the call, with the result in *r. */
static bool on_descriptors(long nr, const long a[6], long *r)
{
    switch (nr) {
    case SYS_openat:
        *r = openat((int)a[0], PATH(a[1]), (int)a[2], (mode_t)a[3]);
        return true;
    case SYS_close:
        *r = close((int)a[0]);
        return true;
    case SYS_dup:
        *r = dup((int)a[0]);
        return true;
    case SYS_dup3:
        *r = dup3((int)a[0], (int)a[1], (int)a[2]);
        return true;
#ifdef SYS_open
    case SYS_open:
        *r = open(PATH(a[0]), (int)a[1], (mode_t)a[2]);
        return true;
#endif
#ifdef SYS_dup2
    case SYS_dup2:
        *r = dup2((int)a[0], (int)a[1]);
        return true;
#endif
    case SYS_close_range:
        *r = close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
        return true;
    case SYS_fcntl:
        *r = fcntl((int)a[0], (int)a[1], PTR(a[2]));
        return true;
#ifdef SYS_fcntl64
    case SYS_fcntl64:
        *r = fcntl64((int)a[0], (int)a[1], PTR(a[2]));
        return true;
#endif
    default:
        return false;
    }
}

static bool on_data(long nr, const long a[6], long *r)
{
    switch (nr) {
    case SYS_read:
        *r = read((int)a[0], PTR(a[1]), (size_t)a[2]);
        return true;
    case SYS_readv:
        *r = readv((int)a[0], PTR(a[1]), (int)a[2]);
        return true;
#ifdef ONE_WORD_OFFSETS
    case SYS_pread64:
        *r = pread64((int)a[0], PTR(a[1]), (size_t)a[2], a[3]);
        return true;
    case SYS_lseek:
        *r = lseek((int)a[0], a[1], (int)a[2]);
        return true;
    case SYS_sendfile:
        *r = sendfile((int)a[0], (int)a[1], PTR(a[2]), (size_t)a[3]);
        return true;
#endif
    case SYS_splice:
        *r = splice((int)a[0], PTR(a[1]), (int)a[2], PTR(a[3]), (size_t)a[4], (unsigned)a[5]);
        return true;
    case SYS_copy_file_range:
        *r = copy_file_range((int)a[0], PTR(a[1]), (int)a[2], PTR(a[3]), (size_t)a[4],
                             (unsigned)a[5]);
        return true;
    default:
        return false;
    }
}

/* A new process, whose memory may be this one. */
static void before_start(void)
{
    oc_thread_before_vfork();
    oc_fd_expose_all();
}

/* Calls that only need something done before: the number is passed on unchanged. */
static void prepare(long nr, const long a[6])
{
    switch (nr) {
#ifndef ONE_WORD_OFFSETS
    case SYS_lseek:
    case SYS__llseek:
        oc_fd_release((int)a[0]);
        break;
    case SYS_sendfile:
    case SYS_sendfile64:
        oc_fd_release((int)a[1]);
        break;
#endif
    case SYS_preadv2:
        if (a[3] == -1)
            oc_fd_release((int)a[0]);
        break;
    case SYS_ioctl:
        oc_shim_controlling((int)a[0], (unsigned long)a[1], PTR(a[2]));
        break;
    case SYS_clone:
        if ((a[0] & (CLONE_VM | CLONE_FILES)) && !(a[0] & CLONE_VFORK)) {
            oc_serve_stop(); /* as clone does */
            break;
        }
        before_start();
        break;
#ifdef SYS_clone3
    case SYS_clone3:
        before_start();
        break;
#endif
#ifdef SYS_vfork
    case SYS_vfork:
        before_start();
        break;
#endif
    case SYS_unshare:
        if (a[0] & CLONE_FILES)
            oc_serve_stop(); /* as unshare does */
        break;
    case SYS_sendmsg:
    case SYS_sendmmsg:
        oc_fd_expose_all(); /* descriptors may be on their way */
        break;
    case SYS_vmsplice:
        oc_shim_splicing(PTR(a[1]), (size_t)a[2]);
        break;
#ifdef SYS_io_uring_setup
    case SYS_io_uring_setup:
        oc_vma_pins_possible();
        break;
    case SYS_io_uring_register: /* before Linux 6.5 it takes no file's pages as buffers */
        oc_shim_materialise(NULL, SIZE_MAX / 2);
        break;
#endif
    case SYS_prctl:
        if (a[0] == PR_SET_SECCOMP)
            oc_shim_before_seccomp();
        oc_shim_naming((int)a[0], (const unsigned long *)a + 1);
        break;
#ifdef SYS_seccomp
    case SYS_seccomp: /* operations 0 and 1 set a filter */
        if (a[0] <= 1)
            oc_shim_before_seccomp();
        break;
#endif
    case SYS_exit_group:
        oc_serve_stop();
        break;
    default:
        break;
    }
}

/* A fork by number: a copy of this memory, and so of the tables, in a new process. */
static bool is_fork(long nr, const long a[6])
{
#ifdef SYS_fork
    if (nr == SYS_fork)
        return true;
#endif
    return nr == SYS_clone && !(a[0] & (CLONE_VM | CLONE_FILES));
}

static long forked(long nr, const long a[6])
{
    oc_serve_fork_before();
    long r = OC_REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    int saved = errno;
    if (r == 0)
        oc_serve_fork_child();
    else
        oc_serve_fork_parent();
    errno = saved;
    return r;
}

OC_EXPORT long syscall(long nr, ...)
{
    long a[6], r;
    va_list args;
    va_start(args, nr);
    for (size_t i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (OC_ACTIVE() && oc_serve_is_owner()) {
        if (on_data(nr, a, &r) || on_descriptors(nr, a, &r) ||
            oc_shim_memory_by_number(nr, a, &r) || oc_shim_signal_by_number(nr, a, &r))
            return r;
        if (oc_shim_exec_by_number(nr, a, &r))
            return r;
        if (is_fork(nr, a))
            return forked(nr, a);
        prepare(nr, a);
    }
    r = OC_REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (OC_ACTIVE())
        oc_shim_new_by_number(nr, a, r);
    return r;
}
