/*
 * Which directories are taken for a home, and what a sweep removes from one.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/options.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/home.h"
#include "image/join.h"
#include "image/token.h"
#include "scratch.h"
#include "tap.h"

static char home[200];

static void fresh_home(const char *parent)
{
    const char *dir = scratch_make(parent);

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    strcpy(home, dir);
    oc_options.dir = home;
    oc_options.linger = 0;
}

static int open_and_close(const char *path, bool create)
{
    int dir = oc_home_open(path, create);

    if (dir < 0)
        return dir;
    close(dir);
    return 0;
}

static void test_candidates(void)
{
    char path[OC_HOME_PATH], expected[OC_HOME_PATH];
    unsigned uid = geteuid();

    oc_options.dir = NULL;
    CU_ASSERT(oc_home_candidate(0, path));
    snprintf(expected, sizeof(expected), "/dev/shm/onecopy-%u", uid);
    CU_ASSERT_STRING_EQUAL(path, expected);
    CU_ASSERT(oc_home_candidate(1, path));
    snprintf(expected, sizeof(expected), "/run/nowhere/onecopy-%u", uid);
    CU_ASSERT_STRING_EQUAL(path, expected);
    CU_ASSERT(oc_home_candidate(2, path));
    snprintf(expected, sizeof(expected), "/var/tmp/onecopy-%u", uid);
    CU_ASSERT_STRING_EQUAL(path, expected);
    CU_ASSERT(!oc_home_candidate(3, path));

    oc_options.dir = "/some/where";
    CU_ASSERT(oc_home_candidate(0, path));
    CU_ASSERT_STRING_EQUAL(path, "/some/where");
    CU_ASSERT(!oc_home_candidate(1, path));
}

static void test_made(void)
{
    char path[256];
    struct stat st;
    mode_t mask;

    fresh_home("/dev/shm");
    snprintf(path, sizeof(path), "%s/new", home);
    CU_ASSERT_EQUAL(open_and_close(path, false), -ENOENT);
    mask = umask(0);
    CU_ASSERT_EQUAL(open_and_close(path, true), 0);
    umask(mask);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
    CU_ASSERT_EQUAL(scratch_count(path, "", NULL), 0);
    rmdir(path);
    scratch_remove(home);
}

static int as_stranger(void *arg)
{
    if (setresuid(65534, 65534, 65534) < 0)
        return 99;
    return -open_and_close(arg, true);
}

/* A group's home: named, of root or ours, 2770; what is in it is the group's. */
static void test_groups(void)
{
    char name[OC_HOME_NAME];
    struct stat st;
    bool named;
    int dir, fd;

    fresh_home("/dev/shm");
    chmod(home, 02770);
    CU_ASSERT_EQUAL(open_and_close(home, true), 0);
    dir = oc_home_open(home, false);
    CU_ASSERT(oc_home_is_groups(dir));
    fd = oc_home_temp(dir, name, &named);
    CU_ASSERT(fd >= 0 && fstat(fd, &st) == 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
    close(fd);
    close(dir);
    for (mode_t mode = 0; mode <= 07777; mode++) {
        if (mode == 0700 || mode == 02770)
            continue;
        if (chmod(home, mode) != 0 || open_and_close(home, true) >= 0)
            CU_FAIL("another mode");
    }
    chmod(home, 02770);
    oc_options.dir = NULL; /* not named: it might be anybody's */
    CU_ASSERT_EQUAL(open_and_close(home, true), -EPERM);
    oc_options.dir = home;
    if (geteuid() == 0) {
        CU_ASSERT_EQUAL(chown(home, 12345, 0), 0);
        chmod(home, 02770);
        CU_ASSERT_EQUAL(open_and_close(home, true), -EPERM);
        CU_ASSERT_EQUAL(chown(home, 0, 0), 0);
    }
    chmod(home, 0700);
    scratch_remove(home);
}

static void test_refused(void)
{
    char path[256];

    fresh_home("/dev/shm");
    CU_ASSERT_EQUAL(open_and_close(home, false), 0);
    chmod(home, 0750);
    CU_ASSERT_EQUAL(open_and_close(home, true), -EPERM);
    chmod(home, 0777);
    CU_ASSERT_EQUAL(open_and_close(home, true), -EPERM);
    chmod(home, 01700);
    CU_ASSERT_EQUAL(open_and_close(home, true), -EPERM);
    if (geteuid() == 0) {
        chmod(home, 0755);
        CU_ASSERT_EQUAL(oc_tap_child(as_stranger, home), EPERM);
    }
    chmod(home, 0700);

    snprintf(path, sizeof(path), "%s/link", home);
    CU_ASSERT_EQUAL(symlink(home, path), 0);
    CU_ASSERT(open_and_close(path, true) < 0);
    unlink(path);
    CU_ASSERT_EQUAL(mknod(path, S_IFREG | 0600, 0), 0);
    CU_ASSERT_EQUAL(open_and_close(path, true), -ENOTDIR);
    scratch_remove(home);
}

static void test_room(void)
{
    int dir;
    uint64_t room;

    if (geteuid() != 0)
        return;
    fresh_home("/dev/shm");
    if (mount("none", home, "tmpfs", 0, "size=8m,mode=0700") < 0) {
        scratch_remove(home);
        return;
    }
    dir = oc_home_open(home, false);
    CU_ASSERT_FATAL(dir >= 0);
    room = oc_home_room(dir);
    CU_ASSERT(room <= (7 << 20));
    CU_ASSERT(room >= (6 << 20));
    close(dir);
    umount(home);
    if (mount("none", home, "tmpfs", 0, "size=512k,mode=0700") == 0) {
        dir = oc_home_open(home, false);
        CU_ASSERT_EQUAL(oc_home_room(dir), 0);
        close(dir);
        umount(home);
    }
    scratch_remove(home);
}

/* ---- sweeping ---- */

/* A file of the home, with the header of an image of SHIFT and the word to keep it. */
static void put_image(const char *name, const struct oc_image_form *form, uint64_t until)
{
    char path[300];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", home, name);
    fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pwrite(fd, &form->header, sizeof(form->header), 0), sizeof(form->header));
    CU_ASSERT_EQUAL(pwrite(fd, &until, sizeof(until), OC_IMAGE_KEEP_AT), sizeof(until));
    CU_ASSERT_EQUAL(ftruncate(fd, 1 << 20), 0);
    CU_ASSERT_EQUAL(posix_fallocate(fd, 0, 1 << 20), 0);
    close(fd);
}

static bool there(const char *name)
{
    char path[300];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", home, name);
    return lstat(path, &st) == 0;
}

static void form_of_now(struct oc_image_form *form)
{
    struct oc_identity id;
    int fd = scratch_file("/dev/shm", 100, 1);

    CU_ASSERT_EQUAL(oc_identity_of(fd, &id), 0);
    close(fd);
    oc_image_form(form, &id, 16);
}

static void *token_on(const char *name)
{
    char path[300];
    void *token;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", home, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    token = oc_token_take(fd);
    close(fd);
    return token;
}

static unsigned told;

static void tell(const char *name, uint64_t bytes, const char *what, void *arg)
{
    CU_ASSERT_STRING_EQUAL(strstr(name, ".image"), ".image");
    CU_ASSERT(strcmp(what, "removed") == 0 || strcmp(what, "kept") == 0 ||
              strcmp(what, "in use") == 0);
    CU_ASSERT(bytes >= 1 << 20);
    CU_ASSERT_PTR_EQUAL(arg, &told);
    told++;
}

static void test_sweep(void)
{
    struct oc_image_form form, old;
    struct oc_sweep sum;
    void *token;
    uint64_t now = oc_home_now();
    char path[300];

    fresh_home("/dev/shm");
    form_of_now(&form);
    old = form;
    old.header.id.boot[3] ^= 1;
    put_image("unused.image", &form, 0);
    put_image("expired.image", &form, now - 1);
    put_image("lingering.image", &form, now + 1000);
    put_image("used.image", &form, 0);
    put_image("otherboot.image", &old, now + 1000);
    put_image("half.part", &form, 0);
    put_image("stranger", &form, 0);
    put_image("image", &form, 0);
    snprintf(path, sizeof(path), "%s/garbage.image", home);
    close(open(path, O_CREAT | O_RDWR, 0600));
    CU_ASSERT_EQUAL(truncate(path, 100), 0);
    snprintf(path, sizeof(path), "%s/link.image", home);
    CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/fifo.image", home);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/dir.image", home);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    token = token_on("used.image");
    CU_ASSERT(!oc_sys_failed(token));

    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.removed, 4);
    CU_ASSERT_EQUAL(sum.in_use, 1);
    CU_ASSERT_EQUAL(sum.kept, 1);
    CU_ASSERT(sum.removed_bytes >= 3 << 20);
    CU_ASSERT_EQUAL(sum.in_use_bytes, 1 << 20);
    CU_ASSERT(!there("unused.image") && !there("expired.image") && !there("otherboot.image"));
    CU_ASSERT(!there("garbage.image") && !there("half.part"));
    CU_ASSERT(there("used.image") && there("lingering.image"));
    CU_ASSERT(there("stranger") && there("image") && there("link.image"));
    CU_ASSERT(there("fifo.image") && there("dir.image"));

    told = 0;
    CU_ASSERT_EQUAL(oc_home_sweep(home, true, &sum, tell, &told), 0);
    CU_ASSERT_EQUAL(told, 2);
    CU_ASSERT_EQUAL(sum.removed, 1);
    CU_ASSERT(there("used.image") && !there("lingering.image"));

    oc_token_drop(token);
    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.removed, 1);
    CU_ASSERT(!there("used.image"));
    rmdir(path);
    scratch_remove(home);
}

static void test_sweep_many(void)
{
    struct oc_image_form form;
    struct oc_sweep sum;
    char name[40];

    fresh_home("/tmp");
    form_of_now(&form);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%032d.image", i);
        put_image(name, &form, 0);
    }
    CU_ASSERT(oc_home_has_images(home));
    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.removed, 100);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    CU_ASSERT(!oc_home_has_images(home));
    scratch_remove(home);
    CU_ASSERT(!oc_home_has_images(home));
    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.removed + sum.kept + sum.in_use, 0);
    CU_ASSERT(access(home, F_OK) != 0); /* none is made */
}

/* ---- tokens ---- */

static int fresh_open(const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", home, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int wait_to_be_killed(void *arg)
{
    int *pipe_to = arg;
    char byte = 0;

    if (write(pipe_to[1], &byte, 1) != 1)
        return 1;
    for (;;)
        pause();
}

static void test_token(const char *parent)
{
    struct oc_image_form form;
    int pipe_to[2], fd, status;
    char byte;
    void *token;
    pid_t pid;

    fresh_home(parent);
    form_of_now(&form);
    put_image("a.image", &form, 0);
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_to), 0);
    token = token_on("a.image");
    CU_ASSERT_FATAL(!oc_sys_failed(token));
    fd = fresh_open("a.image");
    CU_ASSERT_EQUAL(oc_token_exclude(fd), -EWOULDBLOCK);
    pid = fork();
    if (pid == 0)
        _exit(wait_to_be_killed(pipe_to));
    CU_ASSERT_EQUAL(read(pipe_to[0], &byte, 1), 1);
    oc_token_drop(token);
    CU_ASSERT_EQUAL(oc_token_exclude(fd), -EWOULDBLOCK); /* the child has inherited it */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CU_ASSERT_EQUAL(oc_token_exclude(fd), 0);
    token = token_on("a.image");
    CU_ASSERT_EQUAL((intptr_t)token, -EWOULDBLOCK);
    oc_token_release(fd);
    token = token_on("a.image");
    CU_ASSERT(!oc_sys_failed(token));
    oc_token_drop(token);
    close(fd);
    close(pipe_to[0]);
    close(pipe_to[1]);
    scratch_remove(home);
}

static void test_token_tmpfs(void)
{
    test_token("/dev/shm");
}

static void test_token_disk(void)
{
    test_token("/var/tmp");
}

/* A file system without such locks is no home; each process finds out for itself. */
static int without_locks(void *arg)
{
    (void)arg;
    if (open_and_close(home, false) != 0 || !scratch_forbid(SYS_flock, 1, 0, 0, EOPNOTSUPP))
        return 1;
    if (open_and_close(home, false) != 0) /* it was found to work */
        return 2;
    fresh_home("/dev/shm");
    int ret = open_and_close(home, false);
    int left = scratch_count(home, "", NULL);
    scratch_remove(home);
    return ret != -ENOTSUP ? 3 : left ? 4 : 0;
}

static void test_self_test(void)
{
    char path[sizeof home];

    fresh_home("/dev/shm");
    snprintf(path, sizeof path, "%s", home);
    CU_ASSERT_EQUAL(oc_tap_child(without_locks, NULL), 0);
    scratch_remove(path);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"a home where locks do not work is refused", test_self_test},
        {"the candidates come in their order", test_candidates},
        {"a home is made, private, and left clean", test_made},
        {"a group's home is named and has its mode", test_groups},
        {"foreign, open and linked directories are refused", test_refused},
        {"room leaves a margin", test_room},
        {"a sweep removes what is unused and nothing else", test_sweep},
        {"a sweep of many", test_sweep_many},
        {"a token lives as long as its last process (tmpfs)", test_token_tmpfs},
        {"a token lives as long as its last process (disk)", test_token_disk},
        {NULL, NULL},
    };

    setenv("XDG_RUNTIME_DIR", "/run/nowhere", 1);
    return oc_tap_suite("home", tests);
}
