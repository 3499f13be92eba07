/*
 * Many processes with many threads for a long time: mixed loads of files, some of which are
 * written to and cut, by processes that are killed and started again.  Every byte read is
 * checked; every few seconds descriptors, mappings and memory of the processes, the home's
 * files and the ledger are measured, and the last third of the run must need
 * no more of them than the first.  At the end nobody is stuck and no zombie is left.
 *
 * usage: soak FOLDER SECONDS PROCESSES THREADS PAUSE    ($ONECOPY_DIR is the home)
 *        PAUSE: milliseconds that a thread waits between two loads, on average
 */
#include "soak.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct soak *soak;
const char *folder;

static const char *self;
static pid_t workers[PROCESSES_MAX], writer;
static int results, failures;

void soak_die(const char *what)
{
    fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
    _exit(3);
}

double soak_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void soak_pause(unsigned milliseconds)
{
    struct timespec t = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};

    nanosleep(&t, NULL);
}

void soak_path(char *path, size_t size, int which)
{
    static const char *const names[FILES] = {"large.dat", "small.dat", "written.dat", "cut.dat"};

    snprintf(path, size, "%s/%s", folder, names[which]);
}

static void result(bool passed, const char *what)
{
    printf("%s %d - %s\n", passed ? "ok" : "not ok", ++results, what);
    fflush(stdout);
    failures += !passed;
}

/* ---- starting and killing ---- */

static pid_t start(const char *role, unsigned number)
{
    char text[16];
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        snprintf(text, sizeof(text), "%u", number);
        execl("/proc/self/exe", self, folder, role, text, (char *)NULL);
        _exit(3);
    }
    if (pid < 0)
        soak_die("fork");
    return pid;
}

/* Those that ended, and whether they should have. */
static void reap(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) != SIGKILL) {
            printf("# process %d ended with status %#x\n", pid, (unsigned)status);
            atomic_fetch_add(&soak->died, 1);
        }
        for (unsigned i = 0; i < soak->processes; i++)
            if (workers[i] == pid)
                workers[i] = 0;
        if (pid == writer)
            writer = 0;
    }
}

static void start_missing(void)
{
    for (unsigned i = 0; i < soak->processes; i++)
        if (!workers[i]) {
            workers[i] = start("load", i);
            soak->starts++;
        }
    if (!writer)
        writer = start("write", 0);
}

static void kill_one(void)
{
    unsigned i = (unsigned)rand() % soak->processes;

    if (workers[i] && kill(workers[i], SIGKILL) == 0)
        soak->kills++;
}

/* ---- the run ---- */

static void run(double seconds)
{
    double begin = soak_now(), now, sampled = begin, step = seconds / 90 < 1 ? 0.5 : seconds / 90;

    while ((now = soak_now()) - begin < seconds) {
        start_missing();
        soak_pause(100);
        /* In a long run so seldom that some come to their end first. */
        if (rand() % (seconds < 120 ? 3 : 20) == 0)
            kill_one();
        reap();
        if (now - sampled >= step) {
            soak_measure(workers, (now - begin) / seconds);
            sampled = now;
        }
    }
}

/* Ask all to end; whoever does not is stuck. */
static unsigned stop_all(void)
{
    unsigned left = 0;

    atomic_store(&soak->stop, true);
    for (unsigned patience = 0; patience < 2400; patience++) {
        reap();
        left = writer != 0;
        for (unsigned i = 0; i < soak->processes; i++)
            left += workers[i] != 0;
        if (!left)
            break;
        soak_pause(50);
    }
    for (unsigned i = 0; i < soak->processes; i++)
        if (workers[i]) {
            printf("# process %d is stuck: %s\n", workers[i], soak_where(workers[i]));
            kill(workers[i], SIGKILL);
        }
    return left;
}

static void make_file(int which)
{
    char path[300];
    int fd;

    soak_path(path, sizeof(path), which);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        soak_die(path);
    soak_write(fd, which, 0, 0);
    close(fd);
}

static void map_shared(bool first)
{
    char path[300];
    int fd;

    snprintf(path, sizeof(path), "%s/shared", folder);
    fd = open(path, O_RDWR | O_CLOEXEC | (first ? O_CREAT | O_TRUNC : 0), 0600);
    if (fd < 0 || (first && ftruncate(fd, sizeof(*soak)) != 0))
        soak_die(path);
    soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (soak == MAP_FAILED)
        soak_die("mmap");
    close(fd);
}

static int supervise(double seconds, unsigned processes, unsigned threads, unsigned pause)
{
    unsigned stuck;

    map_shared(true);
    soak->processes = processes < PROCESSES_MAX ? processes : PROCESSES_MAX;
    soak->threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    soak->wait = pause;
    for (int i = 0; i < FILES; i++)
        make_file(i);
    srand((unsigned)getpid());
    run(seconds);
    stuck = stop_all();
    while (waitpid(-1, NULL, 0) > 0)
        ;
    printf("# %u processes of %u threads, %.0f s: %lu started, %lu killed, %lu loads, %lu bytes\n",
           soak->processes, soak->threads, seconds, soak->starts, soak->kills,
           (unsigned long)soak->loads, (unsigned long)soak->bytes);
    result(soak->loads > 0 && soak->wrong == 0, "every byte is one that the file held");
    result(soak->died == 0, "nobody ended but by its own will or by a kill");
    result(stuck == 0, "nobody is stuck at the end");
    soak_judge(seconds < 120, result);
    printf("1..%d\n", results);
    return failures != 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    self = argv[0];
    folder = argv[1];
    if (argc == 4) {
        map_shared(false);
        return strcmp(argv[2], "load") == 0 ? soak_load((unsigned)atoi(argv[3])) : soak_change();
    }
    return argc < 6 ? 2
                    : supervise(atof(argv[2]), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]),
                                (unsigned)atoi(argv[5]));
}
