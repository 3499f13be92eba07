/*
 * The program's locks are its own: nothing that the library does on the way
 * may release one (any close of the file by this process would), or hold one
 * longer than the program's last descriptor (a mapping would).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

#define SIZE (2 * MB)

static struct twin twin;
static struct buffers b;

/* Another process finds the record lock on byte 100? */
static bool held(bool wanted, const char *when)
{
    pid_t self = getpid(), child = fork();

    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
        int fd = (int)side_open(RAW, twin.path[LIBC], O_RDWR, 0);
        expect(side_fcntl(RAW, fd, F_GETLK, (long)&lock) == 0, "F_GETLK");
        expect((lock.l_type != F_UNLCK) == wanted, "%s: the lock is %s", when,
               wanted ? "gone" : "still there");
        if (wanted && lock.l_type != F_UNLCK)
            expect(lock.l_pid == self || lock.l_pid == -1, "%s: held by %d", when, lock.l_pid);
        child_done();
    }
    return child_wait(child, when);
}

enum { BY_LOCKF = -1 };

/* With fcntl's command, or by lockf, which counts from the offset. */
static void set(int fd, int cmd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};

    if (cmd != BY_LOCKF) {
        same(side_fcntl(LIBC, fd, cmd, (long)&lock), 0, "fcntl for the lock");
        return;
    }
    same(side_lseek(LIBC, fd, 100, SEEK_SET), 100, "lseek");
    same(side_result(lockf(fd, type == F_UNLCK ? F_ULOCK : F_TLOCK, 1)), 0, "lockf");
}

static void take(int fd, int cmd)
{
    set(fd, cmd, F_WRLCK);
}

static void hot(int fd)
{
    for (int k = 0; k < 3000; k++)
        side_pread(LIBC, fd, b.at[LIBC], 64, k * 13 % 20000);
}

/* Far more places than the pool holds, so that sections come and go. */
static void sweep(int fd)
{
    for (int round = 0; round < 20; round++)
        for (int64_t off = 0; off < (int64_t)SIZE; off += 30000)
            for (int k = 0; k < 3; k++)
                side_pread(LIBC, fd, b.at[LIBC], 64, off);
}

static void big(int fd, size_t n)
{
    char *buf = malloc(n);

    expect(side_pread(LIBC, fd, buf, n, 10) == (long)n, "a big pread");
    held(true, "while memory is lent");
    free(buf);
}

static void other_process(void)
{
    pid_t child = fork();

    if (child == 0) {
        int fd = open(twin.path[LIBC], O_RDONLY);
        char *buf = malloc(SIZE);
        hot(fd);
        expect(side_pread(LIBC, fd, buf, SIZE, 0) == (long)SIZE, "a big pread");
        free(buf);
        close(fd);
        exit(0);
    }
    child_wait(child, "another reader");
}

static void strangers(void)
{
    for (int k = 0; k < 20; k++)
        close(open("/dev/null", O_RDWR));
    fclose(fopen("/proc/self/status", "r"));
    expect(system("true") == 0, "system");
}

/* The command in a process of its own, and this home swept. */
static void cleaned(void)
{
    same(system(ONECOPY_TOOL " clean >/dev/null 2>&1"), 0, "onecopy clean");
}

static void every_path(int cmd, const char *name)
{
    int fd = open(twin.path[LIBC], O_RDWR), reader;

    take(fd, cmd);
    held(true, "to begin with");
    reader = open(twin.path[LIBC], O_RDONLY);
    held(true, "after opening it again");
    hot(reader);
    hot(fd);
    held(true, "after hot reads");
    sweep(reader);
    held(true, "after sections came and went");
    big(reader, SIZE - 10);
    big(fd, SIZE - 4000);
    held(true, "after memory was lent and freed");
    other_process();
    held(true, "after another process came and went");
    strangers();
    held(true, "after strangers were opened and closed");
    cleaned();
    held(true, "after the home was cleaned");
    for (int k = 0; k < 20; k++)
        side_read(LIBC, reader, b.at[LIBC], 10);
    held(true, "after offsets moved");
    set(fd, cmd, F_UNLCK);
    held(false, "after it was given back");
    close(reader);
    close(fd);
    report(name);
}

/* The kernel's own rule stands as well: the program's close of another descriptor
 * releases its record locks. */
static void kernels_rule(void)
{
    int fd = open(twin.path[LIBC], O_RDWR), reader = open(twin.path[LIBC], O_RDONLY);

    take(fd, F_SETLK);
    hot(reader);
    close(reader);
    held(false, "after the program closed another descriptor");
    close(fd);
    report("the program's own close releases its locks, as in the kernel");
}

/* A lock of the description goes with the last descriptor, sections or not. */
static void flock_goes(void)
{
    for (int k = 0; k < 4; k++) {
        int fd = open(twin.path[LIBC], O_RDONLY);
        int copy = k % 2 ? dup(fd) : -1;
        expect(flock(fd, LOCK_EX) == 0, "flock");
        hot(fd);
        char *buf = malloc(SIZE);
        side_pread(LIBC, fd, buf, SIZE, 0);
        int other = (int)side_open(RAW, twin.path[LIBC], O_RDONLY, 0);
        expect(flock(other, LOCK_EX | LOCK_NB) < 0, "the lock is held");
        close(fd);
        if (copy >= 0) {
            expect(flock(other, LOCK_EX | LOCK_NB) < 0, "the duplicate holds the lock");
            hot(copy);
            close(copy);
        }
        expect(flock(other, LOCK_EX | LOCK_NB) == 0, "the lock is gone with the descriptor");
        free(buf);
        side_close(RAW, other);
    }
    report("flock locks go with the last descriptor");
}

/* The same for the right to execute what was open for writing. */
static void executable(void)
{
    char path[TWIN_PATH + 20], command[2 * TWIN_PATH];

    snprintf(path, sizeof path, "%s/true.matched", twin_dir());
    snprintf(command, sizeof command, "cp /bin/true %s", path);
    expect(system(command) == 0, "cp");
    int fd = open(path, O_RDWR);
    hot(fd);
    pid_t child = fork();
    if (child == 0) {
        close(fd); /* only the parent's counts */
        execl(path, "true", NULL);
        _exit(errno == ETXTBSY ? 0 : 1);
    }
    child_wait(child, "ETXTBSY while it is open for writing");
    close(fd);
    child = fork();
    if (child == 0) {
        execl(path, "true", NULL);
        _exit(1);
    }
    child_wait(child, "executed after the close");
    report("a file that was open for writing can be executed after its close");
}

/* A write lease is granted only when nobody else has the file open. */
static void lease_granted(void)
{
    int fd = open(twin.path[LIBC], O_RDONLY);

    hot(fd);
    char *buf = malloc(SIZE);
    side_pread(LIBC, fd, buf, SIZE, 0);
    close(fd);
    int other = (int)side_open(RAW, twin.path[LIBC], O_RDWR, 0);
    same(side_fcntl(RAW, other, F_SETLEASE, F_WRLCK), 0, "a write lease after the close");
    side_close(RAW, other);
    free(buf);
    report("nothing of ours keeps the file open after the program's close");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("locks", SIZE);
    b = buffers_make(64 * KB);
    every_path(F_SETLK, "record locks survive every path");
    every_path(F_OFD_SETLK, "locks of the description survive every path");
    every_path(BY_LOCKF, "locks of lockf survive every path");
    kernels_rule();
    flock_goes();
    executable();
    lease_granted();
    return tap_done();
}
