/*
 * What nobody may notice: not other processes that use the same file, nor the program itself in its
 * threads, children, descriptors, output and errno, nor in what mlockall makes of its memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "twin.h"

#define SIZE (2 * MB)

static struct twin twin;
static struct buffers b, big; /* for small reads, and what is lent */
static char *self;

/* Opened, often read in small pieces, and lent. */
static struct pair in_use(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);

    big = buffers_make(SIZE);
    for (int i = 0; i < 3000; i++)
        same_pread(&p, &b, 64, i * 13 % 20000);
    same_pread(&p, &big, SIZE - 10, 16);
    same_read(&p, &b, 100);
    expect(image_mapped(), "nothing is lent");
    return p;
}

static void leave(struct pair *p)
{
    buffers_free(&big);
    pair_close(p);
}

/* ---- other processes ---- */

static long map_shared(int fd)
{
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096 * 100);
    if (at == MAP_FAILED)
        return -errno;
    at[7] = 'x';
    long r = msync(at, 4096, MS_SYNC);
    munmap(at, 4096);
    return r;
}

static long lock_all_of_it(int fd, int cmd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    return side_fcntl(RAW, fd, cmd, (long)&lock);
}

/* What is told of the file itself; times of access apart. */
static void same_stat(const struct pair *p, const char *when)
{
    struct stat st[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        expect(fstat(p->fd[s], &st[s]) == 0, "fstat");
    same((long)st[LIBC].st_size, (long)st[RAW].st_size, "%s: size", when);
    same((long)st[LIBC].st_nlink, (long)st[RAW].st_nlink, "%s: links", when);
    same((long)st[LIBC].st_blocks, (long)st[RAW].st_blocks, "%s: blocks", when);
    same((long)st[LIBC].st_mode, (long)st[RAW].st_mode, "%s: mode", when);
}

/* Each result is compared with that for the twin, which is as open in the other process.  The
 * locks that it asks for are those that an open file stands in the way of, or a lease. */
static void stranger(void)
{
    struct pair p, q;
    char moved[SIDES][TWIN_PATH + 10];
    long r[SIDES];

    for (enum side s = LIBC; s < SIDES; s++) {
        p.fd[s] = (int)side_open(RAW, twin.path[s], O_RDWR | O_NONBLOCK, 0);
        q.fd[s] = (int)side_open(RAW, twin.path[s], O_RDONLY, 0);
        snprintf(moved[s], sizeof moved[s], "%s.moved", twin.path[s]);
    }
    expect(p.fd[LIBC] >= 0 && p.fd[RAW] >= 0, "an open that does not wait: %d", p.fd[LIBC]);
#define BOTH(call)                                                                                 \
    do {                                                                                           \
        for (enum side s = LIBC; s < SIDES; s++)                                                   \
            r[s] = (call);                                                                         \
        same(r[LIBC], r[RAW], "%s", #call);                                                        \
    } while (0)
    BOTH(lock_all_of_it(p.fd[s], F_SETLK, F_WRLCK));
    BOTH(lock_all_of_it(p.fd[s], F_SETLK, F_UNLCK));
    BOTH(lock_all_of_it(p.fd[s], F_OFD_SETLK, F_WRLCK));
    BOTH(lock_all_of_it(p.fd[s], F_OFD_SETLK, F_UNLCK));
    BOTH(side_result(flock(p.fd[s], LOCK_EX | LOCK_NB)));
    BOTH(side_result(flock(p.fd[s], LOCK_UN)));
    BOTH(side_fcntl(RAW, p.fd[s], F_SETLEASE, F_WRLCK));
    BOTH(side_fcntl(RAW, q.fd[s], F_GETLEASE, 0));
    BOTH(side_pwrite(RAW, p.fd[s], "written", 7, 300));
    BOTH(map_shared(p.fd[s]));
    same_stat(&p, "after stores");
    BOTH(side_ftruncate(RAW, p.fd[s], SIZE / 2));
    BOTH(side_fallocate(RAW, p.fd[s], 0, 0, SIZE));
    same_stat(&p, "after fallocate");
    BOTH(side_result(chmod(twin.path[s], 0640)));
    BOTH(side_result(rename(twin.path[s], moved[s])));
    BOTH(side_result(link(moved[s], twin.path[s])));
    BOTH(side_result(unlink(moved[s])));
    same_stat(&p, "at last");
#undef BOTH
}

static void others(void)
{
    struct pair p = in_use();

    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(self, self, "--stranger", twin.path[LIBC], twin.path[RAW], NULL);
            _exit(99);
        }
        child_wait(child, "a stranger");
        for (int k = 0; k < 300; k++)
            same_pread(&p, &b, 64, k * 131 % (int)SIZE);
        same_pread(&p, &big, SIZE - 10, 16);
    }
    leave(&p);
    report("another process opens, locks, maps, writes, truncates, renames and unlinks the file");
}

/* How many locks and leases the kernel's list has on the data file. */
static int locks_on_file(char *last, size_t room)
{
    struct stat st;
    char line[300], file[80];
    int found = 0;
    FILE *locks = fopen("/proc/locks", "r");

    expect(stat(twin.path[LIBC], &st) == 0, "stat");
    snprintf(file, sizeof file, " %02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev),
             (unsigned long)st.st_ino);
    while (locks && fgets(line, sizeof line, locks))
        if (strstr(line, file)) {
            found++;
            snprintf(last, room, "%s", line);
        }
    if (locks)
        fclose(locks);
    return found;
}

static void no_lock(const char *when)
{
    char last[300] = "";
    same(locks_on_file(last, sizeof last), 0, "%s: locks, the last one %s", when, last);
}

/* Not with every file system is the list's number of the device what stat tells. */
static bool list_is_readable(void)
{
    char last[300];
    int fd = (int)side_open(RAW, twin.path[LIBC], O_RDONLY, 0);
    bool found = flock(fd, LOCK_SH) == 0 && locks_on_file(last, sizeof last) == 1;

    side_close(RAW, fd);
    return found;
}

static void unlocked(void)
{
    const char *name = "no lock and no lease of ours is on the file";

    if (!list_is_readable()) {
        skip(name, "/proc/locks does not tell of it");
        return;
    }
    struct pair p = in_use();
    no_lock("lent");
    pid_t child = fork(); /* looks while we fill, compare and lend */
    if (child == 0) {
        for (int i = 0; i < 200; i++)
            no_lock("meanwhile");
        child_done();
    }
    for (int i = 0; i < 20; i++) {
        struct buffers own = buffers_make(SIZE);
        same_pread(&p, &own, SIZE - 100, 8 + i);
        buffers_free(&own);
    }
    child_wait(child, "who looks at the locks");
    leave(&p);
    no_lock("closed");
    report(name);
}

/* ---- the program itself ---- */

static long status_value(const char *key)
{
    char line[200];
    long value = -1;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            value = atol(line + strlen(key));
    if (f)
        fclose(f);
    return value;
}

static uint64_t numbers_in_use(void)
{
    uint64_t found = 0;
    for (int fd = 0; fd < 64; fd++)
        if (OC_SYS_2(SYS_fcntl, fd, F_GETFD) >= 0)
            found |= UINT64_C(1) << fd;
    return found;
}

static void alone(void)
{
    uint64_t before = numbers_in_use();

    for (int i = 0; i < 3; i++) {
        struct pair p = in_use();
        same(status_value("Threads:"), 1, "threads");
        same(side_result(waitpid(-1, NULL, WNOHANG | __WALL)), -ECHILD, "children");
        same(__builtin_popcountll(numbers_in_use() ^ before), 2, "descriptors more");
        leave(&p);
        expect(numbers_in_use() == before, "descriptors are left: %#llx, %#llx",
               (unsigned long long)numbers_in_use(), (unsigned long long)before);
    }
    same(status_value("Threads:"), 1, "threads at the end");
    report("no thread, no child and no descriptor of ours");
}

/* What is asked of the program's own is the lowest number, as ever. */
static void lowest_numbers(void)
{
    struct pair p = in_use();
    int first = dup(0);

    for (int i = 0; i < 100; i++) {
        if (i % 10)
            same_pread(&p, &b, 64, i);
        else
            same_pread(&p, &big, SIZE - 100, i);
        int fd = dup(0);
        same(fd, first + 1, "the next number");
        close(fd);
    }
    close(first);
    leave(&p);
    report("the numbers that the program gets are the lowest that are free");
}

/* Reads all that it is given, and says nothing. */
static int read_quietly(const char *path)
{
    static char buf[SIZE];
    int fd = open(path, O_RDONLY);
    char *mine = malloc(SIZE);

    for (int i = 0; i < 2000; i++)
        if (pread(fd, buf, 64, i) != 64)
            return 1;
    if (read(fd, mine, SIZE) != (ssize_t)SIZE)
        return 2;
    FILE *f = fopen(path, "r");
    if (!f || fread(mine, 1, SIZE, f) != SIZE || fclose(f) != 0)
        return 3;
    free(mine);
    return close(fd) == 0 ? 42 : 4;
}

static void silent(void)
{
    int ends[2], status = -1;
    char said[300];

    expect(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execl(self, self, "--quietly", twin.path[LIBC], NULL);
        _exit(99);
    }
    close(ends[1]);
    same(side_read(RAW, ends[0], said, sizeof said), 0, "bytes that were said");
    expect(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42,
           "ended with %#x", (unsigned)status);
    close(ends[0]);
    expect(images_in_home() == 0, "an image is left");
    report("no output, and the program's own exit status");
}

/* errno is set by what fails, and by nothing else. */
static void errno_stays(void)
{
    static char small[500];
    char *block = malloc(SIZE), *more;
    FILE *f;
    int fd, copy;

#define KEEPS(call)                                                                                \
    do {                                                                                           \
        errno = 77;                                                                                \
        expect((long)(call) >= 0, "%s: errno %d", #call, errno);                                   \
        expect(errno == 77, "%s: errno is %d", #call, errno);                                      \
    } while (0)
    for (int i = 0; i < 60; i++) {
        KEEPS(fd = open(twin.path[LIBC], O_RDONLY));
        KEEPS(read(fd, small, 100));
        for (int k = 0; k < 40; k++)
            KEEPS(pread(fd, small, sizeof small, 3000 * k));
        KEEPS(lseek(fd, 100, SEEK_CUR));
        KEEPS(lseek(fd, 0, SEEK_END));
        KEEPS(copy = dup(fd));
        KEEPS(dup2(fd, copy));
        KEEPS(fcntl(fd, F_SETFD, FD_CLOEXEC));
        KEEPS(pread(fd, block, SIZE, i));
        KEEPS(close(copy));
        KEEPS(close(fd));
        errno = 77;
        more = realloc(block, SIZE + (size_t)i * 5000);
        expect(more && errno == 77, "realloc: errno %d", errno);
        free(more);
        expect(errno == 77, "free: errno %d", errno);
        block = malloc(SIZE);
    }
    errno = 77;
    f = fopen(twin.path[LIBC], "r");
    expect(f && fread(block, 1, SIZE, f) == SIZE && fclose(f) == 0, "fread");
    KEEPS(
        madvise(mmap(NULL, MB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), MB, MADV_DONTNEED));
    signal(SIGSEGV, SIG_DFL);
    KEEPS(raise(SIGURG));
#undef KEEPS
    free(block);
    report("errno changes only on failure");
}

/* ---- memory ---- */

static long locked_of_process(bool with_file)
{
    int ends[2];
    long kib = -1;

    expect(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        if (with_file) {
            int fd = open(twin.path[LIBC], O_RDONLY);
            for (int i = 0; i < 3000; i++)
                expect(pread(fd, b.at[LIBC], 64, i) == 64, "pread");
        }
        expect(mlockall(MCL_CURRENT) == 0 || errno == ENOMEM || errno == EPERM, "mlockall");
        kib = status_value("VmRSS:");
        expect(write(ends[1], &kib, sizeof kib) == sizeof kib, "write");
        child_done();
    }
    expect(read(ends[0], &kib, sizeof kib) == sizeof kib, "read");
    child_wait(child, "the child");
    close(ends[0]);
    close(ends[1]);
    return kib;
}

static void locked(void)
{
    long without = locked_of_process(false), with = locked_of_process(true);

    expect(without > 0 && with < without + 1024, "%ld KiB, and %ld KiB after small reads", without,
           with);
    report("a program that locks all its memory has little of ours in it");
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--quietly") == 0)
        return read_quietly(argv[2]);
    if (argc == 4 && strcmp(argv[1], "--stranger") == 0) {
        for (enum side s = LIBC; s < SIDES; s++)
            snprintf(twin.path[s], sizeof twin.path[s], "%s", argv[2 + s]);
        stranger();
        child_done();
    }
    tap_start(argc, argv);
    self = argv[0];
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("quiet", SIZE);
    b = buffers_make(4 * KB);
    others();
    twin = twin_make("quiet", SIZE);
    unlocked();
    alone();
    lowest_numbers();
    silent();
    errno_stays();
    locked();
    return tap_done();
}
