/*
 * An identity stays as long as nothing happens to the file, and only so long.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/identity.h"
#include "scratch.h"
#include "tap.h"

static void test_stable(void)
{
    int fd = scratch_file("/tmp", 10000, 1);
    struct oc_identity a, b;
    char byte;

    CU_ASSERT_FATAL(fd >= 0);
    memset(&a, 0x55, sizeof(a));
    memset(&b, 0xaa, sizeof(b));
    errno = 77;
    CU_ASSERT_EQUAL(oc_identity_of(fd, &a), 0);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, 5000), 1);
    CU_ASSERT_EQUAL(oc_identity_of(fd, &b), 0);
    CU_ASSERT_EQUAL(errno, 77);
    CU_ASSERT(oc_identity_equal(&a, &b));
    CU_ASSERT_EQUAL(a.size, 10000);
    close(fd);
}

static void test_changes(void)
{
    struct timespec times[2] = {{0, UTIME_OMIT}, {12345, 678}};
    int fd = scratch_file("/tmp", 10000, 1);
    struct oc_identity a, b;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(oc_identity_of(fd, &a), 0);
    CU_ASSERT_EQUAL(futimens(fd, times), 0);
    CU_ASSERT_EQUAL(oc_identity_of(fd, &b), 0);
    CU_ASSERT(!oc_identity_equal(&a, &b));
    CU_ASSERT_EQUAL(b.mtime_sec, 12345);
    CU_ASSERT_EQUAL(b.mtime_nsec, 678);
    CU_ASSERT_EQUAL(ftruncate(fd, 9999), 0);
    CU_ASSERT_EQUAL(oc_identity_of(fd, &a), 0);
    CU_ASSERT(!oc_identity_equal(&a, &b));
    close(fd);
}

static void test_two_files(void)
{
    int fd = scratch_file("/tmp", 100, 1), other = scratch_file("/tmp", 100, 1);
    int shm = scratch_file("/dev/shm", 100, 1);
    struct oc_identity a, b, c;

    CU_ASSERT_EQUAL(oc_identity_of(fd, &a), 0);
    CU_ASSERT_EQUAL(oc_identity_of(other, &b), 0);
    CU_ASSERT_EQUAL(oc_identity_of(shm, &c), 0);
    CU_ASSERT(!oc_identity_equal(&a, &b));
    CU_ASSERT_EQUAL(memcmp(a.fs, b.fs, sizeof(a.fs)), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(a.fs, c.fs, sizeof(a.fs)), 0);
    CU_ASSERT_EQUAL(memcmp(a.boot, c.boot, sizeof(a.boot)), 0);
    close(fd);
    close(other);
    close(shm);
}

/* A copy of a file system in its place: equal in every number but not the same. */
static int mount_copies(void *arg)
{
    static const char script[] =
        "set -e; d=$0; dd if=/dev/zero of=$d/a bs=1M count=4 2>/dev/null; mkfs.ext4 -q $d/a\n"
        "mkdir $d/m; mount -o loop $d/a $d/m; echo hello >$d/m/f; umount $d/m\n";
    struct oc_identity a[3];
    char *dir = arg, text[1000], path[300];

    setenv("DIR", dir, 1);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 77;
    snprintf(text, sizeof(text), "sh -c '%s' %s 2>/dev/null", script, dir);
    if (system(text) != 0)
        return 77;
    snprintf(path, sizeof(path), "%s/m/f", dir);
    for (int i = 0; i < 2; i++) {
        int fd;

        if (system("mount -o loop,noatime $DIR/a $DIR/m 2>/dev/null") != 0)
            return 77;
        fd = open(path, O_RDONLY);
        if (oc_identity_of(fd, &a[i]) != 0 || oc_identity_of(fd, &a[2]) != 0 ||
            !oc_identity_equal(&a[i], &a[2]))
            return 1;
        close(fd);
        if (system("umount $DIR/m") != 0)
            return 2;
    }
    return oc_identity_equal(&a[0], &a[1]) ? 3 : 0;
}

static void test_mounted_again(void)
{
    char dir[] = "/tmp/onecopy-test-XXXXXX", command[100];
    int ret;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    ret = oc_tap_child(mount_copies, dir);
    if (ret == 77)
        printf("# not allowed to mount: a second mounting was not tried\n");
    else
        CU_ASSERT_EQUAL(ret, 0);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void test_boot(void)
{
    static const uint8_t zero[16];
    uint8_t boot[16], again[16];

    CU_ASSERT_EQUAL(oc_identity_boot(boot), 0);
    CU_ASSERT_EQUAL(oc_identity_boot(again), 0);
    CU_ASSERT_EQUAL(memcmp(boot, again, sizeof(boot)), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(boot, zero, sizeof(boot)), 0);
}

static void test_refused(void)
{
    struct oc_identity a;
    int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CU_ASSERT_EQUAL(oc_identity_of(dir, &a), -EINVAL);
    CU_ASSERT_EQUAL(oc_identity_of(-1, &a), -EBADF);
    close(dir);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"reading a file leaves its identity as it is", test_stable},
        {"times and size are part of it", test_changes},
        {"inode and file system are part of it", test_two_files},
        {"mounting again is part of it", test_mounted_again},
        {"the boot id is found", test_boot},
        {"directories and closed descriptors have none", test_refused},
        {NULL, NULL},
    };

    return oc_tap_suite("identity", tests);
}
