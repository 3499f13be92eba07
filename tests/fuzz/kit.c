#include "kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/options.h"
#include "base/thread.h"
#include "fuzz.h"

char kit_home[64];
static pid_t owner;

static void finish(void)
{
    struct dirent *e;
    DIR *d = owner == getpid() ? opendir(kit_home) : NULL;

    if (!d)
        return;
    while ((e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(kit_home);
}

void kit_start(void)
{
    strcpy(kit_home, "/dev/shm/onecopy-fuzz-XXXXXX");
    MUST(mkdtemp(kit_home));
    owner = getpid();
    atexit(finish);
    oc_options.dir = kit_home;
    oc_options.lend = true;
    oc_options.lend_min = 4096;
    oc_options.log_level = 0;
}

uint8_t kit_byte(uint64_t at)
{
    return (uint8_t)(at * 37 + (at >> 8) * 11 + (at >> 16)) | (at % 3 == 0);
}

int kit_file(size_t size)
{
    int fd = open(kit_home, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    uint8_t *data = malloc(size);

    for (size_t i = 0; i < size; i++)
        data[i] = kit_byte(i);
    MUST(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    free(data);
    return fd;
}

void kit_guard(void)
{
    static const struct oc_guard_libc libc = {sigaction};

    oc_guard_use(&libc);
    oc_thread_prepare();
    MUST(oc_guard_ready());
}
