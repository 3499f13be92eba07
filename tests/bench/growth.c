/*
 * Does a small read cost the same in a process with many files, of a huge file, among many
 * processes; and how much memory has the library of its own?
 *
 *   growth FILE descriptors N    N descriptions of FILE open; reads by the last
 *   growth FILE size BYTES       a sparse FILE of that size, data at its end
 *   growth FILE processes N      N processes have it open and mapped, one reads
 *   growth FILE memory started|reading|many
 *
 * FILE is made, matched by a rule, and removed.  Prints ns, and those of a memcpy, or KiB of
 * private memory without a name: the library's is the difference to a run without it.
 */
#include "bench.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { SET = 4 << 20, HOT = 1 << 20, READS = 50000, ROUNDS = 31, MOST = 10001 };

static const char *path;
static char block[SET];

static int make(off_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t at = size > SET ? size - SET : 0;
    memset(block, 7, sizeof block);
    if (fd < 0 || ftruncate(fd, size) != 0 ||
        pwrite(fd, block, (size_t)(size - at), at) != (ssize_t)(size - at))
        die(path);
    close(fd);
    return open(path, O_RDONLY);
}

static double round_of(int fd, const char *map, off_t from, uint64_t *state)
{
    char buf[64];
    double begin = cpu_ns();
    for (int i = 0; i < READS; i++) {
        off_t at = (off_t)(next_random(state) % (HOT - sizeof buf));
        if (map)
            memcpy(buf, map + at, sizeof buf);
        else if (pread(fd, buf, sizeof buf, from + at) != sizeof buf)
            die("pread");
        used(buf);
    }
    return (cpu_ns() - begin) / READS;
}

/* Of the last part of the file, after it has become hot; and of a memcpy from there. */
static void cost(int fd, off_t size)
{
    static double ns[2][ROUNDS];
    off_t from = size - HOT;
    uint64_t state = 1;
    const char *map = mmap(NULL, HOT, PROT_READ, MAP_SHARED, fd, from);
    if (map == MAP_FAILED)
        die("mmap");
    for (int r = -3; r < ROUNDS; r++) {
        double us = round_of(fd, NULL, from, &state), copy = round_of(fd, map, from, &state);
        ns[0][r < 0 ? 0 : r] = us;
        ns[1][r < 0 ? 0 : r] = copy;
    }
    printf("%.2f %.2f\n", median(ns[0], ROUNDS), median(ns[1], ROUNDS));
}

static void descriptors(int n)
{
    struct rlimit limit = {MOST + 100, MOST + 100};
    setrlimit(RLIMIT_NOFILE, &limit);
    int fd = make(SET);
    for (int i = 1; i < n; i++)
        if ((fd = open(path, O_RDONLY)) < 0)
            die(path);
    cost(fd, SET);
}

static void processes(int n)
{
    int fd = make(SET), ready[2];
    pid_t pid[64];
    char byte;
    if (n > 64 || pipe(ready) != 0)
        die("processes");
    for (int i = 1; i < n; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            int own = open(path, O_RDONLY);
            for (int r = 0; r < 20000; r++)
                if (pread(own, block, 64, (r * 4099L) % (SET - 64)) != 64)
                    _exit(1);
            if (write(ready[1], "", 1) != 1)
                _exit(1);
            pause();
        }
    }
    for (int i = 1; i < n; i++)
        if (read(ready[0], &byte, 1) != 1)
            die("child");
    fd = open(path, O_RDONLY); /* one that no child has */
    cost(fd, SET);
    for (int i = 1; i < n; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }
}

/* ---- memory ---- */

/* Is LINE, the head of a mapping in smaps, of one of the library, or without a name? */
static bool is_ours(const char *line)
{
    return strstr(line, "libonecopy") || (!strchr(line, '/') && !strchr(line, '['));
}

static char *smaps(void)
{
    static char text[1 << 22];
    int fd = open("/proc/self/smaps", O_RDONLY);
    size_t len = 0;
    for (ssize_t n; (n = read(fd, text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    close(fd);
    text[len] = '\0';
    return text;
}

/* KiB that are private to this process: the library's data, and all memory without a name. */
static double own_kib(void)
{
    double kib = 0;
    bool ours = false;
    char *rest = smaps();
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *colon = strchr(line, ':');
        if (strchr(line, '-') && (!colon || strchr(line, '-') < colon))
            ours = is_ours(line);
        else if (ours && (!strncmp(line, "Private_Dirty:", 14)))
            kib += strtod(line + 14, NULL);
    }
    return kib;
}

static void memory(const char *what)
{
    static char buf[64];
    if (!strcmp(what, "many")) {
        char name[4096];
        double before = own_kib();
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "%s-%d.bench", path, i);
            int fd = open(name, O_RDWR | O_CREAT, 0600);
            if (fd < 0 || ftruncate(fd, 2 << 20) != 0)
                die(name);
            close(fd);
            if (open(name, O_RDONLY) < 0)
                die(name);
            unlink(name);
        }
        printf("%.0f\n", own_kib() - before);
        return;
    }
    int fd = make(64 << 20);
    (void)fd;
    if (!strcmp(what, "reading")) {
        for (off_t at = 0; at < 64 << 20; at += 4 << 20)
            if (pwrite(open(path, O_WRONLY), block, SET, at) != SET)
                die(path);
        for (int i = 0; i < 10000; i++)
            if (pread(fd, buf, sizeof buf, (i * 6661L) % ((64 << 20) - 64)) != sizeof buf)
                die("pread");
    }
    printf("%.0f\n", own_kib());
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    path = argv[1];
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!strcmp(argv[2], "descriptors"))
        descriptors(atoi(argv[3]));
    else if (!strcmp(argv[2], "size"))
        cost(make(atoll(argv[3])), atoll(argv[3]));
    else if (!strcmp(argv[2], "processes"))
        processes(atoi(argv[3]));
    else
        memory(argv[3]);
    unlink(path);
    return 0;
}
