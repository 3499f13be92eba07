/*
 * One load of a file: is it lent, is it right, and how many thousandths of its size were
 * asked of the kernel for it?
 *
 * usage: where once|hold FILE: hold waits for the end of standard input
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

static unsigned long long bytes_read(void)
{
    return proc_value("/proc/self/io", "rchar:") >> 10; /* there it is no KiB */
}

int main(int argc, char **argv)
{
    unsigned long long before, after;
    struct load load;
    char byte;
    int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;

    if (fd < 0)
        return 2;
    before = bytes_read();
    load = load_fd(fd);
    after = bytes_read();
    printf("%s %s %llu\n", load.lent ? "lent" : "plain",
           is_kernels(&load, argv[2]) ? "right" : "wrong", (after - before) * 1000 / load.n);
    fflush(stdout);
    while (strcmp(argv[1], "hold") == 0 && read(0, &byte, 1) > 0)
        ;
    unload(&load);
    return 0;
}
