/*
 * Calls made before the library's constructor ran, and when the program ends: from
 * .preinit_array, which is run before any library's constructor, from atexit and from a
 * destructor of the program's.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twin.h"

#define SIZE (2 * MB)

static struct twin twin;
static struct pair p; /* opened before the constructor */
static struct buffers b;
static bool over; /* the plan is out: only an exit status can tell now */

static bool open_and_call(void)
{
    struct pair q = pair_open(&twin, O_RDONLY);
    bool good = same_calls(&q, &b);
    pair_close(&q);
    return good;
}

static void before_constructors(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    if (getenv("ONECOPY_TEST") == NULL)
        return; /* main hands over to the runner */
    twin = twin_make("early", SIZE);
    b = buffers_make(SIZE);
    p = pair_open(&twin, O_RDONLY);
    same_calls(&p, &b);
    open_and_call();
    for (int i = 0; i < 3; i++)
        free(memset(malloc(MB), 1, MB));
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **, char **) = before_constructors;

/* What is wrong from here on ends the process in a way that the runner sees. */
static void at_the_end(void)
{
    if (over && !(same_calls(&p, &b) && open_and_call()))
        abort();
}

__attribute__((destructor)) static void destructor(void)
{
    at_the_end();
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    report("calls before any constructor");
    expect(library_loaded(), "the library is not in /proc/self/maps");
    same_calls(&p, &b);
    report("what was opened before the constructor is read on");
    open_and_call();
    report("what is opened later");
    expect(atexit(at_the_end) == 0, "atexit");
    int status = tap_done();
    over = true;
    return status;
}
