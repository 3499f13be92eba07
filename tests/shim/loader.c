/*
 * A program to be looked at by the tests of the command: it loads a file by one call, so
 * that who reads, how, and what becomes of it is known.
 *
 * usage: loader read|fread|shared FILE
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern size_t load_by_read(const char *path, void *buffer, size_t size);
extern size_t load_by_fread(const char *path, void *buffer, size_t size);

size_t load_by_read(const char *path, void *buffer, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t got = read(fd, buffer, size);

    close(fd);
    return got < 0 ? 0 : (size_t)got;
}

size_t load_by_fread(const char *path, void *buffer, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(buffer, 1, size, file) : 0;

    if (file)
        fclose(file);
    return got;
}

/* Memory that cannot be lent to, or plain memory. */
static void *memory(int shared, size_t size)
{
    void *at = shared ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
                      : malloc(size);
    return at == MAP_FAILED ? NULL : at;
}

int main(int argc, char **argv)
{
    struct stat st;

    if (argc != 3 || stat(argv[2], &st) != 0)
        return 2;
    size_t size = (size_t)st.st_size;
    void *buffer = memory(strcmp(argv[1], "shared") == 0, size);
    if (!buffer)
        return 2;
    size_t got = strcmp(argv[1], "read") == 0 ? load_by_read(argv[2], buffer, size)
                                              : load_by_fread(argv[2], buffer, size);
    return got == size ? 0 : 1;
}
