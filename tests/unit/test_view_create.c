/*
 * Files that appear at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <CUnit/CUnit.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"
#include "view_file.h"

static char dir[64], path[128];

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/onecopy-create-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
}

static unsigned names(void)
{
    DIR *d = opendir(dir);
    unsigned n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void remove_dir(void)
{
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static int content_is(const char *text)
{
    char buf[100] = "";
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, buf, sizeof buf);
    close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0;
}

static void create_fails(const char *at, uint64_t size, unsigned flags, int cause)
{
    CU_ASSERT_PTR_NULL(onecopy_create(at, size, 0600, flags));
    CU_ASSERT_EQUAL(errno, cause);
}

static void test_create(void)
{
    struct onecopy_file *a, *b, *c;
    struct onecopy_view v, w;
    struct stat64 st;
    make_dir();
    errno = 77;
    a = onecopy_create(path, 100000, 0600, ONECOPY_EXCLUSIVE | ONECOPY_SYNC);
    CU_ASSERT_EQUAL(errno, 77);
    b = onecopy_create(path, 100000, 0600, 0);
    c = onecopy_create(path, 200000, 0600, 0);
    CU_ASSERT_FATAL(a && b && c);
    create_fails(path, 10, ONECOPY_EXCLUSIVE, EEXIST);
    CU_ASSERT_EQUAL(onecopy_size(a), 200000);
    CU_ASSERT_EQUAL(onecopy_get(a, 150000, 3, &v), 0);
    CU_ASSERT_EQUAL(onecopy_get(b, 150000, 3, &w), 0);
    memcpy(v.data, "abc", 3);
    CU_ASSERT_EQUAL(memcmp(w.data, "abc", 3), 0);
    CU_ASSERT_EQUAL(stat64(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_TRUE(st.st_blocks * 512 >= 200000);
    onecopy_release(&v);
    onecopy_release(&w);
    CU_ASSERT_EQUAL(names(), 1);
    onecopy_close(a);
    onecopy_close(b);
    onecopy_close(c);
    remove_dir();
}

static void test_sparse(void)
{
    struct onecopy_file *file;
    struct onecopy_view view;
    struct stat64 st;
    make_dir();
    file = onecopy_create(path, 6ULL << 30, 0600, ONECOPY_SPARSE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(stat64(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 6LL << 30);
    CU_ASSERT_TRUE(st.st_blocks * 512 < 1 << 20);
    CU_ASSERT_EQUAL(onecopy_get(file, (6ULL << 30) - 10, 10, &view), 0);
    memcpy(view.data, "0123456789", 10);
    onecopy_release(&view);
    onecopy_close(file);
    remove_dir();
}

/* What has a name from the start is renamed in the end. */
static int publish_unrenamed(void *arg)
{
    (void)arg;
    if (!scratch_forbid(SYS_renameat2, 0, 0, 0, EIO))
        return 77;
    return onecopy_publish(path, "x", 1, 0600, 0) == 0 && content_is("x") ? 0 : 1;
}

/* Without nameless files, and with a kernel that cannot rename without replacing, or can. */
static int publish_named(void *arg)
{
    const int *rename_error = arg;
    const uint32_t nameless = O_TMPFILE & ~O_DIRECTORY;
    struct onecopy_file *file;
    if (!scratch_forbid(SYS_openat, 2, nameless, nameless, EOPNOTSUPP) ||
        (*rename_error && !scratch_forbid(SYS_renameat2, 0, 0, 0, *rename_error)))
        return 77;
    if (onecopy_publish(path, "x", 1, 0600, 0) != 0 || !content_is("x") || names() != 1)
        return 1;
    if (onecopy_publish(path, "y", 1, 0600, 0) != -1 || errno != EEXIST || names() != 1)
        return 2;
    if (onecopy_publish(path, "z", 1, 0600, ONECOPY_REPLACE) != 0 || !content_is("z"))
        return 3;
    unlink(path);
    file = onecopy_create(path, 5000, 0600, 0);
    if (!file || names() != 1 || onecopy_size(file) != 5000)
        return 4;
    onecopy_close(file);
    return content_is("z") || names() != 1 ? 5 : 0;
}

static void test_named(void)
{
    static const int errors[] = {0, EINVAL, ENOSYS};
    make_dir();
    for (int i = 0; i < 3; i++) {
        int error = errors[i], status = oc_tap_child(publish_named, &error);
        CU_ASSERT(status == 0 || status == 77);
        unlink(path);
    }
    remove_dir();
}

/* Whoever is killed meanwhile leaves nothing: the file has no name but its own, where the file
 * system can do that. */
static void test_nameless(void)
{
    int fd, status;
    make_dir();
    fd = open(dir, O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0) {
        close(fd);
        status = oc_tap_child(publish_unrenamed, NULL);
        CU_ASSERT(status == 0 || status == 77);
    }
    remove_dir();
}

static int too_big(void *arg)
{
    struct rlimit limit = {100000, 100000};
    struct onecopy_file *file;
    char data[200000] = {0};
    (void)arg;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (onecopy_create(path, 200000, 0600, 0) || errno != EFBIG)
        return 1;
    if (onecopy_publish(path, data, sizeof data, 0600, 0) != -1 || errno != EFBIG)
        return 2;
    file = onecopy_create(path, 50000, 0600, 0);
    if (!file || onecopy_grow(file, 100000) || onecopy_grow(file, 100001) != -1 || errno != EFBIG)
        return 3;
    return onecopy_extend(file, 1) == -1 && errno == EFBIG ? 0 : 4;
}

static void test_errors(void)
{
    char below[160];
    make_dir();
    create_fails(path, 10, 1u << 30, EINVAL);
    create_fails(path, UINT64_MAX, 0, EFBIG);
    create_fails(dir, 10, 0, EISDIR);
    create_fails("", 10, 0, ENOENT);
    snprintf(below, sizeof below, "%s/none/file", dir);
    create_fails(below, 10, 0, ENOENT);
    create_fails(below, 10, ONECOPY_EXCLUSIVE, ENOENT);
    CU_ASSERT_EQUAL(onecopy_publish(below, "x", 1, 0600, 0), -1);
    CU_ASSERT_EQUAL(errno, ENOENT);
    CU_ASSERT_EQUAL(onecopy_publish(path, "x", 1, 0600, ONECOPY_WRITE), -1);
    CU_ASSERT_EQUAL(errno, EINVAL);
    CU_ASSERT_EQUAL(names(), 0);
    CU_ASSERT_EQUAL(oc_tap_child(too_big, NULL), 0);
    CU_ASSERT_EQUAL(names(), 1);
    remove_dir();
}

static void test_publish(void)
{
    make_dir();
    CU_ASSERT_EQUAL(onecopy_publish(path, "one", 3, 0640, 0), 0);
    CU_ASSERT_TRUE(content_is("one"));
    CU_ASSERT_EQUAL(onecopy_publish(path, "two", 3, 0640, 0), -1);
    CU_ASSERT_EQUAL(errno, EEXIST);
    CU_ASSERT_TRUE(content_is("one"));
    CU_ASSERT_EQUAL(onecopy_publish(path, "three", 5, 0640, ONECOPY_REPLACE | ONECOPY_SYNC), 0);
    CU_ASSERT_TRUE(content_is("three"));
    CU_ASSERT_EQUAL(onecopy_publish(path, "", 0, 0640, ONECOPY_REPLACE), 0);
    CU_ASSERT_TRUE(content_is(""));
    CU_ASSERT_EQUAL(names(), 1);
    remove_dir();
}

static int in_its_directory(void *arg)
{
    (void)arg;
    return chdir(dir) || onecopy_publish("file", "here", 4, 0600, ONECOPY_SYNC);
}

static void test_relative(void)
{
    make_dir();
    CU_ASSERT_EQUAL(oc_tap_child(in_its_directory, NULL), 0);
    CU_ASSERT_TRUE(content_is("here"));
    remove_dir();
}

/* Everybody creates, and counts in what they got. */
static int creator(void *arg)
{
    struct onecopy_file *file = onecopy_create(path, 8, 0600, 0);
    struct onecopy_view view;
    (void)arg;
    if (!file || onecopy_get(file, 0, 8, &view))
        return 1;
    __atomic_fetch_add((uint64_t *)view.data, 1, __ATOMIC_RELAXED);
    return 0;
}

static void test_creators_meet(void)
{
    enum { ROUNDS = 20, CREATORS = 6 };
    make_dir();
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t pids[CREATORS];
        uint64_t sum = 0;
        int fd;
        for (unsigned i = 0; i < CREATORS; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                alarm(60);
                _exit(creator(NULL));
            }
        }
        for (unsigned i = 0; i < CREATORS; i++) {
            int status = -1;
            waitpid(pids[i], &status, 0);
            CU_ASSERT_EQUAL(status, 0);
        }
        fd = open(path, O_RDONLY);
        CU_ASSERT_EQUAL(read(fd, &sum, 8), 8);
        CU_ASSERT_EQUAL(sum, CREATORS);
        close(fd);
        CU_ASSERT_EQUAL(names(), 1);
        unlink(path);
    }
    remove_dir();
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"create and size", test_create},
        {"a sparse file of 6 GiB", test_sparse},
        {"errors", test_errors},
        {"publish", test_publish},
        {"a file without a name until it is whole", test_nameless},
        {"where files have names from the start", test_named},
        {"a relative name", test_relative},
        {"creators at the same time get one file", test_creators_meet},
        {NULL, NULL},
    };
    return oc_tap_suite("view create", tests);
}
