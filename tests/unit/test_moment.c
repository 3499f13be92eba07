/*
 * Moments: a chunk that was filled since a call began needs no comparison with the file;
 * one that was filled before, or of which that is not known, does.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../newer.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/history.h"
#include "image/image.h"
#include "image/moment.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

#define CHUNKS 5

static struct oc_image *begin(int *fd)
{
    struct oc_image *image;

    fresh_home("/dev/shm");
    fresh_id((CHUNKS - 1) * OC_CHUNK + 1);
    image = open_image(16, fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    return image;
}

static void end(struct oc_image *image, int fd)
{
    oc_image_done(image, fd);
    scratch_remove(home);
}

static void fill(struct oc_image *image, int fd, uint64_t chunk)
{
    CU_ASSERT_EQUAL(oc_image_claim(image, fd, chunk), OC_CLAIMED);
    CU_ASSERT(oc_image_unclaim(image, fd, chunk, true));
}

static void test_order(void)
{
    int fd;
    struct oc_image *image = begin(&fd);
    uint64_t before = oc_moment(), after;

    usleep(1000);
    for (uint64_t chunk = 0; chunk < CHUNKS; chunk += 2)
        fill(image, fd, chunk);
    after = oc_moment();
    usleep(1000);
    fill(image, fd, 1);
    CU_ASSERT(before > 0 && after > before);
    for (uint64_t chunk = 0; chunk < CHUNKS; chunk += 2) {
        CU_ASSERT(oc_image_filled_since(image, fd, chunk, before));
        CU_ASSERT_FALSE(oc_image_filled_since(image, fd, chunk, after));
    }
    CU_ASSERT(oc_image_filled_since(image, fd, 1, after));
    CU_ASSERT_FALSE(oc_image_filled_since(image, fd, 0, 0)); /* not known */
    end(image, fd);
}

/* The filler began before the call, and ended in it: it may have read old bytes. */
static void test_begun_before(void)
{
    int fd;
    struct oc_image *image = begin(&fd);
    uint64_t moment;

    CU_ASSERT_EQUAL(oc_image_claim(image, fd, 3), OC_CLAIMED);
    usleep(1000);
    moment = oc_moment();
    usleep(1000);
    CU_ASSERT(oc_image_unclaim(image, fd, 3, true));
    CU_ASSERT_FALSE(oc_image_filled_since(image, fd, 3, moment));
    end(image, fd);
}

/* Given up and filled by the next: the moment is the next one's. */
static void test_filled_anew(void)
{
    int fd;
    struct oc_image *image = begin(&fd);
    uint64_t moment;

    CU_ASSERT_EQUAL(oc_image_claim(image, fd, 2), OC_CLAIMED);
    CU_ASSERT_FALSE(oc_image_unclaim(image, fd, 2, false));
    moment = oc_moment();
    usleep(1000);
    fill(image, fd, 2);
    CU_ASSERT(oc_image_filled_since(image, fd, 2, moment));
    end(image, fd);
}

static void test_close_together(void)
{
    CU_ASSERT_FALSE(oc_moment_is_after(1000, 0));
    CU_ASSERT_FALSE(oc_moment_is_after(0, 1000));
    CU_ASSERT_FALSE(oc_moment_is_after(5000, 5000));
    CU_ASSERT_FALSE(oc_moment_is_after(5001, 5000)); /* processors' clocks may differ */
    CU_ASSERT_FALSE(oc_moment_is_after(5000, 500000000));
    CU_ASSERT(oc_moment_is_after(500000000, 5000));
}

/* There everything is as old as the namespace's maker wishes. */
static int in_time_namespace(void *arg)
{
    int status, fd;
    FILE *offsets;
    struct oc_image *image;

    (void)arg;
    if (unshare(CLONE_NEWTIME) < 0)
        return 77;
    offsets = fopen("/proc/self/timens_offsets", "w");
    if (!offsets || fprintf(offsets, "monotonic 1000000 0\n") < 0 || fclose(offsets) != 0)
        return 77;
    if (fork() == 0) { /* children are inside */
        bool good = oc_moment() == 0;
        int dir = open(home, O_RDONLY | O_DIRECTORY);

        good &= oc_history_age(dir, &id) == 0;
        image = open_image(16, &fd);
        good &= image && oc_image_claim(image, fd, 1) == OC_CLAIMED &&
                oc_image_unclaim(image, fd, 1, true) && !oc_image_filled_since(image, fd, 1, 1);
        _exit(!good);
    }
    wait(&status);
    return status != 0;
}

static void test_time_namespace(void)
{
    int ret, dir, fd;
    struct oc_image *image = begin(&fd);

    dir = open(home, O_RDONLY | O_DIRECTORY);
    oc_history_age(dir, &id);
    close(dir);
    ret = oc_tap_child(in_time_namespace, NULL);
    CU_ASSERT(ret == 0 || ret == 77);
    if (ret == 77)
        printf("# time namespaces are not permitted\n");
    CU_ASSERT_FALSE(oc_image_filled_since(image, fd, 1, 1));
    end(image, fd);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"filled before and since", test_order},
        {"begun before", test_begun_before},
        {"given up and filled anew", test_filled_anew},
        {"too close to tell", test_close_together},
        {"in a time namespace nothing is known", test_time_namespace},
        {NULL, NULL},
    };

    return oc_tap_suite("moment", tests);
}
