#include "base/spare.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "base/own.h"
#include "base/sys.h"

enum { STACK = 64 << 10 };

struct job {
    const char *path;
    int (*work)(int fd, void *arg);
    void *arg;
    int result;
};

/* The lowest number in use, which is a copy: record locks belong to the table it was copied from,
 * and a file is closed with its last descriptor. */
static int in_child(void *arg)
{
    struct job *job = arg;
    int fd = 0;

    while (fd < 1 << 20 && oc_sys_close(fd) == -EBADF)
        fd++;
    fd = oc_sys_open(job->path, O_RDONLY | O_CLOEXEC, 0);
    job->result = fd < 0 ? fd : job->work(fd, job->arg);
    return 0;
}

/* clone(2) with a stack of the child's own, on which it calls RUN, and ends.  The parent waits for
 * that.  Returns its pid. */
#if defined(__x86_64__) && !defined(__ILP32__)
static long start(int (*run)(void *), void *arg, char *stack_end)
{
    long ret;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "mov %[arg], %%rdi\n\t"
                     "call *%[run]\n\t"
                     "xor %%edi, %%edi\n\t"
                     "mov %[leave], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(ret)
                     : "0"((long)SYS_clone), "D"((long)(CLONE_VM | CLONE_VFORK)), "S"(stack_end),
                       "d"(0L), "r"(r10),
                       "r"(r8), [run] "r"(run), [arg] "r"(arg), [leave] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return ret;
}
#elif defined(__aarch64__)
static long start(int (*run)(void *), void *arg, char *stack_end)
{
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = CLONE_VM | CLONE_VFORK;
    register long x1 __asm__("x1") = (long)stack_end;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0;
    register long x19 __asm__("x19") = (long)run;
    register long x20 __asm__("x20") = (long)arg;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x20\n\t"
                     "blr x19\n\t"
                     "mov x0, xzr\n\t"
                     "mov x8, %[leave]\n\t"
                     "svc 0\n"
                     "1:"
                     : "+r"(x0), "+r"(x8)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20), [leave] "i"(SYS_exit)
                     : "memory", "x30");
    return x0;
}
#else
static long start(int (*run)(void *), void *arg, char *stack_end)
{
    (void)run, (void)arg, (void)stack_end;
    return -ENOSYS;
}
#endif

/* Would the child be the first process of another namespace of pids?  Nobody could start one
 * there after it has ended. */
static bool is_at_home(void)
{
    char here[64], there[64];
    long n = OC_SYS_4(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid", here, sizeof here);
    long m =
        OC_SYS_4(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid_for_children", there, sizeof there);

    return n > 0 && n == m && memcmp(here, there, (size_t)n) == 0;
}

static int run(struct job *job)
{
    struct oc_sys_mask before;
    char *stack;
    long pid;

    if (!is_at_home())
        return -EMFILE;
    stack = oc_sys_mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (oc_sys_failed(stack))
        return (int)(intptr_t)stack;
    oc_sys_hold_signals(&before);
    pid = start(in_child, job, stack + STACK);
    while (pid > 0 && OC_SYS_4(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
        ;
    oc_sys_let_signals(&before);
    oc_sys_munmap(stack, STACK);
    return pid > 0 ? job->result : (int)pid;
}

int oc_spare_with(const char *path, int (*work)(int fd, void *arg), void *arg)
{
    struct job job = {path, work, arg, -EMFILE};
    int ret, fd = oc_own_open(path, O_RDONLY | O_CLOEXEC, 0);

    if (fd == -EMFILE)
        return run(&job);
    if (fd < 0)
        return fd;
    ret = work(fd, arg);
    oc_own_close(fd);
    return ret;
}
