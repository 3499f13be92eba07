/*
 * Programs that confine themselves with seccomp once they have started: a call that
 * they do not make themselves would kill them.  And programs that give up their
 * privileges, change their root or move to other namespaces: they read on.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

enum { SIZE = 3000000, LOAD = 2000000 };

static struct twin twin;

static bool right(const char *buf, long got, long wanted, uint64_t off)
{
    if (got != wanted)
        return false;
    for (long i = 0; i < got; i++)
        if ((unsigned char)buf[i] != twin_byte(off + (uint64_t)i))
            return false;
    return true;
}

/* What a program does with a file; the number of the first thing that was wrong, or 0. */
static int use(int fd, char *big)
{
    char buf[64];

    for (int k = 0; k < 100; k++)
        if (!right(buf, pread(fd, buf, sizeof buf, k * 64), sizeof buf, (uint64_t)k * 64))
            return 1;
    if (lseek(fd, 1000, SEEK_SET) != 1000 || !right(buf, read(fd, buf, 50), 50, 1000))
        return 2;
    if (!right(big, pread(fd, big, LOAD, 500), LOAD, 500))
        return 3;
    big[12345] ^= 1;
    return 0;
}

/* ---- seccomp ---- */

/* Kill for all but what `confined` below does itself. */
static const int allowed[] = {SYS_read,   SYS_pread64, SYS_lseek,      SYS_mmap,
                              SYS_munmap, SYS_close,   SYS_exit_group, SYS_rt_sigreturn};

enum { CALLS = sizeof allowed / sizeof allowed[0] };

static struct sock_fprog filter(void)
{
    static struct sock_filter code[CALLS + 3];
    size_t n = 0;

    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < CALLS; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
                                                 (unsigned char)(CALLS - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return (struct sock_fprog){(unsigned short)n, code};
}

static int by_prctl(void)
{
    struct sock_fprog program = filter();

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int by_number(void)
{
    struct sock_fprog program = filter();

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int by_prctls_number(void)
{
    struct sock_fprog program = filter();

    return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static void in_child(int (*body)(void), const char *name)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();

    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(60);
        _exit(body());
    }
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip(name, "not allowed here");
        return;
    }
    expect(status == 0, "exit status %x", status);
    report(name);
}

static int (*confine)(void);

/* Loads before and after; frees what was lent. */
static int confined(void)
{
    int wrong, fd = open(twin.path[LIBC], O_RDONLY), idle = open(twin.path[LIBC], O_RDONLY);
    char *before = mmap(NULL, LOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *after = mmap(NULL, LOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if ((wrong = use(fd, before)) != 0)
        return wrong;
    if (lseek(idle, 4321, SEEK_SET) != 4321)
        return 4;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || confine() != 0)
        return 77;
    if ((wrong = use(fd, after)) != 0)
        return 10 + wrong;
    if (lseek(idle, 0, SEEK_CUR) != 4321 || read(idle, after, 10) != 10)
        return 14;
    if (before[12345 - 1] != (char)twin_byte(500 + 12344))
        return 15;
    munmap(before, LOAD);
    munmap(after, LOAD);
    close(fd);
    close(idle);
    return 0;
}

/* Only read, write, exit and sigreturn are left. */
static int strictly(void)
{
    char *before = mmap(NULL, LOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int wrong, fd = open(twin.path[LIBC], O_RDONLY);
    char buf[64];

    if ((wrong = use(fd, before)) != 0)
        return wrong;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
        return 77;
    wrong = right(buf, read(fd, buf, sizeof buf), sizeof buf, 1050) ? 0 : 10;
    syscall(SYS_exit, wrong);
    return 99;
}

/* ---- other users, roots and namespaces ---- */

/* Loads, changes what it is, and loads again with the descriptors it has. */
static int changed(int (*change)(void))
{
    int wrong, fd = open(twin.path[LIBC], O_RDONLY);
    char *before = mmap(NULL, LOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *after = mmap(NULL, LOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if ((wrong = use(fd, before)) != 0)
        return wrong;
    if (change() != 0)
        return 77;
    if ((wrong = use(fd, after)) != 0)
        return 10 + wrong;
    munmap(before, LOAD);
    munmap(after, LOAD);
    close(fd);
    return 0;
}

static int give_up_privileges(void)
{
    return setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534);
}

static int change_root(void)
{
    return chroot(twin_dir());
}

static int new_user(void)
{
    return unshare(CLONE_NEWUSER);
}

static int new_mounts(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS);
}

static int dropped(void)
{
    return changed(give_up_privileges);
}

static int rooted(void)
{
    return changed(change_root);
}

static int other_user_namespace(void)
{
    return changed(new_user);
}

static int other_mounts(void)
{
    return changed(new_mounts);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("confined", SIZE);
    confine = by_prctl;
    in_child(confined, "a filter that kills, set by prctl");
    confine = by_number;
    in_child(confined, "set by seccomp");
    confine = by_prctls_number;
    in_child(confined, "set by prctl's number");
    in_child(strictly, "strict mode");
    in_child(dropped, "privileges given up after the start");
    in_child(rooted, "another root");
    in_child(other_user_namespace, "another user namespace");
    in_child(other_mounts, "another mount namespace");
    expect(images_in_home() == 0 || !tap_active() || geteuid() == 0, "images are left");
    report("nothing is left that can be removed");
    return tap_done();
}
