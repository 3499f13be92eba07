/*
 * Runs a program that the kernel refuses membarrier to, as old kernels and some sandboxes do.
 * usage: deny PROGRAM [ARG...]
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refuse(long nr)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof filter / sizeof filter[0], filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || refuse(SYS_membarrier) || syscall(SYS_membarrier, 0, 0, 0) != -1 ||
        errno != ENOSYS) {
        fprintf(stderr, "membarrier cannot be refused here\n");
        return 77;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 99;
}
