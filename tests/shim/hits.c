/*
 * Hits for hits.sh, which has callgrind count their instructions.
 * usage: hits (pread|seek) FILE
 * The file is made when it is not there.  Exit status 77: not built to be counted.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WARM = 500, COUNTED = 1000, BYTES = 64, AT = 8192 };

static char buf[BYTES];
static int fd;

static int by_pread(void)
{
    return pread(fd, buf, BYTES, AT) == BYTES;
}

static int by_seek(void)
{
    return lseek(fd, AT, SEEK_SET) == AT && read(fd, buf, BYTES) == BYTES;
}

/* Outside of any loop that a compiler might split. */
static int hit(int (*one)(void), int times)
{
    int good = 0;

    for (int i = 0; i < times; i++)
        good += one();
    return good == times;
}

/* Its name is what hits.sh gives to callgrind. */
extern int counted_hits(int (*one)(void));
__attribute__((noinline)) int counted_hits(int (*one)(void))
{
    return hit(one, COUNTED);
}

static int make_file(const char *path)
{
    char block[4096];
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    memset(block, 'x', sizeof block);
    for (int i = 0; i < 64; i++)
        if (write(out, block, sizeof block) != sizeof block)
            return -1;
    return close(out);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
#ifndef __OPTIMIZE__
    return 77;
#endif
    int (*one)(void) = strcmp(argv[1], "pread") == 0 ? by_pread : by_seek;
    if (access(argv[2], R_OK) != 0 && make_file(argv[2]) != 0)
        return 1;
    fd = open(argv[2], O_RDONLY);
    return fd >= 0 && hit(one, WARM) && counted_hits(one) && buf[0] == 'x' ? 0 : 1;
}
