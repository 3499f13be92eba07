#include "imagekit.h"

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/options.h"
#include "base/thread.h"
#include "base/vma.h"
#include "scratch.h"

char home[200];
struct oc_identity id;

void fresh_home(const char *parent)
{
    const char *dir = scratch_make(parent);

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    strcpy(home, dir);
    oc_options.dir = home;
    oc_options.linger = 0;
}

void learn_memory(char *memory, size_t room)
{
    oc_vma_forget();
    while (oc_vma_lendable(memory, room, NULL) == OC_VMA_COSTLY)
        ;
}

char *ready_to_lend(char *memory, size_t room)
{
    oc_options.lend = true;
    oc_options.lend_min = 4096;
    oc_thread_prepare(); /* whoever runs us may have forked */
    if (!memory)
        memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    learn_memory(memory, room);
    return memory;
}

int open_home(void)
{
    int dir = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CU_ASSERT_FATAL(dir >= 0);
    return dir;
}

void end_home(int dir)
{
    close(dir);
    scratch_remove(home);
}

void fresh_id(uint64_t size)
{
    int fd = scratch_file("/dev/shm", 1, 1);

    CU_ASSERT_EQUAL_FATAL(oc_identity_of(fd, &id), 0);
    id.size = size;
    close(fd);
}

struct oc_image *open_image(unsigned shift, int *fd)
{
    const char *why = NULL;

    *fd = -1;
    return oc_image_open(&id, shift, 1, fd, &why);
}

void drop(struct oc_image *image)
{
    struct oc_lock_state st;

    oc_lock(&st);
    oc_image_drop(image);
    oc_unlock(&st);
}

void hold(struct oc_image *image)
{
    struct oc_lock_state st;

    oc_lock(&st);
    oc_image_hold(image);
    oc_unlock(&st);
}

int images(void)
{
    return scratch_count(home, ".image", NULL);
}

void image_path(char path[600])
{
    char name[256] = "";

    scratch_count(home, ".image", name);
    snprintf(path, 600, "%s/%s", home, name);
}

/* A child that uses the image until it is told to end. */
struct peer start_peer(unsigned shift)
{
    int up[2], down[2];
    struct peer peer = {.pid = -1};
    char byte = 'n';

    CU_ASSERT_EQUAL_FATAL(pipe(up) | pipe(down), 0);
    peer.pid = fork();
    if (peer.pid == 0) {
        int fd;
        struct oc_image *image = open_image(shift, &fd);

        close(down[1]);
        byte = image ? 'y' : 'n';
        if (image) {
            hold(image);
            oc_image_done(image, fd);
        }
        if (write(up[1], &byte, 1) != 1 || read(down[0], &byte, 1) < 0)
            _exit(1);
        oc_image_leave_all();
        _exit(0);
    }
    close(up[1]);
    close(down[0]);
    CU_ASSERT_EQUAL(read(up[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 'y');
    peer.to = down[1];
    peer.from = up[0];
    return peer;
}

void end_peer(struct peer *peer, bool kill_it)
{
    int status;

    if (kill_it)
        kill(peer->pid, SIGKILL);
    else
        CU_ASSERT_EQUAL(write(peer->to, "", 1), 1);
    close(peer->to);
    CU_ASSERT_EQUAL(waitpid(peer->pid, &status, 0), peer->pid);
    CU_ASSERT(kill_it || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    close(peer->from);
}
