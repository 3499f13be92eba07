/*
 * Loads the file it is given, for secure.sh: says whether the kernel holds it for one that
 * has gained rights, and whether the bytes are those of the pattern.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

enum { SIZE = 2000000 };

int main(int argc, char **argv)
{
    char *p = malloc(SIZE);
    int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    ssize_t got = read(fd, p, SIZE);
    int wrong = 0;

    for (ssize_t i = 0; i < got; i++)
        wrong += p[i] != "onecopy\n"[i % 8];
    printf("secure %lu, %zd bytes, %d wrong\n", getauxval(AT_SECURE), got, wrong);
    free(p);
    close(fd);
    return 0;
}
