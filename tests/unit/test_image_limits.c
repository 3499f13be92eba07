/*
 * Images are never taken when corrupt, and respect every limit; their chunks are
 * claimed by one at a time.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/options.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/home.h"
#include "image/image.h"
#include "image/join.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

/* ---- corruption ---- */

enum wrong { HEADER, SHORT, LONG, MODE, EMPTY, LINKS, WRONGS };

static void corrupt(enum wrong wrong, const char *path)
{
    char link_path[700];

    switch (wrong) {
    case HEADER: {
        int fd = open(path, O_RDWR | O_CLOEXEC);

        CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 40), 1);
        close(fd);
        break;
    }
    case SHORT:
        CU_ASSERT_EQUAL(truncate(path, 8192), 0);
        break;
    case LONG:
        CU_ASSERT_EQUAL(truncate(path, 64 << 20), 0);
        break;
    case MODE:
        CU_ASSERT_EQUAL(chmod(path, 0644), 0);
        break;
    case EMPTY:
        CU_ASSERT_EQUAL(truncate(path, 0), 0);
        break;
    default:
        snprintf(link_path, sizeof(link_path), "%s.second", path);
        CU_ASSERT_EQUAL(link(path, link_path), 0);
        break;
    }
}

/* A corrupt image that nobody uses is replaced; one that is in use is let alone. */
static void test_corrupt(void)
{
    for (int wrong = 0; wrong < WRONGS; wrong++) {
        struct oc_image *image;
        char path[600];
        struct peer a;
        struct stat before, after;
        int fd;

        fresh_home("/dev/shm");
        fresh_id(1 << 20);
        a = start_peer(16);
        image_path(path);
        corrupt(wrong, path);
        CU_ASSERT_PTR_NULL(open_image(16, &fd));
        CU_ASSERT_EQUAL(stat(path, &before), 0);
        end_peer(&a, true);
        image = open_image(16, &fd);
        CU_ASSERT_PTR_NOT_NULL(image);
        CU_ASSERT_EQUAL(stat(path, &after), 0);
        CU_ASSERT_NOT_EQUAL(before.st_ino, after.st_ino);
        CU_ASSERT_EQUAL(after.st_nlink, 1);
        if (image)
            oc_image_done(image, fd);
        scratch_remove(home);
    }
}

/* Somebody put something else where the image should be. */
static void test_in_the_way(void)
{
    struct oc_image_form form;
    char path[600];
    int fd;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    oc_image_form(&form, &id, 16);
    snprintf(path, sizeof(path), "%s/%s", home, form.name);
    CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
    CU_ASSERT_PTR_NULL(open_image(16, &fd));
    unlink(path);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    CU_ASSERT_PTR_NULL(open_image(16, &fd));
    unlink(path);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_PTR_NULL(open_image(16, &fd));
    rmdir(path);
    if (geteuid() == 0) {
        close(open(path, O_CREAT | O_RDWR, 0600));
        CU_ASSERT_EQUAL(truncate(path, (off_t)form.size), 0);
        CU_ASSERT_EQUAL(chown(path, 65534, 65534), 0);
        CU_ASSERT_PTR_NULL(open_image(16, &fd));
    }
    scratch_remove(home);
}

/* ---- limits ---- */

static int with_size_limit(void *arg)
{
    struct rlimit limit = {100000, 100000};
    const char *why = "";
    int fd;

    (void)arg;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (oc_image_open(&id, 16, 1, &fd, &why) || strcmp(why, "file size limit") != 0)
        return 1;
    id.size = 1000;
    return oc_image_open(&id, 16, 1, &fd, &why) ? 0 : 2;
}

static void test_size_limit(void)
{
    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    CU_ASSERT_EQUAL(oc_tap_child(with_size_limit, NULL), 0);
    scratch_remove(home);
}

static void test_need(void)
{
    const char *why = "";
    int fd;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    CU_ASSERT_PTR_NULL(oc_image_open(&id, 16, UINT64_C(1) << 60, &fd, &why));
    CU_ASSERT_STRING_EQUAL(why, "no room");
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    chmod(home, 0755);
    CU_ASSERT_PTR_NULL(oc_image_open(&id, 16, 1, &fd, &why));
    CU_ASSERT_STRING_EQUAL(why, "no home");
    scratch_remove(home);
}

static int with_few_descriptors(void *arg)
{
    struct rlimit limit = {64, 64};
    struct oc_image *image;
    int fd, last = -1, next;

    (void)arg;
    setrlimit(RLIMIT_NOFILE, &limit);
    while ((next = dup(0)) >= 0)
        last = next;
    if (open_image(16, &fd))
        return 1;
    for (int i = 0; i < 4; i++)
        close(last - i);
    image = open_image(16, &fd);
    if (!image)
        return 2;
    oc_image_done(image, fd);
    return scratch_count(home, "", NULL) ? 3 : 0;
}

static void test_few_descriptors(void)
{
    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    CU_ASSERT_EQUAL(oc_tap_child(with_few_descriptors, NULL), 0);
    scratch_remove(home);
}

static int without_stdio(void *arg)
{
    struct oc_image *image, *again;
    int fd, fd2;

    (void)arg;
    close(0);
    close(1);
    close(2);
    image = open_image(16, &fd);
    again = open_image(16, &fd2);
    return image && again && fd > 2 && fd2 > 2 && fcntl(0, F_GETFD) < 0 ? 0 : 1;
}

static void test_stdio_numbers(void)
{
    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    CU_ASSERT_EQUAL(oc_tap_child(without_stdio, NULL), 0);
    scratch_remove(home);
}

static void test_many(void)
{
    struct oc_image *image[300];
    int fd, made = 0;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    for (int i = 0; i < 300; i++) {
        image[i] = open_image((unsigned)i, &fd);
        if (!image[i])
            continue;
        made++;
        hold(image[i]);
        oc_image_done(image[i], fd);
    }
    CU_ASSERT_EQUAL(made, 256);
    CU_ASSERT_EQUAL(images(), 256);
    for (int i = 0; i < 300; i++)
        if (image[i])
            drop(image[i]);
    CU_ASSERT_EQUAL(images(), 0);
    image[0] = open_image(0, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image[0]);
    oc_image_done(image[0], fd);
    scratch_remove(home);
}

/* ---- chunks ---- */

static void test_claims(void)
{
    struct oc_image *a, *b;
    uint8_t state[5] = {1, 1, 1, 1, 1};
    int fd, fd2;

    fresh_home("/dev/shm");
    fresh_id(4 * OC_CHUNK + 1);
    a = open_image(16, &fd);
    b = open_image(16, &fd2); /* another operation of this process */
    CU_ASSERT_FATAL(a && b);
    CU_ASSERT_EQUAL(oc_image_states(a, fd, 0, 5, state), 0);
    CU_ASSERT_EQUAL(memcmp(state, "\0\0\0\0\0", 5), 0);
    CU_ASSERT_EQUAL(oc_image_claim(a, fd, 2), OC_CLAIMED);
    CU_ASSERT_EQUAL(oc_image_claim(b, fd2, 2), OC_CLAIM_BUSY);
    CU_ASSERT_EQUAL(oc_image_claim(b, fd2, 3), OC_CLAIMED);
    CU_ASSERT(!oc_image_unclaim(a, fd, 2, false));
    CU_ASSERT_EQUAL(oc_image_claim(b, fd2, 2), OC_CLAIMED);
    CU_ASSERT(oc_image_unclaim(b, fd2, 2, true));
    CU_ASSERT_EQUAL(oc_image_claim(a, fd, 2), OC_CLAIM_FULL);
    CU_ASSERT_EQUAL(oc_image_claim(a, fd, 3), OC_CLAIM_BUSY);
    oc_image_done(b, fd2); /* an operation that ends lets go of its claims */
    CU_ASSERT_EQUAL(oc_image_claim(a, fd, 3), OC_CLAIMED);
    CU_ASSERT_EQUAL(oc_image_states(a, fd, 0, 5, state), 0);
    CU_ASSERT_EQUAL(state[2], OC_CHUNK_FULL);
    CU_ASSERT_EQUAL(state[3], 0);
    CU_ASSERT_EQUAL(pwrite(fd, "\x77", 1, OC_IMAGE_STATES_AT + 4), 1);
    CU_ASSERT_EQUAL(oc_image_claim(a, fd, 4), OC_CLAIMED); /* not the full mark: empty */
    CU_ASSERT(oc_image_states(a, fd, 64 << 20, 5, state) < 0);
    oc_image_done(a, fd);
    scratch_remove(home);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"corrupt images are refused or replaced", test_corrupt},
        {"symlinks, FIFOs, directories and foreign files are refused", test_in_the_way},
        {"RLIMIT_FSIZE is respected", test_size_limit},
        {"no room, no home", test_need},
        {"no descriptors left", test_few_descriptors},
        {"descriptors stay clear of the standard ones", test_stdio_numbers},
        {"more images than records", test_many},
        {"chunks are claimed once", test_claims},
        {NULL, NULL},
    };

    return oc_tap_suite("image limits", tests);
}
