/*
 * Chaos: loaders, writers, cutters and replacers, which are killed, stopped and
 * started at random, in a home that fills up now and then.  Each load is checked
 * against what the file held at some moment of the call; at the end nobody hangs
 * and nothing is left.
 *
 * usage: chaos FOLDER SECONDS [SEED]    ($ONECOPY_DIR is the home)
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"

#define SIZE (2 * MIB)

/* Files: one that is written to, one that is cut and grown as well, one that is replaced. */
enum { WRITTEN, CUT, REPLACED, FILES };
enum role { LOADER, WRITER, CUTTER, REPLACER };

/* Every word of a file is the number of the round that wrote it. */
static struct shared {
    struct {
        _Atomic uint64_t started, done;
    } rounds[FILES];
    _Atomic uint64_t loads, lent, wrong;
    _Atomic bool stop;
} * shared;

static char paths[FILES][300], temp[300];

/* ---- those who change files ---- */

static void fill_rounds(int fd, uint64_t round, bool pause)
{
    static uint64_t block[64 * KIB / 8];

    for (size_t i = 0; i < sizeof(block) / 8; i++)
        block[i] = round;
    for (size_t at = 0; at < SIZE; at += sizeof(block)) {
        if (pwrite(fd, block, sizeof(block), (off_t)at) < 0)
            _exit(1);
        if (pause && rand() % 64 == 0)
            usleep(200);
    }
}

static void store_rounds(int fd, uint64_t round)
{
    uint64_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (map == MAP_FAILED)
        _exit(1);
    for (size_t i = 0; i < SIZE / 8; i++)
        map[i] = round;
    munmap(map, SIZE);
}

static void write_rounds(int which)
{
    int fd = open(paths[which], O_RDWR);

    while (!atomic_load(&shared->stop)) {
        uint64_t round = atomic_fetch_add(&shared->rounds[which].started, 1) + 1;

        if (which == WRITTEN && round & 1)
            store_rounds(fd, round);
        else
            fill_rounds(fd, round, true);
        atomic_store(&shared->rounds[which].done, round);
        usleep((unsigned)rand() % 20000);
    }
    close(fd);
}

static void cut_and_grow(void)
{
    while (!atomic_load(&shared->stop)) {
        if (truncate(paths[CUT], rand() % (int)SIZE / 8 * 8) < 0)
            _exit(1);
        usleep((unsigned)rand() % 10000);
        if (rand() % 2 && truncate(paths[CUT], SIZE) < 0)
            _exit(1);
        usleep((unsigned)rand() % 20000);
    }
}

static void replace(void)
{
    while (!atomic_load(&shared->stop)) {
        uint64_t round = atomic_fetch_add(&shared->rounds[REPLACED].started, 1) + 1;
        int fd = open(temp, O_RDWR | O_CREAT | O_TRUNC, 0600);

        if (fd < 0)
            _exit(1);
        fill_rounds(fd, round, false);
        close(fd);
        if (rename(temp, paths[REPLACED]) < 0)
            _exit(1);
        atomic_store(&shared->rounds[REPLACED].done, round);
        usleep((unsigned)rand() % 30000);
    }
}

/* ---- loaders ---- */

static bool valid_word(int which, uint64_t word, uint64_t low, uint64_t high)
{
    return (word >= low && word <= high) || (which == CUT && word == 0);
}

static bool valid(int which, const char *bytes, size_t n, uint64_t low, uint64_t high)
{
    uint64_t first = 0;

    if (which != CUT && n != SIZE)
        return false;
    for (size_t at = 0; at + 8 <= n; at += 8) {
        uint64_t word;

        memcpy(&word, bytes + at, 8);
        if (at == 0)
            first = word;
        if (!valid_word(which, word, low, high) || (which == REPLACED && word != first)) {
            printf("# file %d, byte %zu: round %llu is not of %llu to %llu\n", which, at,
                   (unsigned long long)word, (unsigned long long)low, (unsigned long long)high);
            fflush(stdout);
            return false;
        }
    }
    return true;
}

static size_t read_somehow(int fd, char *to)
{
    static const size_t steps[] = {SIZE + 1, SIZE / 2, 512 * KIB, 300000, 256 * KIB};
    size_t step = steps[rand() % 5], n = 0;
    ssize_t got;

    while (n < SIZE + 1 && (got = read(fd, to + n, step < SIZE + 1 - n ? step : SIZE + 1 - n)) > 0)
        n += (size_t)got;
    return n;
}

/* A changed byte now and then: it must stay ours. */
static char *load_one(void)
{
    int which = rand() % FILES;
    uint64_t low = atomic_load(&shared->rounds[which].done); /* before it is opened */
    int fd = open(paths[which], O_RDONLY);
    char *to = malloc(SIZE + 1);
    size_t n;

    if (fd < 0 || !to)
        _exit(1);
    n = read_somehow(fd, to);
    if (!valid(which, to, n, low, atomic_load(&shared->rounds[which].started)))
        atomic_fetch_add(&shared->wrong, 1);
    atomic_fetch_add(&shared->loads, 1);
    if (rand() % 16 == 0 && lent_bytes(to, SIZE) > 0)
        atomic_fetch_add(&shared->lent, 1);
    if (rand() % 4 == 0)
        memset(to, 0xff, n / 16);
    close(fd);
    return to;
}

static void load_all_the_time(void)
{
    char *kept[4] = {NULL, NULL, NULL, NULL};

    while (!atomic_load(&shared->stop)) {
        unsigned i = (unsigned)rand() % 4;

        free(kept[i]);
        kept[i] = rand() % 3 ? load_one() : NULL;
        if (rand() % 40 == 0 && fork() == 0)
            _exit(0);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        usleep((unsigned)rand() % 3000);
    }
}

/* ---- the crew ---- */

enum { CREW = 9 };

static struct {
    enum role role;
    int arg;
    pid_t pid;
    bool stopped;
} crew[CREW] = {
    {WRITER, WRITTEN, 0, false}, {WRITER, CUT, 0, false}, {CUTTER, 0, 0, false},
    {REPLACER, 0, 0, false},     {LOADER, 0, 0, false},   {LOADER, 0, 0, false},
    {LOADER, 0, 0, false},       {LOADER, 0, 0, false},   {LOADER, 0, 0, false},
};

/* Loaders start as programs do, which cleans the home of what others left. */
static void start(unsigned i, char **argv)
{
    char seed[20];

    snprintf(seed, sizeof(seed), "%d", rand());
    crew[i].stopped = false;
    crew[i].pid = fork();
    if (crew[i].pid != 0)
        return;
    if (crew[i].role == LOADER) {
        execl("/proc/self/exe", argv[0], argv[1], "loader", seed, (char *)NULL);
        _exit(1);
    }
    srand((unsigned)atoi(seed));
    if (crew[i].role == WRITER)
        write_rounds(crew[i].arg);
    else if (crew[i].role == CUTTER)
        cut_and_grow();
    else
        replace();
    _exit(0);
}

static unsigned deaths; /* of anything but us */

static void check_end(int status)
{
    if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : WEXITSTATUS(status) != 0) {
        printf("# somebody ended with status %x\n", (unsigned)status);
        deaths++;
    }
}

static void harm(char **argv)
{
    unsigned i = (unsigned)rand() % CREW;
    int status;

    if (crew[i].stopped || rand() % 2) {
        kill(crew[i].pid, crew[i].stopped ? SIGCONT : SIGSTOP);
        crew[i].stopped = !crew[i].stopped;
        return;
    }
    kill(crew[i].pid, SIGKILL);
    waitpid(crew[i].pid, &status, 0);
    check_end(status);
    start(i, argv);
}

/* The home is full until somebody comes to remove the filler. */
static void fill_home(bool full)
{
    char path[300];
    int fd;

    snprintf(path, sizeof(path), "%s/filler", getenv("ONECOPY_DIR"));
    unlink(path);
    if (!full || !getenv("CHAOS_MAY_FILL"))
        return;
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (off_t at = 0; fd >= 0 && fallocate(fd, 0, at, 256 * 1024) == 0; at += 256 * 1024)
        ;
    close(fd);
}

static bool ended(pid_t pid)
{
    int status;

    for (int ms = 0; ms < 20000; ms += 10) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            check_end(status);
            return true;
        }
        usleep(10000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return false;
}

static unsigned end_all(void)
{
    unsigned hung = 0;

    atomic_store(&shared->stop, true);
    for (unsigned i = 0; i < CREW; i++)
        kill(crew[i].pid, SIGCONT);
    for (unsigned i = 0; i < CREW; i++)
        hung += !ended(crew[i].pid);
    return hung;
}

/* ---- all of it ---- */

static void set_up(const char *folder)
{
    static const char *const names[] = {"written.dat", "cut.dat", "replaced.dat"};
    char path[300];
    int fd;

    for (int i = 0; i < FILES; i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
    snprintf(temp, sizeof(temp), "%s/temp", folder);
    snprintf(path, sizeof(path), "%s/shared", folder);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*shared)) < 0)
        bail(path);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
}

static void make_files(void)
{
    for (int i = 0; i < FILES; i++) {
        int fd = open(paths[i], O_RDWR | O_CREAT | O_TRUNC, 0600);

        fill_rounds(fd, 0, false);
        close(fd);
    }
}

static void make_chaos(unsigned seconds, char **argv)
{
    time_t end = time(NULL) + (time_t)seconds;

    for (unsigned i = 0; i < CREW; i++)
        start(i, argv);
    for (unsigned n = 0; time(NULL) < end; n++) {
        usleep(5000 + (unsigned)rand() % 30000);
        harm(argv);
        if (n % 50 == 0)
            fill_home(n % 100 == 0);
    }
    fill_home(false);
}

int main(int argc, char **argv)
{
    unsigned hung;

    if (argc < 3)
        return 2;
    set_up(argv[1]);
    srand(argc > 3 ? (unsigned)atoi(argv[3]) : (unsigned)time(NULL));
    if (strcmp(argv[2], "loader") == 0) {
        load_all_the_time();
        return 0;
    }
    make_files();
    make_chaos((unsigned)atoi(argv[2]), argv);
    hung = end_all();
    printf("# %llu loads, of %llu in 16 lent\n", (unsigned long long)shared->loads,
           (unsigned long long)shared->lent);
    ok(shared->loads > 0 && shared->wrong == 0, "each load is of its time");
    ok(shared->lent > 0, "some are lent");
    ok(hung == 0, "nobody hangs");
    ok(deaths == 0, "nobody dies of anything but a killer");
    return done_testing();
}
