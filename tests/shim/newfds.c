/*
 * A matched descriptor is closed behind the library's back, by system calls that it cannot
 * see, and its number is given out anew by a call that it can: never is it served from the
 * old file.  All calls that return descriptors, one by one.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "../newer.h"
#include "twin.h"

/* Newer than some libc's headers; the same number everywhere. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static struct twin twin;
static char stranger[TWIN_PATH]; /* a file that no rule matches */
static int kept[SIDES];          /* descriptors that some makers need */
static int listener, client;
static DIR *directory;
static FILE *stream;

static char *template(const char *end)
{
    static char name[TWIN_PATH + 30];
    snprintf(name, sizeof name, "%s/XXXXXX%s", twin_dir(), end);
    return name;
}

/* Each makes a descriptor, or several; the lowest number is what counts. */
static int by_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int by_socketpair(void)
{
    int ends[2] = {-1, -1};
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? ends[0] : -1;
}

static void call_listener(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at;
    getsockname(listener, (struct sockaddr *)&at, &len);
    connect(client, (struct sockaddr *)&at, len);
}

static int by_accept(void)
{
    return accept(listener, NULL, NULL);
}

static int by_accept4(void)
{
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static int by_pipe(void)
{
    int ends[2] = {-1, -1};
    return pipe(ends) == 0 ? ends[0] : -1;
}

static int by_pipe2(void)
{
    int ends[2] = {-1, -1};
    return pipe2(ends, O_NONBLOCK) == 0 ? ends[0] : -1;
}

static int by_eventfd(void)
{
    return eventfd(1, EFD_NONBLOCK);
}

static int by_memfd_create(void)
{
    return memfd_create("new", 0);
}

static int by_epoll_create(void)
{
    return epoll_create(1);
}

static int by_epoll_create1(void)
{
    return epoll_create1(0);
}

static int by_timerfd_create(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

static int by_signalfd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return signalfd(-1, &set, SFD_NONBLOCK);
}

static int by_inotify_init(void)
{
    return inotify_init();
}

static int by_inotify_init1(void)
{
    return inotify_init1(IN_NONBLOCK);
}

static int by_fanotify_init(void)
{
    return fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
}

static int by_opendir(void)
{
    directory = opendir("/");
    return directory ? dirfd(directory) : -1;
}

static int by_mkstemp(void)
{
    return mkstemp(template(""));
}

static int by_mkstemp64(void)
{
    return mkstemp64(template(""));
}

static int by_mkostemp(void)
{
    return mkostemp(template(""), O_CLOEXEC);
}

static int by_mkostemp64(void)
{
    return mkostemp64(template(""), O_CLOEXEC);
}

static int by_mkstemps(void)
{
    return mkstemps(template(".new"), 4);
}

static int by_mkstemps64(void)
{
    return mkstemps64(template(".new"), 4);
}

static int by_mkostemps(void)
{
    return mkostemps(template(".new"), 4, O_CLOEXEC);
}

static int by_mkostemps64(void)
{
    return mkostemps64(template(".new"), 4, O_CLOEXEC);
}

static int by_tmpfile(void)
{
    stream = tmpfile();
    return stream ? fileno(stream) : -1;
}

static int by_tmpfile64(void)
{
    stream = tmpfile64();
    return stream ? fileno(stream) : -1;
}

static int by_shm_open(void)
{
    char name[60];
    snprintf(name, sizeof name, "/onecopy-test-newfds-%d", (int)getpid());
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    shm_unlink(name);
    return fd;
}

static int by_posix_openpt(void)
{
    return posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
}

static int by_openpty(void)
{
    int master = -1, slave = -1;
    if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
        return -1;
    fcntl(master, F_SETFL, O_NONBLOCK);
    return master;
}

static int by_openpty_slave(void)
{
    int master = -1, slave = -1;
    side_close(RAW, 0); /* the master's number */
    if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
        return -1;
    fcntl(slave, F_SETFL, O_NONBLOCK);
    return slave;
}

static int by_open_by_handle_at(void)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } u = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount;
    if (name_to_handle_at(AT_FDCWD, stranger, &u.handle, &mount, 0) != 0)
        return -1;
    return open_by_handle_at(kept[0], &u.handle, O_RDONLY);
}

static int by_pidfd_open(void)
{
    int fd = pidfd_open(getpid(), 0);
    long raw = fd < 0 ? OC_SYS_2(SYS_pidfd_open, getpid(), 0) : -1;
    expect(raw < 0, "pidfd_open by the kernel, but not by its name: errno %d", errno);
    return raw >= 0 ? (int)raw : fd;
}

static int by_pidfd_getfd(void)
{
    return pidfd_getfd(kept[1], kept[0], 0);
}

static int by_recvmsg(void)
{
    return (int)side_recv_fd(LIBC, kept[1]);
}

static int by_popen(void)
{
    stream = popen("exec cat /dev/null", "r");
    return stream ? fileno(stream) : -1;
}

static int by_open(void)
{
    return open(stranger, O_RDWR);
}

static int by_openat(void)
{
    return openat(AT_FDCWD, stranger, O_RDONLY);
}

static int by_creat(void)
{
    char path[TWIN_PATH + 10];
    snprintf(path, sizeof path, "%s.new", stranger);
    return creat(path, 0600);
}

static int by_fopen(void)
{
    stream = fopen(stranger, "r");
    return stream ? fileno(stream) : -1;
}

static int by_dup(void)
{
    return dup(kept[0]);
}

static int by_dup_fd(void)
{
    return fcntl(kept[0], F_DUPFD_CLOEXEC, 0);
}

static int by_old_pipe(void)
{
    int (*make)(int *) = (int (*)(int *))dlsym(RTLD_DEFAULT, "__pipe");
    int ends[2] = {-1, -1};
    return make && make(ends) == 0 ? ends[0] : -1;
}

static int by_pipe2_number(void)
{
    int ends[2] = {-1, -1};
    return syscall(SYS_pipe2, ends, 0L) == 0 ? ends[0] : -1;
}

static int by_memfd_number(void)
{
    return (int)syscall(SYS_memfd_create, "new", 0L);
}

static int by_socket_number(void)
{
    return (int)syscall(SYS_socket, (long)AF_UNIX, (long)SOCK_STREAM, 0L);
}

static int by_openat2_number(void)
{
    uint64_t how[3] = {O_RDONLY, 0, 0};
    return (int)syscall(SYS_openat2, (long)AT_FDCWD, stranger, how, (long)sizeof how);
}

static int by_recvmsg_number(void)
{
    char c, room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {&c, 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    int fd = -1;

    if (syscall(SYS_recvmsg, (long)kept[1], &m, 0L) == 1 && CMSG_FIRSTHDR(&m))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

static const struct maker {
    const char *name;
    int (*make)(void);
    void (*before)(void);
} makers[] = {
    {"socket", by_socket, NULL},
    {"socketpair", by_socketpair, NULL},
    {"accept", by_accept, call_listener},
    {"accept4", by_accept4, call_listener},
    {"pipe", by_pipe, NULL},
    {"pipe2", by_pipe2, NULL},
    {"eventfd", by_eventfd, NULL},
    {"memfd_create", by_memfd_create, NULL},
    {"epoll_create", by_epoll_create, NULL},
    {"epoll_create1", by_epoll_create1, NULL},
    {"timerfd_create", by_timerfd_create, NULL},
    {"signalfd", by_signalfd, NULL},
    {"inotify_init", by_inotify_init, NULL},
    {"inotify_init1", by_inotify_init1, NULL},
    {"fanotify_init", by_fanotify_init, NULL},
    {"opendir", by_opendir, NULL},
    {"mkstemp", by_mkstemp, NULL},
    {"mkstemp64", by_mkstemp64, NULL},
    {"mkostemp", by_mkostemp, NULL},
    {"mkostemp64", by_mkostemp64, NULL},
    {"mkstemps", by_mkstemps, NULL},
    {"mkstemps64", by_mkstemps64, NULL},
    {"mkostemps", by_mkostemps, NULL},
    {"mkostemps64", by_mkostemps64, NULL},
    {"tmpfile", by_tmpfile, NULL},
    {"tmpfile64", by_tmpfile64, NULL},
    {"shm_open", by_shm_open, NULL},
    {"posix_openpt", by_posix_openpt, NULL},
    {"openpty", by_openpty, NULL},
    {"openpty, as the slave", by_openpty_slave, NULL},
    {"open_by_handle_at", by_open_by_handle_at, NULL},
    {"pidfd_open", by_pidfd_open, NULL},
    {"pidfd_getfd", by_pidfd_getfd, NULL},
    {"recvmsg", by_recvmsg, NULL},
    {"popen", by_popen, NULL},
    {"open", by_open, NULL},
    {"openat", by_openat, NULL},
    {"creat", by_creat, NULL},
    {"fopen", by_fopen, NULL},
    {"dup", by_dup, NULL},
    {"fcntl(F_DUPFD_CLOEXEC)", by_dup_fd, NULL},
    {"__pipe", by_old_pipe, NULL},
    {"pipe2 by number", by_pipe2_number, NULL},
    {"memfd_create by number", by_memfd_number, NULL},
    {"socket by number", by_socket_number, NULL},
    {"openat2 by number", by_openat2_number, NULL},
    {"recvmsg by number", by_recvmsg_number, NULL},
};

static void listen_on(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&at, sizeof at.sun_family); /* a name of its own */
    listen(listener, 1);
}

/* What the maker needs, at numbers above the one that is to be reused. */
static void needs(const struct maker *maker)
{
    int ends[2];

    listen_on();
    kept[0] = open(stranger, O_RDONLY);
    kept[1] = pidfd_open(getpid(), 0);
    if ((maker->make == by_recvmsg || maker->make == by_recvmsg_number) &&
        socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
        side_send_fd(LIBC, ends[0], kept[0]);
        kept[1] = ends[1];
    }
    if (maker->before)
        maker->before();
}

/* In a child of its own, as descriptors are left behind. */
static void made_anew(const struct maker *maker)
{
    char buf[SIDES][64];
    struct pair p = pair_open(&twin, O_RDONLY);
    int fd = p.fd[LIBC];

    needs(maker);
    for (int i = 0; i < 60; i++)
        side_pread(LIBC, fd, buf[LIBC], 64, 5000);
    side_read(LIBC, fd, buf[LIBC], 64);
    side_close(RAW, fd);
    int made = maker->make();
    if (made < 0) /* not allowed here: nothing to be seen */
        _exit(77);
    expect(made == fd, "%s gave %d, not %d", maker->name, made, fd);
    side_fcntl(RAW, made, F_SETFL, side_fcntl(RAW, made, F_GETFL, 0) | O_NONBLOCK);
    for (int i = 0; i < 3; i++) {
        memset(buf, 1, sizeof buf);
        same(side_pread(LIBC, made, buf[LIBC], 64, 5000), side_pread(RAW, made, buf[RAW], 64, 5000),
             "%s: pread", maker->name);
        expect(memcmp(buf[LIBC], buf[RAW], 64) == 0, "%s: bytes of the old file", maker->name);
        same(side_lseek(LIBC, made, 0, SEEK_CUR), side_lseek(RAW, made, 0, SEEK_CUR), "%s: lseek",
             maker->name);
    }
    child_done();
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("newfds", 200 * KB);
    snprintf(stranger, sizeof stranger, "%s/stranger", twin_dir());
    int fd = (int)side_open(RAW, stranger, O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 2000; i++)
        side_write(RAW, fd, "a stranger", 10);
    side_close(RAW, fd);
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        int status = 0;
        char name[100];
        pid_t child = fork();
        if (child == 0)
            made_anew(&makers[i]);
        waitpid(child, &status, 0);
        snprintf(name, sizeof name, "a number given out anew by %s", makers[i].name);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
            skip(name, "it cannot be called here");
            continue;
        }
        expect(status == 0, "status %#x", (unsigned)status);
        report(name);
    }
    return tap_done();
}
