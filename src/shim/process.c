/*
 * New processes.  Whoever inherits a descriptor shares its offset, so all
 * offsets go back to the kernel first; the fork itself is handled by
 * pthread_atfork (init.c), which covers libc's internal forks as well.
 */
#include "shim/real.h"

#include <gnu/libc-version.h>

#include "base/guard.h"
#include "base/starting.h"
#include "base/thread.h"

static void expose(void)
{
    oc_fd_expose_all();
    oc_guard_before_exec();
}

/* Around calls that start a program and return: what other threads open meanwhile may be
 * that program's, too.  False: none of ours. */
static bool begin_start(enum oc_start kind)
{
    if (!OC_ACTIVE() || !oc_serve_is_owner())
        return false;
    oc_starting_begin(kind);
    expose();
    return true;
}

static void end_start(enum oc_start kind, bool ours)
{
    if (ours)
        oc_starting_end(kind);
}

/* fork without its handlers; before glibc 2.34 there was none. */
OC_EXPORT pid_t _Fork(void)
{
    if (!OC_REAL(_Fork))
        return fork();
    if (!OC_ACTIVE() || !oc_serve_is_owner())
        return oc_real._Fork();
    oc_serve_fork_before();
    pid_t pid = oc_real._Fork();
    if (pid == 0)
        oc_serve_fork_child();
    else
        oc_serve_fork_parent();
    return pid;
}

/*
 * The child of vfork returns through its caller's stack frame while the parent
 * waits, so no C function can stand in between: expose, then jump.
 */
__attribute__((visibility("hidden"), used)) void *oc_shim_before_vfork(void);
void *oc_shim_before_vfork(void)
{
    int saved = errno;
    void *real = (void *)OC_REAL(vfork);
    if (OC_ACTIVE() && oc_serve_is_owner()) {
        oc_thread_before_vfork();
        expose();
    }
    errno = saved;
    return real;
}

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    sub $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call oc_shim_before_vfork\n"
        "    add $8, %rsp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    jmp *%rax\n"
        "    .cfi_endproc\n"
        ".size vfork, .-vfork\n"
        ".globl __vfork\n"
        ".set __vfork, vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl vfork\n"
        ".type vfork, %function\n"
        "vfork:\n"
        "    .cfi_startproc\n"
        "    stp x29, x30, [sp, #-16]!\n"
        "    .cfi_adjust_cfa_offset 16\n"
        "    bl oc_shim_before_vfork\n"
        "    ldp x29, x30, [sp], #16\n"
        "    .cfi_adjust_cfa_offset -16\n"
        "    mov x16, x0\n"
        "    br x16\n"
        "    .cfi_endproc\n"
        ".size vfork, .-vfork\n"
        ".globl __vfork\n"
        ".set __vfork, vfork\n");
#else
/* POSIX lets vfork be fork. */
OC_EXPORT pid_t vfork(void)
{
    (void)oc_shim_before_vfork();
    return fork();
}

OC_EXPORT pid_t __vfork(void) __attribute__((alias("vfork")));
#endif

/* clone(2) by the program itself: the child of one that copies memory gets tables of its
 * own, like fork's; one that shares memory but not descriptors is like vfork's. */
struct clone_start {
    int (*fn)(void *);
    void *arg;
};

static int clone_child(void *p)
{
    struct clone_start start = *(struct clone_start *)p;
    oc_serve_fork_child();
    return start.fn(start.arg);
}

OC_EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    va_list args;
    va_start(args, arg);
    pid_t *parent_tid = va_arg(args, pid_t *);
    void *tls = va_arg(args, void *);
    pid_t *child_tid = va_arg(args, pid_t *);
    va_end(args);
    struct clone_start start = {fn, arg};
    if (!OC_ACTIVE() || !oc_serve_is_owner())
        return OC_REAL(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
    if (flags & (CLONE_VM | CLONE_FILES)) {
        /* Numbers of a second table in this memory, our thread-local state in two threads,
         * or this table in two memories: from now on the kernel's alone. */
        oc_serve_stop();
        return OC_REAL(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
    }
    oc_serve_fork_before();
    int pid = OC_REAL(clone)(clone_child, stack, flags, &start, parent_tid, tls, child_tid);
    int saved = errno;
    oc_serve_fork_parent();
    errno = saved;
    return pid;
}

/* Before glibc 2.34 libpthread starts its threads by the name below, with tables, memory and
 * thread-local state as we expect them; since then only programs use it, with a state of their own.
 */
static bool threads_come_by_clone(void)
{
    return strverscmp(gnu_get_libc_version(), "2.34") < 0;
}

OC_EXPORT int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    const int thread = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;
    va_list args;
    va_start(args, arg);
    pid_t *parent_tid = va_arg(args, pid_t *);
    void *tls = va_arg(args, void *);
    pid_t *child_tid = va_arg(args, pid_t *);
    va_end(args);
    if ((flags & thread) == thread && threads_come_by_clone())
        return OC_REAL(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
    return clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
}

/* A descriptor table of this thread's own. */
static void if_files_unshared(int flags)
{
    if (OC_ACTIVE() && (flags & CLONE_FILES))
        oc_serve_stop();
}

OC_EXPORT int unshare(int flags)
{
    if_files_unshared(flags);
    return OC_REAL(unshare)(flags);
}

/* Replaces 0, 1 and 2 inside. */
OC_EXPORT int login_tty(int fd)
{
    if (OC_ACTIVE() && oc_serve_is_owner()) {
        int saved = errno;
        oc_fd_closing_range(0, 2);
        oc_fd_closing(fd);
        errno = saved;
    }
    return OC_REAL_LATE(login_tty)(fd);
}

OC_EXPORT int forkpty(int *master, char *name, const struct termios *termios,
                      const struct winsize *size)
{
    int pid = OC_REAL_LATE(forkpty)(master, name, termios, size);
    if (OC_ACTIVE() && pid == 0)
        oc_fd_closing_range(0, 2);
    if (OC_ACTIVE() && pid > 0)
        oc_shim_new_fd(*master);
    return pid;
}

/* Closes 0, 1 and 2 inside. */
OC_EXPORT int daemon(int nochdir, int noclose)
{
    int result = OC_REAL(daemon)(nochdir, noclose);
    if (OC_ACTIVE() && result == 0 && !noclose)
        oc_fd_closing_range(0, 2);
    return result;
}

/* Whoever waits for the shell may be cancelled.  Before glibc 2.34 this is libpthread's, and
 * without that there is no cancelling. */
#pragma weak __pthread_register_cancel
#pragma weak __pthread_unregister_cancel
#pragma weak __pthread_unwind_next

static void cancelled(void *unused)
{
    (void)unused;
    end_start(OC_START_PROGRAM, true);
}

static int unless_cancelled(int (*call)(void *), void *arg)
{
    int result;
    pthread_cleanup_push(cancelled, NULL);
    result = call(arg);
    pthread_cleanup_pop(0);
    return result;
}

/* A call that starts a program and waits for it. */
static int start_and_wait(int (*call)(void *), void *arg)
{
    bool ours = begin_start(OC_START_PROGRAM);
    int result = ours && __pthread_register_cancel ? unless_cancelled(call, arg) : call(arg);
    end_start(OC_START_PROGRAM, ours);
    return result;
}

static int call_system(void *command)
{
    return OC_REAL(system)(command);
}

OC_EXPORT int system(const char *command)
{
    return start_and_wait(call_system, (void *)(uintptr_t)command);
}

struct words {
    const char *text;
    wordexp_t *to;
    int flags;
};

static int call_wordexp(void *p)
{
    const struct words *w = p;
    return OC_REAL_LATE(wordexp)(w->text, w->to, w->flags);
}

/* Commands in the text are a shell's. */
OC_EXPORT int wordexp(const char *text, wordexp_t *to, int flags)
{
    struct words w = {text, to, flags};
    return flags & WRDE_NOCMD ? call_wordexp(&w) : start_and_wait(call_wordexp, &w);
}

OC_EXPORT FILE *popen(const char *command, const char *mode)
{
    bool ours = begin_start(OC_START_PROGRAM);
    FILE *f = OC_REAL(popen)(command, mode);
    end_start(OC_START_PROGRAM, ours);
    if (OC_ACTIVE() && f)
        oc_shim_new_fd(fileno(f));
    return f;
}

OC_EXPORT FILE *_IO_popen(const char *command, const char *mode)
    __attribute__((alias("popen"), malloc));

/* File actions may duplicate what was opened with O_CLOEXEC, too. */
static enum oc_start kind_of(const posix_spawn_file_actions_t *actions)
{
    return actions ? OC_START_ANY : OC_START_PROGRAM;
}

OC_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    bool ours = begin_start(kind_of(actions));
    int error = OC_REAL(posix_spawn)(pid, path, actions, attr, argv, envp);
    end_start(kind_of(actions), ours);
    return error;
}

OC_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    bool ours = begin_start(kind_of(actions));
    int error = OC_REAL(posix_spawnp)(pid, file, actions, attr, argv, envp);
    end_start(kind_of(actions), ours);
    return error;
}

/* ---- exit ---- */

/* Its parent's thread-local memory says so until it is told; see base/thread.h. */
static void end_of_vfork_child(void)
{
    if (__builtin_expect(oc_thread_vforked, 0) && !oc_serve_is_owner())
        oc_thread_vfork_done();
}

/* exit() comes through the destructor (init.c); these two do not. */
OC_EXPORT void _exit(int status)
{
    end_of_vfork_child();
    oc_serve_stop();
    OC_REAL(_exit)(status);
    __builtin_unreachable();
}

OC_EXPORT void _Exit(int status)
{
    end_of_vfork_child();
    oc_serve_stop();
    OC_REAL(_Exit)(status);
    __builtin_unreachable();
}
