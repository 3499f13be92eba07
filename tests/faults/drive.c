/*
 * Each kind of system call that onecopy makes is made to fail, with each of a list
 * of errors, at several of its places.  The host program must print what it prints
 * without the library and end well, in time; and once another process has started,
 * nothing is left in the home.  TAP: one result for each system call.
 *
 * usage: drive LIBRARY HOST [PLACES [CALL]]
 *     PLACES of each call to try (0: all); 4.  CALL: the number of the only one that fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../newer.h"
#include "plan.h"

enum { SIZE = 1200000, ROOM = 64 << 10, SECONDS = 30 };

static const int errors[] = {ENOMEM, EMFILE, ENOSPC, EIO, EINTR, EACCES, EPERM, EAGAIN};

/* Those that cannot fail, called as they are: a kernel in which they do is none. */
static const struct {
    int nr;
    const char *why;
} infallible[] = {
    {SYS_getpid, "has no errors"},
    {SYS_gettid, "has no errors"},
    {SYS_geteuid, "has no errors"},
    {SYS_sched_yield, "has no errors"},
    {SYS_clock_gettime, "of a clock that exists"},
    {SYS_rt_sigprocmask, "of good memory"},
    {SYS_rt_sigpending, "of good memory"},
    {SYS_lseek, "of a file to a place within its limits"},
};

static char home[32], data[64], plan_path[64];
static struct plan *plan;
static const char *library, *host;

struct outcome {
    char text[ROOM];
    size_t len;
    int status;
};

static void put_data(void)
{
    static unsigned char bytes[SIZE];
    int fd = open(data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 37 + (i >> 8) * 11 + (i >> 16) + 1);
    if (fd < 0 || write(fd, bytes, SIZE) != SIZE)
        exit(99);
    close(fd);
}

static void serve_child(void)
{
    setenv("LD_PRELOAD", library, 1);
    setenv("ONECOPY_FILES", "*.matched", 1);
    setenv("ONECOPY_MIN_SIZE", "0", 1);
    setenv("ONECOPY_SECTION", "16K", 1);
    setenv("ONECOPY_POOL", "64K", 1);
    setenv("ONECOPY_LEND_MIN", "64K", 1);
    setenv("ONECOPY_LOG", "off", 1);
    setenv("ONECOPY_DIR", home, 1);
    setenv(PLAN_VARIABLE, plan_path, 1);
}

/* Run the host to its end; its output in *o. */
static void run(struct outcome *o, bool served)
{
    int out[2];
    ssize_t n;

    put_data();
    if (pipe2(out, O_CLOEXEC) != 0)
        exit(99);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); /* that memory is short, and so on */
        alarm(SECONDS);
        if (served)
            serve_child();
        execl(host, host, data, NULL);
        _exit(98);
    }
    close(out[1]);
    o->len = 0;
    while ((n = read(out[0], o->text + o->len, ROOM - o->len)) > 0)
        o->len += (size_t)n;
    close(out[0]);
    waitpid(child, &o->status, 0);
}

static int images_left(void)
{
    int n = 0;
    struct dirent *e;
    DIR *d = opendir(home);

    while (d && (e = readdir(d)) != NULL)
        n += strstr(e->d_name, ".image") || strstr(e->d_name, ".part");
    if (d)
        closedir(d);
    return n;
}

static void set_plan(int nr, long when, int error)
{
    memset(plan, 0, sizeof *plan);
    plan->nr = nr;
    plan->when = when;
    plan->error = error;
}

static struct outcome expected, seen;

static void show_difference(void)
{
    size_t i = 0, line = 0;

    for (; i < expected.len && i < seen.len && expected.text[i] == seen.text[i]; i++)
        if (seen.text[i] == '\n')
            line = i + 1;
    printf("#   expected %.*s\n", (int)strcspn(expected.text + line, "\n"), expected.text + line);
    printf("#   seen     %.*s\n", (int)strcspn(seen.text + line, "\n"), seen.text + line);
}

static bool good(const char *when)
{
    bool same = seen.len == expected.len && memcmp(seen.text, expected.text, seen.len) == 0;

    if (same && seen.status == expected.status)
        return true;
    printf("# %s: status %d\n", when, seen.status);
    if (!same)
        show_difference();
    return false;
}

static long faults;

/* A run with a fault at the WHENth call NR. Threads that wait for each other make more calls in
 * one run than in the next: where this run made fewer, its last one is tried instead. */
static void run_faulty(int nr, long when, int error)
{
    for (int i = 0; i < 3 && when > 0; i++) {
        set_plan(nr, when, error);
        run(&seen, true);
        if (plan->injected)
            break;
        when = plan->count[nr];
    }
    faults += plan->injected != 0;
}

/* And one without a fault, to clean up what that could not. */
static bool survives(int nr, long when, int error)
{
    char what[100];

    snprintf(what, sizeof what, "call %d fails at place %ld with %s", nr, when,
             strerrorname_np(error));
    run_faulty(nr, when, error);
    bool ok = good(what);
    if (!plan->injected)
        printf("# %s: not met in a run with %ld\n", what, plan->count[nr]);
    if (images_left()) {
        set_plan(-1, 0, 0);
        run(&seen, true);
        if (images_left()) {
            printf("# %s: an image is left\n", what);
            ok = false;
        }
    }
    return ok;
}

/* The places to try, of COUNT, spread evenly, the first and the last among them. */
static long place(long i, long places, long count)
{
    return places == 1 ? 1 : 1 + i * (count - 1) / (places - 1);
}

static bool try_call(int nr, long count, long limit, long *runs)
{
    bool ok = true;
    long places = limit && limit < count ? limit : count;

    for (long i = 0; i < places; i++)
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++, ++*runs)
            ok &= survives(nr, place(i, places, count), errors[e]);
    return ok;
}

static const char *why_infallible(int nr)
{
    for (size_t i = 0; i < sizeof infallible / sizeof infallible[0]; i++)
        if (infallible[i].nr == nr)
            return infallible[i].why;
    return NULL;
}

static void prepare(void)
{
    strcpy(home, "/dev/shm/onecopy-faults-XXXXXX");
    if (!mkdtemp(home))
        exit(99);
    snprintf(data, sizeof data, "%s/data.matched", home);
    snprintf(plan_path, sizeof plan_path, "%s/plan", home);
    int fd = open(plan_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *plan) != 0)
        exit(99);
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (plan == MAP_FAILED)
        exit(99);
}

static void clean(void)
{
    struct dirent *e;
    DIR *d = opendir(home);

    while (d && (e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(home);
}

int main(int argc, char **argv)
{
    static long count[PLAN_CALLS];
    long limit = argc > 3 ? atol(argv[3]) : 4, runs = 0;
    const int only = argc > 4 ? atoi(argv[4]) : -1;
    int n = 0, failed = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: %s LIBRARY HOST [PLACES [CALL]]\n", argv[0]);
        return 2;
    }
    library = argv[1];
    host = argv[2];
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    prepare();
    run(&expected, false);
    set_plan(-1, 0, 0);
    run(&seen, true);
    for (int nr = 0; nr < PLAN_CALLS; nr++)
        count[nr] = plan->count[nr];
    printf("%sok %d - without a fault\n",
           good("without a fault") && expected.len > 1000 && expected.status == 0 ? "" : "not ",
           ++n);
    for (int nr = 0; nr < PLAN_CALLS; nr++) {
        if (!count[nr] || (only >= 0 && nr != only))
            continue;
        if (why_infallible(nr)) {
            printf("# call %d, made %ld times, %s\n", nr, count[nr], why_infallible(nr));
            continue;
        }
        bool ok = try_call(nr, count[nr], limit, &runs);
        failed += !ok;
        printf("%sok %d - system call %d, made %ld times\n", ok ? "" : "not ", ++n, nr, count[nr]);
    }
    /* A call may be made in no later run. */
    printf("%sok %d - nearly every fault was met\n", faults * 10 >= runs * 9 ? "" : "not ", ++n);
    printf("# %ld runs, %ld faults\n1..%d\n", runs, faults, n);
    clean();
    return failed != 0;
}
