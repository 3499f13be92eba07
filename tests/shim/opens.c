/* Every way to open, with flags under which nothing may be served. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "twin.h"

/* What _FORTIFY_SOURCE makes of open; and glibc's own other names. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);

static struct twin twin;
static struct buffers b;

typedef int open_fn(const char *path, int flags);

static int by_open(const char *path, int flags)
{
    return open(path, flags);
}

static int by_open64(const char *path, int flags)
{
    return open64(path, flags);
}

static int by_openat(const char *path, int flags)
{
    return openat(AT_FDCWD, path, flags);
}

static int by_openat64(const char *path, int flags)
{
    int dir = open(twin_dir(), O_RDONLY | O_DIRECTORY);
    int fd = openat64(dir, strrchr(path, '/') + 1, flags);
    int error = errno;

    close(dir);
    errno = error;
    return fd;
}

static int by_openat_2(const char *path, int flags)
{
    return __openat_2(AT_FDCWD, path, flags);
}

static int by_openat64_2(const char *path, int flags)
{
    return __openat64_2(AT_FDCWD, path, flags);
}

static int by_under_open(const char *path, int flags)
{
    return __open(path, flags);
}

static int by_under_open64(const char *path, int flags)
{
    return __open64(path, flags);
}

static const struct {
    const char *name;
    open_fn *open;
} ways[] = {
    {"open", by_open},           {"open64", by_open64},
    {"openat", by_openat},       {"openat64", by_openat64},
    {"__open_2", __open_2},      {"__open64_2", __open64_2},
    {"__openat_2", by_openat_2}, {"__openat64_2", by_openat64_2},
    {"__open", by_under_open},   {"__open64", by_under_open64},
};

static const struct {
    const char *name;
    int flags;
} modes[] = {
    {"O_RDONLY", O_RDONLY},
    {"O_CLOEXEC", O_RDONLY | O_CLOEXEC},
    {"O_NONBLOCK", O_RDONLY | O_NONBLOCK},
    {"O_NOFOLLOW and O_NOATIME", O_RDONLY | O_NOFOLLOW | O_NOATIME},
    {"O_SYNC", O_RDONLY | O_SYNC},
    {"O_RDWR", O_RDWR},
    {"O_WRONLY", O_WRONLY},
    {"O_WRONLY | O_APPEND", O_WRONLY | O_APPEND},
    {"O_RDWR | O_APPEND", O_RDWR | O_APPEND},
    {"O_APPEND", O_RDONLY | O_APPEND},
    {"O_PATH", O_PATH},
    {"O_DIRECT", O_RDONLY | O_DIRECT},
    {"O_DIRECTORY of a file", O_RDONLY | O_DIRECTORY},
    {"access mode 3", O_ACCMODE},
    {"O_EXCL without O_CREAT", O_RDONLY | O_EXCL},
};

/* What a program may do with a descriptor, whatever it is. */
static void use(const struct pair *p)
{
    for (int k = 0; k < 30; k++) {
        same_read(p, &b, 100);
        same_pread(p, &b, 100, 4000);
        same_lseek(p, 10, SEEK_CUR);
    }
    same_read(p, &b, 4096);
    same_lseek(p, 4096, SEEK_SET);
    same_read(p, &b, 8192);
    same_pread(p, &b, 400000, 1);
    same_lseek(p, -5, SEEK_END);
    same_read(p, &b, 10);
    /* With 32 bits open64 adds a flag, which is O_LARGEFILE there and 0 elsewhere. */
    same(side_fcntl(LIBC, p->fd[LIBC], F_GETFL, 0) & ~O_LARGEFILE,
         side_fcntl(RAW, p->fd[RAW], F_GETFL, 0) & ~O_LARGEFILE, "F_GETFL");
    same(side_fcntl(LIBC, p->fd[LIBC], F_GETFD, 0), side_fcntl(RAW, p->fd[RAW], F_GETFD, 0),
         "F_GETFD");
}

static void every_flag(open_fn *way, const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct pair p;
        p.fd[LIBC] = (int)side_result(way(twin.path[LIBC], modes[i].flags));
        p.fd[RAW] = (int)side_open(RAW, twin.path[RAW], modes[i].flags, 0);
        if (p.fd[LIBC] < 0 || p.fd[RAW] < 0) {
            same(p.fd[LIBC], p.fd[RAW], "%s with %s", name, modes[i].name);
            continue;
        }
        use(&p);
        pair_close(&p);
    }
    report(name);
}

/* A name's descriptor, not the file's: nothing is read by it, nor by what it is duplicated to;
 * what is opened through it is read as ever. */
static void path_only(void)
{
    struct pair p = pair_open(&twin, O_PATH), q;
    char link[40];

    use(&p);
    for (enum side s = LIBC; s < SIDES; s++)
        q.fd[s] = (int)side_dup(s, p.fd[s]);
    use(&q);
    pair_close(&q);
    for (enum side s = LIBC; s < SIDES; s++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", p.fd[s]);
        q.fd[s] = (int)side_open(s, link, O_RDONLY, 0);
    }
    expect(q.fd[LIBC] >= 0 && q.fd[RAW] >= 0, "open through /proc/self/fd");
    use(&q);
    /* The number of a file that was read, taken over by one that may not be. */
    for (enum side s = LIBC; s < SIDES; s++)
        same(side_dup2(s, p.fd[s], q.fd[s]), q.fd[s], "dup2");
    use(&q);
    pair_close(&q);
    pair_close(&p);
    report("O_PATH: nothing is read by it");
}

static void missing(void)
{
    static const char *const bad[] = {"/nonexistent/x.matched", "", "/dev/null/x.matched"};

    for (size_t i = 0; i < 3; i++)
        same(side_open(LIBC, bad[i], O_RDONLY, 0), side_open(RAW, bad[i], O_RDONLY, 0), "open(%s)",
             bad[i]);
    same(side_open(LIBC, NULL, O_RDONLY, 0), side_open(RAW, NULL, O_RDONLY, 0), "open(NULL)");
    same(side_open(LIBC, (char *)8, O_RDONLY, 0), side_open(RAW, (char *)8, O_RDONLY, 0),
         "open(8)");
    same(side_result(openat(9999, "x.matched", O_RDONLY)), -EBADF, "openat(9999)");
    report("what cannot be opened");
}

static void created(void)
{
    static const mode_t modes_given[] = {0600, 0644, 0, 0777};
    struct stat st;

    umask(027);
    for (int k = 0; k < 4; k++) {
        char path[TWIN_PATH + 20];
        snprintf(path, sizeof path, "%s/new%d.matched", twin_dir(), k);
        int fd = k == 0   ? open(path, O_CREAT | O_RDWR | O_EXCL, modes_given[k])
                 : k == 1 ? open64(path, O_CREAT | O_RDWR, modes_given[k])
                 : k == 2 ? openat(AT_FDCWD, path, O_CREAT | O_WRONLY, modes_given[k])
                          : creat(path, modes_given[k]);
        expect(fd >= 0 && fstat(fd, &st) == 0, "create %s", path);
        same(st.st_mode & 07777, modes_given[k] & ~027u, "mode of %s", path);
        same(open(path, O_CREAT | O_EXCL | O_RDWR, 0600), -1, "O_EXCL on an existing file");
        expect(errno == EEXIST, "EEXIST");
        close(fd);
    }
    report("files made by open and creat have the mode asked for");
}

/* Written and read back through one descriptor. */
static void written(void)
{
    struct twin scratch = twin_make("scratch", 10000);
    static const int flags[] = {O_RDWR, O_RDWR | O_APPEND, O_RDWR | O_TRUNC};

    for (size_t i = 0; i < 3; i++) {
        struct pair p = pair_open(&scratch, flags[i]);
        for (int k = 0; k < 100; k++) {
            same(side_write(LIBC, p.fd[LIBC], "abcdefgh", 8),
                 side_write(RAW, p.fd[RAW], "abcdefgh", 8), "write");
            same_kernel_offset(&p, "of a writable descriptor");
            same_lseek(&p, 0, SEEK_CUR);
            same_pread(&p, &b, 100, k * 60);
            same_read(&p, &b, 10);
            same_lseek(&p, -3, SEEK_CUR);
        }
        pair_close(&p);
    }
    report("writable descriptors see what they write");
}

static void without_a_name(void)
{
    struct pair p;

    for (enum side s = LIBC; s < SIDES; s++)
        p.fd[s] = (int)side_open(s, twin_dir(), O_TMPFILE | O_RDWR, 0600);
    same(p.fd[LIBC] >= 0, p.fd[RAW] >= 0, "O_TMPFILE");
    if (p.fd[LIBC] >= 0 && p.fd[RAW] >= 0) {
        for (enum side s = LIBC; s < SIDES; s++)
            side_write(s, p.fd[s], "some bytes", 10);
        use(&p);
        pair_close(&p);
    }
    report("O_TMPFILE");
}

static void directories(void)
{
    char path[TWIN_PATH + 20], buf[100];

    snprintf(path, sizeof path, "%s/dir.matched", twin_dir());
    expect(mkdir(path, 0700) == 0, "mkdir");
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    expect(fd >= 0, "open of a directory");
    same(side_read(LIBC, fd, buf, 100), -EISDIR, "read of a directory");
    same(side_pread(LIBC, fd, buf, 100, 0), -EISDIR, "pread of a directory");
    same(side_lseek(LIBC, fd, 0, SEEK_CUR), 0, "lseek of a directory");
    close(fd);
    same(side_open(LIBC, path, O_WRONLY, 0), -EISDIR, "writing a directory");
    report("directories under a matching name");
}

static void fifos(void)
{
    char path[TWIN_PATH + 20], buf[100];

    snprintf(path, sizeof path, "%s/fifo.matched", twin_dir());
    expect(mkfifo(path, 0600) == 0, "mkfifo");
    int fd = open(path, O_RDWR);
    expect(fd >= 0 && write(fd, "hello", 5) == 5, "open and write");
    same(side_read(LIBC, fd, buf, 100), 5, "read of a fifo");
    same(side_pread(LIBC, fd, buf, 100, 0), -ESPIPE, "pread of a fifo");
    same(side_lseek(LIBC, fd, 0, SEEK_CUR), -ESPIPE, "lseek of a fifo");
    close(fd);
    report("fifos under a matching name");
}

static void links(void)
{
    char sym[SIDES][TWIN_PATH + 20], unmatched[TWIN_PATH + 20];
    struct pair p;

    snprintf(sym[LIBC], sizeof sym[LIBC], "%s/link.matched", twin_dir());
    snprintf(sym[RAW], sizeof sym[RAW], "%s/link.twin", twin_dir());
    for (enum side s = LIBC; s < SIDES; s++)
        expect(symlink(twin.path[s], sym[s]) == 0, "symlink");
    for (enum side s = LIBC; s < SIDES; s++)
        p.fd[s] = (int)side_open(s, sym[s], O_RDONLY, 0);
    use(&p);
    pair_close(&p);
    same(side_open(LIBC, sym[LIBC], O_RDONLY | O_NOFOLLOW, 0),
         side_open(RAW, sym[RAW], O_RDONLY | O_NOFOLLOW, 0), "O_NOFOLLOW of a symlink");
    snprintf(unmatched, sizeof unmatched, "/proc/self/fd/%d", open(twin.path[LIBC], O_RDONLY));
    p.fd[LIBC] = (int)side_open(LIBC, unmatched, O_RDONLY, 0);
    p.fd[RAW] = (int)side_open(RAW, twin.path[RAW], O_RDONLY, 0);
    use(&p);
    pair_close(&p);
    report("symlinks, /proc/self/fd");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("opens", 1 * MB + 9);
    b = buffers_make(512 * KB);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        every_flag(ways[i].open, ways[i].name);
    path_only();
    missing();
    created();
    written();
    without_a_name();
    directories();
    fifos();
    links();
    return tap_done();
}
