#include "image/token.h"

#include <sys/file.h>

#include "base/sys.h"

static int lock_file(int fd, int how)
{
    return (int)OC_SYS_2(SYS_flock, fd, how);
}

void *oc_token_take(int fd)
{
    int ret = lock_file(fd, LOCK_SH | LOCK_NB);

    if (ret < 0)
        return (void *)(intptr_t)ret;
    return oc_sys_mmap(NULL, oc_page, PROT_NONE, MAP_SHARED, fd, 0);
}

void oc_token_drop(void *token)
{
    oc_sys_munmap(token, oc_page);
}

int oc_token_exclude(int fd)
{
    return lock_file(fd, LOCK_EX | LOCK_NB);
}

void oc_token_release(int fd)
{
    lock_file(fd, LOCK_UN);
}
