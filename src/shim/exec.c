/*
 * exec: what it keeps (offsets, ignored and blocked signals) becomes the
 * kernel's; what it ends (our use of images) ends in good order.  Not in a vfork
 * child: the memory is its parent's, who did all this before.
 */
#include "shim/real.h"

#include <sys/syscall.h>

#include "base/guard.h"
#include "base/starting.h"
#include "base/thread.h"
#include "image/image.h"

/* What another thread opens now may be the new program's; in a vfork child, only what was
 * opened before it began. */
static bool before_exec(void)
{
    if (!OC_ACTIVE())
        return false;
    if (!oc_serve_is_owner()) {
        oc_thread_vfork_done();
        return false;
    }
    oc_starting_begin(OC_START_ANY);
    oc_fd_expose_all();
    oc_image_leave_all();
    oc_guard_before_exec();
    return true;
}

static int after_failed_exec(bool ours, int result)
{
    if (ours) {
        int saved = errno;
        oc_starting_end(OC_START_ANY);
        oc_image_rejoin_all();
        errno = saved;
    }
    return result;
}

OC_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    bool ours = before_exec();
    return after_failed_exec(ours, OC_REAL(execve)(path, argv, envp));
}

OC_EXPORT int execv(const char *path, char *const argv[])
{
    bool ours = before_exec();
    return after_failed_exec(ours, OC_REAL(execv)(path, argv));
}

OC_EXPORT int execvp(const char *file, char *const argv[])
{
    bool ours = before_exec();
    return after_failed_exec(ours, OC_REAL(execvp)(file, argv));
}

OC_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    bool ours = before_exec();
    return after_failed_exec(ours, OC_REAL(execvpe)(file, argv, envp));
}

OC_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    bool ours = before_exec();
    return after_failed_exec(ours, OC_REAL(fexecve)(fd, argv, envp));
}

OC_EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
    if (!OC_REAL(execveat)) /* before glibc 2.34 programs have it by number */
        return (int)syscall(SYS_execveat, (long)dir, path, argv, envp, (long)flags);
    bool ours = before_exec();
    return after_failed_exec(ours, oc_real.execveat(dir, path, argv, envp, flags));
}

bool oc_shim_exec_by_number(long nr, const long a[6], long *r)
{
    bool is_exec = nr == SYS_execve;
#ifdef SYS_execveat
    is_exec |= nr == SYS_execveat;
#endif
    if (!is_exec)
        return false;
    bool ours = before_exec();
    *r = after_failed_exec(ours, (int)OC_REAL(syscall)(nr, a[0], a[1], a[2], a[3], a[4]));
    return true;
}

/*
 * The variadic ones collect their arguments on the stack, as libc's do.  The
 * first may be NULL, whatever the attribute in unistd.h lets the compiler think.
 */
static size_t count_args(const char *first, va_list args)
{
    size_t n = 0;
    __asm__("" : "+r"(first));
    for (const char *arg = first; arg; arg = va_arg(args, const char *))
        n++;
    return n;
}

enum listed { BY_PATH, BY_SEARCH, WITH_ENVIRONMENT };

static int exec_listed(enum listed how, const char *path, const char *first, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t n = count_args(first, again);
    va_end(again);
    char *argv[n + 1];
    for (size_t i = 0; i < n; i++)
        argv[i] = i ? va_arg(args, char *) : (char *)(uintptr_t)first;
    argv[n] = NULL;
    if (n)
        (void)va_arg(args, char *);
    if (how == WITH_ENVIRONMENT)
        return execve(path, argv, va_arg(args, char *const *));
    return how == BY_PATH ? execv(path, argv) : execvp(path, argv);
}

OC_EXPORT int execl(const char *path, const char *arg, ...)
{
    va_list args;
    va_start(args, arg);
    int result = exec_listed(BY_PATH, path, arg, args);
    va_end(args);
    return result;
}

OC_EXPORT int execlp(const char *file, const char *arg, ...)
{
    va_list args;
    va_start(args, arg);
    int result = exec_listed(BY_SEARCH, file, arg, args);
    va_end(args);
    return result;
}

OC_EXPORT int execle(const char *path, const char *arg, ...)
{
    va_list args;
    va_start(args, arg);
    int result = exec_listed(WITH_ENVIRONMENT, path, arg, args);
    va_end(args);
    return result;
}
