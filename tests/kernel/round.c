/* One sequence, run in processes of its own under supervision. */
#include "diff.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

/* A round that gets nowhere for so long hangs. */
#define PATIENCE_SECONDS 40

static size_t round_size(uint32_t count)
{
    return sizeof(struct round) + count * sizeof(struct op);
}

/* The environment goes with the round: a program started without it can give it to the next. */
static void keep_environment(struct round *r)
{
    size_t at = 0;

    for (char **e = environ; *e != NULL; e++) {
        size_t n = strlen(*e) + 1;
        if (at + n < sizeof r->environment) {
            memcpy(r->environment + at, *e, n);
            at += n;
        }
    }
}

char **round_environment(struct round *r)
{
    static char *list[500];
    unsigned n = 0;

    for (char *e = r->environment; *e != 0 && n < 499; e += strlen(e) + 1)
        list[n++] = e;
    list[n] = NULL;
    return list;
}

struct round *round_new(uint32_t count)
{
    int low = memfd_create("round", 0), memory = fcntl(low, F_DUPFD, 900);
    struct round *r;

    close(low);
    if (memory < 0 || ftruncate(memory, (off_t)round_size(count)) != 0)
        return NULL;
    r = mmap(NULL, round_size(count), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (r == MAP_FAILED)
        return NULL;
    r->memory = memory;
    r->count = count;
    r->scale = 1;
    r->helper = -1;
    keep_environment(r);
    return r;
}

void round_free(struct round *r)
{
    close(r->memory);
    munmap(r, round_size(r->count));
}

struct seen {
    bool section, image;
};

static struct seen look(void)
{
    const char *home = getenv("ONECOPY_DIR");
    struct seen seen = {false, false};
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        seen.section |= strstr(line, ".matched") != NULL;
        seen.image |= home != NULL && strstr(line, home) != NULL;
    }
    if (f != NULL)
        fclose(f);
    return seen;
}

void round_look(struct round *r)
{
    struct seen seen = look();

    if (seen.section)
        atomic_store(&r->saw_section, 1);
    if (seen.image)
        atomic_store(&r->saw_image, 1);
}

/* How many images there are in the library's home. */
static int images_left(void)
{
    const char *home = getenv("ONECOPY_DIR");
    DIR *dir = home != NULL ? opendir(home) : NULL;
    int count = 0;

    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        count += strstr(e->d_name, ".image") != NULL;
    if (dir != NULL)
        closedir(dir);
    return count;
}

void round_look_empty(struct world *w)
{
    enum mode mode = w->round->mode;
    struct seen seen = look();

    if (seen.section)
        fail(w, "a section is mapped after everything was closed");
    if (seen.image)
        fail(w, "an image is mapped after everything was freed");
    /* Elsewhere other processes may use one. */
    if ((mode == PLAIN || mode == SHARED) && !atomic_load(&w->round->killed) &&
        images_left() > w->round->images_before)
        fail(w, "%d images are left after everything was freed", images_left());
}

static void run(struct round *r)
{
    if (r->mode == THREADS)
        threads_run(r);
    else if (r->mode == WRITERS)
        writers_run(r);
    else
        actors_run(r);
    exit(atomic_load(&r->failed) ? 1 : 0);
}

static void set_failure(struct round *r, const char *what, int number)
{
    int expected = 0;

    if (!atomic_compare_exchange_strong(&r->failed, &expected, 1))
        return;
    r->failed_op = (uint32_t)atomic_load(&r->turn);
    snprintf(r->text, sizeof r->text, "%s %d", what, number);
}

/* Wait for the first process as long as something happens. */
static void supervise(struct round *r, pid_t first)
{
    struct pollfd exit_seen = {(int)oc_syscall(SYS_pidfd_open, first, 0, 0, 0, 0, 0), POLLIN, 0};
    uint64_t before = ~UINT64_C(0);
    int status = 0;

    while (poll(&exit_seen, 1, PATIENCE_SECONDS * 1000) == 0) {
        uint64_t now = atomic_load(&r->turn);
        if (now == before) {
            set_failure(r, "no progress for seconds:", PATIENCE_SECONDS);
            kill(-first, SIGKILL);
        }
        before = now;
    }
    close(exit_seen.fd);
    waitpid(first, &status, 0);
    if (WIFSIGNALED(status))
        set_failure(r, "killed by signal", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        set_failure(r, "exit status", WEXITSTATUS(status));
}

bool round_run(struct round *r)
{
    atomic_store(&r->turn, 0);
    atomic_store(&r->ended, 0);
    atomic_store(&r->failed, 0);
    r->text[0] = 0;
    r->images_before = images_left(); /* by those that were killed in rounds before */
    pid_t first = fork();
    if (first == 0) {
        setpgid(0, 0);
        run(r);
    }
    setpgid(first, first);
    supervise(r, first);
    kill(-first, SIGKILL); /* whoever is left after a failure */
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return atomic_load(&r->failed) == 0;
}
