/*
 * A file of an overlay's lower layer is loaded, copied up by a write, and loaded
 * again, by its name and through a descriptor from before.
 *
 * usage: copyup FILE
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

int main(int argc, char **argv)
{
    struct load before, by_name, by_descriptor;
    char *copy, *kernels;
    int fd, writer;

    if (argc < 2 || (fd = open(argv[1], O_RDONLY)) < 0)
        bail("open");
    before = load_fd(fd);
    copy = malloc(before.n);
    kernels = malloc(before.n);
    memcpy(copy, before.bytes, before.n);
    writer = open(argv[1], O_RDWR);
    if (writer < 0 || pwrite(writer, "copied up", 9, 1000000) != 9)
        bail("write");
    by_name = load_file(argv[1]);
    by_descriptor = load_fd(fd);
    ok(before.lent, "overlay: a file of the lower layer is lent");
    ok(memcmp(before.bytes, copy, before.n) == 0,
       "overlay: copied up, the first load is as it was");
    ok(is_kernels(&by_name, argv[1]), "overlay: copied up, a load by name is the kernel's");
    ok(raw_pread(fd, kernels, before.n, 0) == (ssize_t)by_descriptor.n &&
           memcmp(kernels, by_descriptor.bytes, by_descriptor.n) == 0,
       "overlay: copied up, so is one through the old descriptor");
    return done_testing();
}
