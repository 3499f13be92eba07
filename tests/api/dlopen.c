/*
 * The library by dlopen: used, closed, and opened again; fork in between must not
 * come back to where it was.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onecopy.h"

enum { ROUNDS = 20 };

static int nth;

static void ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++nth, what);
}

/* C has no cast from an object pointer to a function pointer. */
#define LOAD(lib, name)                                                                            \
    __typeof__(name) *name##_p;                                                                    \
    *(void **)&name##_p = dlsym(lib, #name)

static int use(void *lib, const char *path)
{
    struct onecopy_view view;
    struct onecopy_file *file;
    struct onecopy_hold *hold;
    int good;
    LOAD(lib, onecopy_open);
    LOAD(lib, onecopy_get);
    LOAD(lib, onecopy_release);
    LOAD(lib, onecopy_lock);
    LOAD(lib, onecopy_unlock);
    LOAD(lib, onecopy_close);
    if (!onecopy_open_p || !onecopy_get_p || !onecopy_release_p || !onecopy_lock_p ||
        !onecopy_unlock_p || !onecopy_close_p)
        return 0;
    file = onecopy_open_p(path, 0);
    good = file && onecopy_get_p(file, 1, 3, &view) == 0 && memcmp(view.data, "bcd", 3) == 0 &&
           onecopy_release_p(&view) == 0;
    hold = file ? onecopy_lock_p(file, 0, 1, 0) : NULL;
    good = good && hold && onecopy_unlock_p(hold) == 0;
    onecopy_close_p(file);
    return good;
}

static int fork_works(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Other code may come to lie where the library was. */
static int round_trip(const char *lib_path, const char *path)
{
    void *lib = dlopen(lib_path, RTLD_NOW | RTLD_LOCAL);
    int good = lib && use(lib, path) && fork_works();
    return good && dlclose(lib) == 0 && fork_works();
}

int main(void)
{
    const char *top = getenv("top_builddir");
    char lib_path[4096], path[] = "/tmp/onecopy-dlopen-XXXXXX";
    int fd = mkstemp(path), good = 1;
    void *lib;
    alarm(60);
    printf("1..3\n");
    fflush(stdout);
    snprintf(lib_path, sizeof lib_path, "%s/src/.libs/libonecopy.so", top ? top : ".");
    lib = dlopen(lib_path, RTLD_NOW | RTLD_LOCAL);
    ok(lib != NULL, "dlopen");
    if (!lib)
        printf("# %s\n", dlerror());
    else
        dlclose(lib);
    good = fd >= 0 && write(fd, "abcdef", 6) == 6;
    ok(good && lib && round_trip(lib_path, path), "views and locks");
    for (int i = 0; i < ROUNDS && good; i++)
        good = round_trip(lib_path, path);
    ok(good, "again and again");
    unlink(path);
    return 0;
}
