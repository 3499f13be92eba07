/*
 * Libraries that come and go: one whose destructor runs after ours and still reads, others
 * that are unloaded while what they opened and loaded is used on; and our own library loaded
 * and unloaded by a program.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin.h"
#include "twin.h"

#define SIZE (2 * MB)

static struct twin twin;
static struct pair p;
static struct buffers b;
static char *lent;

/* ---- after our destructor ---- */

static bool lent_holds(void)
{
    for (size_t i = 0; i < SIZE; i += 37)
        if ((unsigned char)lent[i] != twin_byte(i))
            return false;
    return true;
}

/* From the destructor of the library that is linked to this program. */
static int very_late(void)
{
    struct pair q = pair_open(&twin, O_RDONLY);
    bool good = same_calls(&p, &b) && same_calls(&q, &b) && lent_holds();

    good &= side_dup2(LIBC, q.fd[LIBC], p.fd[LIBC]) == p.fd[LIBC];
    good &= side_dup2(RAW, q.fd[RAW], p.fd[RAW]) == p.fd[RAW];
    good &= same_calls(&p, &b);
    free(lent);
    lent = plugin_load(twin.path[LIBC], SIZE);
    return good && lent && lent_holds() ? 0 : 1;
}

/* How the process ends. */
static void late(void (*end)(int), const char *name)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        p = pair_open(&twin, O_RDONLY);
        same_calls(&p, &b);
        lent = plugin_load(twin.path[LIBC], SIZE);
        plugin_at_end = very_late;
        end(0);
    }
    expect(waitpid(child, &status, 0) == child, "waitpid");
    expect(status == 0, "ended with %#x", (unsigned)status);
    report(name);
}

/* ---- dlopen and dlclose ---- */

typedef int open_fn(const char *path, char *first, size_t n);
typedef void *load_fn(const char *path, size_t n);

static void *symbol(void *handle, const char *name)
{
    void *at = handle ? dlsym(handle, name) : NULL;

    expect(at != NULL, "dlsym %s: %s", name, handle ? "nothing" : dlerror());
    return at;
}

/* What an unloaded library opened and loaded is used on. */
static void unloaded(void)
{
    for (int k = 0; k < 20; k++) {
        void *handle = dlopen(LATE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
        open_fn *open_by = (open_fn *)symbol(handle, "plugin_open");
        load_fn *load_by = (load_fn *)symbol(handle, "plugin_load");
        char first[SIDES][500];
        struct pair q;

        if (!open_by || !load_by)
            break;
        q.fd[LIBC] = open_by(twin.path[LIBC], first[LIBC], sizeof first[0]);
        q.fd[RAW] = open_by(twin.path[RAW], first[RAW], sizeof first[0]);
        lent = load_by(twin.path[LIBC], SIZE);
        expect(memcmp(first[LIBC], first[RAW], sizeof first[0]) == 0, "the first bytes");
        expect(dlclose(handle) == 0, "dlclose");
        same_lseek(&q, 0, SEEK_CUR);
        same_calls(&q, &b);
        expect(lent && lent_holds(), "what was loaded");
        free(lent);
        pair_close(&q);
    }
    expect(!image_mapped() || !tap_active(), "an image is mapped still");
    report("a library that opened and loaded files is unloaded");
}

/* Ours, by a program that was started without it. */
static int with_ours(void)
{
    void *ours = dlopen(OUR_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    void *plugin = dlopen(LATE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    open_fn *open_by = plugin ? (open_fn *)dlsym(plugin, "plugin_open") : NULL;
    load_fn *load_by = plugin ? (load_fn *)dlsym(plugin, "plugin_load") : NULL;
    char first[100];

    if (!ours || !open_by || !load_by)
        return 41;
    twin = twin_make("ours", SIZE);
    int fd = open_by(twin.path[LIBC], first, sizeof first);
    lent = load_by(twin.path[LIBC], SIZE);
    if (fd < 0 || !lent || dlclose(ours) != 0)
        return 42;
    if (open_by(twin.path[LIBC], first, sizeof first) < 0 || read(fd, first, 1) != 1 ||
        (unsigned char)first[0] != twin_byte(100) || !lent_holds())
        return 43;
    pid_t child = fork();
    if (child == 0)
        _exit(lent_holds() && pread(fd, first, 1, 3) == 1 ? 0 : 1);
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0)
        return 44;
    free(lent);
    quick_exit(0);
}

static void ours_unloaded(char *self)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        unsetenv("LD_PRELOAD");
        execl(self, self, "--with-ours", NULL);
        _exit(40);
    }
    expect(waitpid(child, &status, 0) == child, "waitpid");
    expect(status == 0, "ended with %#x", (unsigned)status);
    report("our library is loaded and unloaded by a program");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--with-ours") == 0)
        return with_ours();
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("ends", SIZE);
    b = buffers_make(SIZE);
    unloaded();
    ours_unloaded(argv[0]);
    late(exit, "a library whose destructor runs after ours reads on");
    late(quick_exit, "quick_exit with files open and memory lent");
    return tap_done();
}
