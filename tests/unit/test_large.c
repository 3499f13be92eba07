/*
 * Room made of large pages, and the kernel reading right into it.  Where the host has none there is
 * no window: then that is what is looked at.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "image/header.h"
#include "image/large.h"
#include "tap.h"

#define LARGE OC_IMAGE_LARGE
#define SIZE  (5 * LARGE + 12345)

static const char bytes[] = "read by the kernel";
static struct oc_large window;
static int image, data;

static void begin(void)
{
    image = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    data = memfd_create("data", MFD_CLOEXEC);
    CU_ASSERT_FATAL(image >= 0 && data >= 0 && ftruncate(image, SIZE) == 0);
    CU_ASSERT_EQUAL(pwrite(data, bytes, sizeof bytes, 0), (ssize_t)sizeof bytes);
}

static void end(void)
{
    oc_large_release(&window);
    close(image);
    close(data);
}

/* Large pages 1 to 3, and the one in which the range ends; false where the host has none. */
static bool prepare(void)
{
    oc_large_prepare(&window, image, LARGE / 2, 3 * LARGE + 1, SIZE);
    if (!window.room)
        CU_ASSERT_PTR_NULL(oc_large_at(&window, LARGE, 1));
    return window.room;
}

static void test_extent(void)
{
    begin();
    if (prepare()) {
        CU_ASSERT_EQUAL(window.from, LARGE);
        CU_ASSERT_EQUAL(window.to, 4 * LARGE);
        CU_ASSERT_PTR_NULL(oc_large_at(&window, LARGE - 1, 2));
        CU_ASSERT_PTR_NULL(oc_large_at(&window, 4 * LARGE - 1, 2));
        CU_ASSERT_EQUAL(oc_large_at(&window, 4 * LARGE - 1, 1) - oc_large_at(&window, LARGE, 1),
                        (ptrdiff_t)(3 * LARGE - 1));
        /* None behind the image's own end. */
        oc_large_prepare(&window, image, 3 * LARGE, SIZE, SIZE);
        CU_ASSERT(window.room == 0 || window.to == 5 * LARGE);
    }
    end();
}

static void test_filled(void)
{
    char got[sizeof bytes] = "";
    const uint64_t place = 2 * LARGE - 5; /* in two of them */

    begin();
    if (prepare()) {
        char *at = oc_large_at(&window, place, sizeof bytes);

        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at, sizeof bytes, 0), (ssize_t)sizeof bytes);
        CU_ASSERT_EQUAL(pread(image, got, sizeof got, (off_t)place), (ssize_t)sizeof got);
        CU_ASSERT_EQUAL(memcmp(got, bytes, sizeof got), 0);
        /* What is there stays, when the page is prepared again. */
        CU_ASSERT_FATAL(prepare());
        CU_ASSERT_EQUAL(memcmp(oc_large_at(&window, place, sizeof bytes), bytes, sizeof bytes), 0);
    }
    end();
}

static void test_cut(void)
{
    begin();
    if (prepare()) {
        char *at = oc_large_at(&window, 2 * LARGE, sizeof bytes);

        CU_ASSERT_EQUAL(ftruncate(image, 0), 0);
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at, sizeof bytes, 0), -EFAULT);
    }
    end();
}

static int exists(const void *page)
{
    unsigned char in_memory;

    return mincore((void *)(uintptr_t)page, oc_page, &in_memory) == 0;
}

static void test_child(void)
{
    int status = -1;

    begin();
    if (prepare()) {
        const char *at = oc_large_at(&window, LARGE, 1);
        pid_t child = fork();

        if (child == 0)
            _exit(exists(at));
        waitpid(child, &status, 0);
        CU_ASSERT_EQUAL(status, 0);
        CU_ASSERT_EQUAL(exists(at), 1);
        oc_large_release(&window);
        CU_ASSERT_EQUAL(exists(at), 0);
    }
    end();
}

static void test_neighbours(void)
{
    begin();
    if (prepare()) {
        const char *at = window.at;
        char c = 'x';

        /* The kernel may not write there for us either. */
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, (void *)(uintptr_t)(at - 1), 1, 0), -EFAULT);
        CU_ASSERT_EQUAL(
            oc_sys_pread_once(data, (void *)(uintptr_t)(at + (window.to - window.from)), 1, 0),
            -EFAULT);
        CU_ASSERT_EQUAL(pread(image, &c, 1, (off_t)window.to), 1);
        CU_ASSERT_EQUAL(c, 0);
    }
    end();
}

static void test_others(void)
{
    begin();
    if (prepare()) {
        char *at = oc_large_at(&window, 2 * LARGE, 1);

        /* Only what was asked for last. */
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at + LARGE, 1, 0), -EFAULT);
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at - 1, 1, 0), -EFAULT);
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at + LARGE - 1, 1, 0), 1);
        oc_large_at(&window, 3 * LARGE, 1);
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at, 1, 0), -EFAULT);
        CU_ASSERT_EQUAL(oc_sys_pread_once(data, at + LARGE, 1, 0), 1);
    }
    end();
}

static void test_refused(void)
{
    int closed;

    begin();
    closed = dup(image);
    close(closed);
    oc_large_prepare(&window, closed, 0, 2 * LARGE, SIZE);
    CU_ASSERT_EQUAL(window.room, 0);
    CU_ASSERT_PTR_NULL(oc_large_at(&window, 0, 1));
    CU_ASSERT_PTR_NULL(oc_large_at(&window, 0, 0));
    end();
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"those that begin in the range", test_extent},
        {"what is read into them is in the image", test_filled},
        {"an image that was cut is an error", test_cut},
        {"no child has them", test_child},
        {"nobody may touch what is beside them", test_neighbours},
        {"nor the others meanwhile", test_others},
        {"none for what cannot be mapped", test_refused},
        {NULL, NULL},
    };

    return oc_tap_suite("large", tests);
}
