/*
 * The raw system calls against libc's, and the arena that stands on them.
 */
#include <CUnit/CUnit.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/sys.h"
#include "tap.h"

static int make_file(const char *content)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    return fd;
}

static void test_page(void)
{
    CU_ASSERT_EQUAL(oc_page, (size_t)sysconf(_SC_PAGESIZE));
    CU_ASSERT_EQUAL(oc_page_down(oc_page + 1), oc_page);
    CU_ASSERT_EQUAL(oc_page_down(oc_page), oc_page);
    CU_ASSERT_EQUAL(oc_page_up(1), oc_page);
    CU_ASSERT_EQUAL(oc_page_up(oc_page), oc_page);
    CU_ASSERT_EQUAL(oc_page_up(0), 0);
    CU_ASSERT_EQUAL(oc_page_down((5ULL << 40) + 7), 5ULL << 40);
}

static void test_errors(void)
{
    char c;
    struct stat st;

    errno = 77;
    CU_ASSERT_EQUAL(oc_sys_open("/nonexistent/file", O_RDONLY, 0), -ENOENT);
    CU_ASSERT_EQUAL(oc_sys_close(-1), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_read(-1, &c, 1), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_write(-1, &c, 1), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_pread(-1, &c, 1, 0), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_pwrite(-1, &c, 1, 0), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_lseek(-1, 0, SEEK_CUR), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_ftruncate(-1, 0), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_fstat(-1, &st), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_munmap((void *)1, 1), -EINVAL);
    CU_ASSERT(oc_sys_failed(oc_sys_mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    CU_ASSERT_EQUAL(oc_sys_pread_all(-1, &c, 1, 0), -EBADF);
    CU_ASSERT_EQUAL(oc_sys_pwrite_all(-1, &c, 1, 0), -EBADF);
    CU_ASSERT_EQUAL(errno, 77);
}

static void test_read_write(void)
{
    char buf[16] = "";
    int fd = make_file("0123456789");

    CU_ASSERT_EQUAL(oc_sys_lseek(fd, 3, SEEK_SET), 3);
    CU_ASSERT_EQUAL(oc_sys_read(fd, buf, 4), 4);
    CU_ASSERT_NSTRING_EQUAL(buf, "3456", 4);
    CU_ASSERT_EQUAL(oc_sys_write(fd, "ab", 2), 2);
    CU_ASSERT_EQUAL(oc_sys_pread(fd, buf, sizeof buf, 5), 5);
    CU_ASSERT_NSTRING_EQUAL(buf, "56ab9", 5);
    CU_ASSERT_EQUAL(oc_sys_pwrite(fd, "XY", 2, 0), 2);
    CU_ASSERT_EQUAL(oc_sys_lseek(fd, 0, SEEK_CUR), 9);
    CU_ASSERT_EQUAL(oc_sys_pread_all(fd, buf, 3, 0), 3);
    CU_ASSERT_NSTRING_EQUAL(buf, "XY2", 3);
    CU_ASSERT_EQUAL(oc_sys_pread_all(fd, buf, sizeof buf, 8), 2);
    CU_ASSERT_EQUAL(oc_sys_pread_all(fd, buf, sizeof buf, 10), 0);
    CU_ASSERT_EQUAL(oc_sys_close(fd), 0);
    CU_ASSERT_EQUAL(oc_sys_close(fd), -EBADF);
}

/* Offsets beyond 32 bits. */
static void test_far(void)
{
    const uint64_t far = (5ULL << 32) + 3;
    char buf[4] = "";
    int fd = make_file("");
    struct stat st;

    CU_ASSERT_EQUAL(oc_sys_pwrite_all(fd, "far", 3, far), 0);
    CU_ASSERT_EQUAL(oc_sys_pread_all(fd, buf, sizeof buf, far), 3);
    CU_ASSERT_STRING_EQUAL(buf, "far");
    CU_ASSERT_EQUAL(oc_sys_lseek(fd, 0, SEEK_END), (int64_t)far + 3);
    CU_ASSERT_EQUAL(oc_sys_lseek(fd, -3, SEEK_END), (int64_t)far);
    CU_ASSERT_EQUAL(oc_sys_ftruncate(fd, far - 1), 0);
    if (sizeof(st.st_size) == 8) {
        CU_ASSERT_EQUAL(oc_sys_fstat(fd, &st), 0);
        CU_ASSERT_EQUAL((uint64_t)st.st_size, far - 1);
    } else {
        CU_ASSERT_EQUAL(oc_sys_fstat(fd, &st), -EOVERFLOW);
    }
    oc_sys_close(fd);
}

static void test_fstat(void)
{
    struct stat ours, theirs;
    int fd = make_file("some text");

    CU_ASSERT_EQUAL(oc_sys_fstat(fd, &ours), 0);
    CU_ASSERT_EQUAL(fstat(fd, &theirs), 0);
    CU_ASSERT_EQUAL(ours.st_dev, theirs.st_dev);
    CU_ASSERT_EQUAL(ours.st_ino, theirs.st_ino);
    CU_ASSERT_EQUAL(ours.st_mode, theirs.st_mode);
    CU_ASSERT_EQUAL(ours.st_nlink, theirs.st_nlink);
    CU_ASSERT_EQUAL(ours.st_uid, theirs.st_uid);
    CU_ASSERT_EQUAL(ours.st_size, 9);
    CU_ASSERT_EQUAL(ours.st_blocks, theirs.st_blocks);
    CU_ASSERT_EQUAL(ours.st_mtim.tv_sec, theirs.st_mtim.tv_sec);
    CU_ASSERT_EQUAL(ours.st_ctim.tv_nsec, theirs.st_ctim.tv_nsec);
    oc_sys_close(fd);
}

static void test_mmap(void)
{
    int fd = make_file("");
    char *p;

    CU_ASSERT_EQUAL(oc_sys_pwrite_all(fd, "second page", 11, oc_page), 0);
    p = oc_sys_mmap(NULL, oc_page, PROT_READ, MAP_PRIVATE, fd, oc_page);
    CU_ASSERT_FATAL(!oc_sys_failed(p));
    CU_ASSERT_NSTRING_EQUAL(p, "second page", 11);
    CU_ASSERT_EQUAL(oc_sys_munmap(p, oc_page), 0);
    CU_ASSERT_EQUAL((intptr_t)oc_sys_mmap(NULL, oc_page, PROT_READ, MAP_PRIVATE, fd, 1), -EINVAL);
    CU_ASSERT_EQUAL((intptr_t)oc_sys_mmap(NULL, oc_page, PROT_READ, MAP_PRIVATE, -1, 0), -EBADF);
    CU_ASSERT(!oc_sys_failed(NULL));
    oc_sys_close(fd);
}

static void test_ids_and_clock(void)
{
    struct timespec t;
    uint64_t before, between, after;

    CU_ASSERT_EQUAL(oc_sys_pid(), getpid());
    CU_ASSERT_EQUAL(oc_sys_tid(), gettid());
    before = oc_sys_monotonic();
    clock_gettime(CLOCK_MONOTONIC, &t);
    between = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    after = oc_sys_monotonic();
    CU_ASSERT(before <= between && between <= after);
}

static void test_arena(void)
{
    static const size_t sizes[] = {1, 16, 17, 100, 4096, 20000, 60000, 65536, 1000000, 3};
    char *all[sizeof sizes / sizeof sizes[0]];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        all[i] = oc_arena(sizes[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(all[i]);
        CU_ASSERT_EQUAL((uintptr_t)all[i] % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++)
            CU_ASSERT_FATAL(all[i][j] == 0);
        memset(all[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            CU_ASSERT_FATAL(all[i][j] == (char)(i + 1));
    CU_ASSERT_STRING_EQUAL(oc_arena_copy("name,option", 4), "name");
    CU_ASSERT_STRING_EQUAL(oc_arena_copy("", 0), "");
    CU_ASSERT_PTR_NULL(oc_arena(SIZE_MAX));
    CU_ASSERT_PTR_NULL(oc_arena_copy("x", SIZE_MAX));
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"the page size", test_page},
        {"errors are returned, errno is kept", test_errors},
        {"reading and writing", test_read_write},
        {"offsets beyond 4 GiB", test_far},
        {"fstat", test_fstat},
        {"mmap", test_mmap},
        {"pid, tid and clock", test_ids_and_clock},
        {"the arena", test_arena},
        {NULL, NULL},
    };

    return oc_tap_suite("sys", tests);
}
