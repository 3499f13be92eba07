/*
 * Images: one for each identity and shift, entered by any number of processes,
 * gone with the last, never taken when corrupt.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/home.h"
#include "image/image.h"
#include "image/join.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

/* ---- arithmetic ---- */

static void test_shift(void)
{
    static const uint64_t offs[] = {0, 1, 15, 4095, 4096, 4097, 262143, 262144, 999999937};
    unsigned bad = 0;

    for (unsigned shift = 0; shift < oc_page; shift++)
        for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
            uintptr_t addr = 0x7f1234560000 + shift + offs[i];

            if (oc_image_shift_for((void *)addr, offs[i]) != shift)
                bad++;
        }
    CU_ASSERT_EQUAL(bad, 0);
}

static void test_form(void)
{
    static const uint64_t sizes[] = {1,      4095,      4096,         262144,           262145,
                                     999983, 268435456, 123456789012, UINT64_C(1) << 40};
    unsigned bad = 0;

    fresh_id(0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (unsigned shift = 0; shift < oc_page; shift += i ? 331 : 1) {
            struct oc_image_form form;
            uint64_t chunks = (sizes[i] + OC_CHUNK - 1) / OC_CHUNK;

            id.size = sizes[i];
            oc_image_form(&form, &id, shift);
            if (form.header.data % oc_page || form.size % oc_page ||
                form.header.data < OC_IMAGE_STATES_AT + chunks ||
                form.size < form.header.data + shift + sizes[i] ||
                form.size >= form.header.data + shift + sizes[i] + oc_page ||
                strlen(form.name) != OC_IMAGE_NAME - 2 || strcmp(form.name + 32, ".image") != 0)
                bad++;
        }
    CU_ASSERT_EQUAL(bad, 0);
}

static void test_names_differ(void)
{
    struct oc_image_form a, b;

    fresh_id(1000000);
    oc_image_form(&a, &id, 16);
    oc_image_form(&b, &id, 16);
    CU_ASSERT_STRING_EQUAL(a.name, b.name);
    oc_image_form(&b, &id, 17);
    CU_ASSERT_STRING_NOT_EQUAL(a.name, b.name);
    id.ctime_nsec ^= 1;
    oc_image_form(&b, &id, 16);
    CU_ASSERT_STRING_NOT_EQUAL(a.name, b.name);
}

/* ---- life ---- */

static void life(const char *parent)
{
    struct oc_image *image, *again, *other;
    int fd, fd2, fd3;
    char path[600];
    struct stat st;
    struct oc_image_form form;

    fresh_home(parent);
    fresh_id(3000001);
    errno = 33;
    image = open_image(16, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL(errno, 33);
    CU_ASSERT_EQUAL(images(), 1);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 1);
    image_path(path);
    oc_image_form(&form, &id, 16);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode, S_IFREG | 0600);
    CU_ASSERT_EQUAL(st.st_nlink, 1);
    CU_ASSERT_EQUAL((uint64_t)st.st_size, form.size);
    CU_ASSERT_EQUAL(oc_image_place(image, 5), form.header.data + 16 + 5);
    CU_ASSERT_EQUAL(oc_image_shift(image), 16);
    CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);

    again = open_image(16, &fd2);
    CU_ASSERT_PTR_EQUAL(again, image);
    CU_ASSERT_NOT_EQUAL(fd, fd2);
    other = open_image(4072, &fd3);
    CU_ASSERT_PTR_NOT_NULL(other);
    CU_ASSERT_PTR_NOT_EQUAL(other, image);
    CU_ASSERT_EQUAL(images(), 2);
    CU_ASSERT(oc_own_is(fd) && oc_own_is(fd2) && oc_own_is(fd3));
    CU_ASSERT(!oc_own_is(0) && !oc_own_is(-1));
    oc_image_done(other, fd3);
    CU_ASSERT_EQUAL(images(), 1);
    hold(image);
    oc_image_done(image, fd);
    oc_image_done(again, fd2);
    CU_ASSERT(!oc_own_is(fd) && !oc_own_is(fd2));
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
    CU_ASSERT_EQUAL(images(), 1);
    drop(image);
    CU_ASSERT_EQUAL(images(), 0);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    scratch_remove(home);
}

static void test_life_tmpfs(void)
{
    life("/dev/shm");
}

static void test_life_disk(void)
{
    life("/var/tmp");
}

/* EOPNOTSUPP for O_TMPFILE, as file systems without it say. */
static int without_tmpfile(void *arg)
{
    struct oc_image *image;
    char path[600];
    struct stat st;
    int fd;

    (void)arg;
    if (!scratch_forbid(SYS_openat, 2, O_TMPFILE, O_TMPFILE, EOPNOTSUPP) ||
        open(home, O_TMPFILE | O_RDWR, 0600) != -1)
        return 1;
    image = open_image(16, &fd);
    if (!image)
        return 2;
    image_path(path);
    if (images() != 1 || scratch_count(home, "", NULL) != 1 || stat(path, &st) ||
        st.st_mode != (S_IFREG | 0600) || st.st_nlink != 1)
        return 3;
    oc_image_done(image, fd);
    return scratch_count(home, "", NULL) ? 4 : 0;
}

static void test_without_tmpfile(void)
{
    fresh_home("/tmp"); /* not yet self-tested */
    fresh_id(1 << 20);
    CU_ASSERT_EQUAL(oc_tap_child(without_tmpfile, NULL), 0);
    scratch_remove(home);
}

/* ---- several processes ---- */

static void test_last_user(void)
{
    struct oc_image *image;
    struct peer a, b;
    int fd;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    a = start_peer(16);
    b = start_peer(16);
    CU_ASSERT_EQUAL(images(), 1);
    image = open_image(16, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL(images(), 1);
    end_peer(&a, false);
    CU_ASSERT_EQUAL(images(), 1);
    oc_image_done(image, fd);
    CU_ASSERT_EQUAL(images(), 1);
    end_peer(&b, false);
    CU_ASSERT_EQUAL(images(), 0);
    scratch_remove(home);
}

static void test_killed(void)
{
    struct oc_sweep sum;
    struct oc_image *image;
    struct peer a;
    int fd;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    a = start_peer(16);
    CU_ASSERT_EQUAL(oc_home_sweep(home, true, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.in_use, 1);
    end_peer(&a, true);
    CU_ASSERT_EQUAL(images(), 1); /* nobody was left to remove it */
    image = open_image(16, &fd);  /* the next user takes it over */
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL(images(), 1);
    oc_image_done(image, fd);
    CU_ASSERT_EQUAL(images(), 0);
    a = start_peer(16);
    end_peer(&a, true);
    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.removed, 1);
    CU_ASSERT_EQUAL(images(), 0);
    scratch_remove(home);
}

static int forked_user(void *arg)
{
    struct oc_image *image = ((void **)arg)[0];
    int fd = *(int *)((void **)arg)[1];

    /* Of this thread's operation, which goes on here as well. */
    oc_own_in_child();
    oc_image_in_child();
    if (fcntl(fd, F_GETFD) < 0 || !oc_own_is(fd))
        return 1;
    oc_image_done(image, fd);
    drop(image);
    return images() == 1 ? 0 : 2; /* the parent has it */
}

static void test_fork(void)
{
    struct oc_image *image;
    int fd;
    void *arg[2];

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    image = open_image(16, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    hold(image);
    arg[0] = image;
    arg[1] = &fd;
    CU_ASSERT_EQUAL(oc_tap_child(forked_user, arg), 0);
    CU_ASSERT_EQUAL(images(), 1);
    oc_image_done(image, fd);
    drop(image);
    CU_ASSERT_EQUAL(images(), 0);
    scratch_remove(home);
}

static int thread_fd;
static struct oc_image *thread_image;

static void *open_in_thread(void *arg)
{
    (void)arg;
    thread_image = open_image(16, &thread_fd);
    return NULL;
}

static int forked_without_thread(void *arg)
{
    (void)arg;
    oc_own_in_child();
    oc_image_in_child();
    if (fcntl(thread_fd, F_GETFD) >= 0 || oc_own_is(thread_fd))
        return 1;
    return images() == 1 ? 0 : 2;
}

static void test_fork_beside_operation(void)
{
    pthread_t thread;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    pthread_create(&thread, NULL, open_in_thread, NULL);
    pthread_join(thread, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(thread_image);
    CU_ASSERT_EQUAL(oc_tap_child(forked_without_thread, NULL), 0);
    oc_image_done(thread_image, thread_fd);
    CU_ASSERT_EQUAL(images(), 0);
    scratch_remove(home);
}

enum { RACERS = 8, RACES = 150, PATIENCE = 1000 };

/* It waits for others for some milliseconds only, then has none: a program goes on
 * without, and may ask again. */
static struct oc_image *open_patiently(int *fd)
{
    struct oc_image *image = open_image(16, fd);

    for (int i = 0; i < PATIENCE && !image; i++)
        image = open_image(16, fd);
    return image;
}

static int race(void *arg)
{
    (void)arg;
    for (int i = 0; i < RACES; i++) {
        int fd;
        struct oc_image *image = open_patiently(&fd);
        struct stat st;

        if (!image)
            return 1;
        if (fstat(fd, &st) || st.st_nlink != 1)
            return 2; /* somebody removed what we use */
        oc_image_done(image, fd);
    }
    return 0;
}

/* Making, entering and removing at the same time: all get their turn, nothing stays. */
static void test_race(void)
{
    pid_t pid[RACERS];
    int status;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    for (int i = 0; i < RACERS; i++)
        if ((pid[i] = fork()) == 0)
            _exit(race(NULL));
    for (int i = 0; i < RACERS; i++) {
        CU_ASSERT_EQUAL(waitpid(pid[i], &status, 0), pid[i]);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    scratch_remove(home);
}

/* ---- exit, exec ---- */

static void test_leave_and_rejoin(void)
{
    struct oc_image *image, *again;
    struct peer a;
    int fd, fd2;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    image = open_image(16, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    hold(image);
    oc_image_done(image, fd);
    a = start_peer(16);
    oc_image_leave_all();
    CU_ASSERT_EQUAL(images(), 1);
    oc_image_rejoin_all();
    end_peer(&a, false);
    CU_ASSERT_EQUAL(images(), 1); /* ours again */
    again = open_image(16, &fd2);
    CU_ASSERT_PTR_EQUAL(again, image);
    oc_image_done(again, fd2);

    oc_image_leave_all();
    CU_ASSERT_EQUAL(images(), 0);
    oc_image_rejoin_all();
    again = open_image(16, &fd2); /* a new one beside what is still lent of the old */
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_PTR_NOT_EQUAL(again, image);
    CU_ASSERT_EQUAL(images(), 1);
    drop(image);
    CU_ASSERT_EQUAL(images(), 1);
    oc_image_done(again, fd2);
    CU_ASSERT_EQUAL(images(), 0);
    scratch_remove(home);
}

static void test_name_lost(void)
{
    struct oc_image *image, *again;
    char path[600];
    int fd, fd2;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    image = open_image(16, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    image_path(path);
    unlink(path);
    again = open_image(16, &fd2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_PTR_NOT_EQUAL(again, image);
    oc_image_done(image, fd);
    CU_ASSERT_EQUAL(images(), 1); /* the new one was left alone */
    oc_image_done(again, fd2);
    CU_ASSERT_EQUAL(images(), 0);
    scratch_remove(home);
}

/* ---- linger ---- */

static void test_linger(void)
{
    struct oc_sweep sum;
    struct oc_image *image;
    char path[600];
    uint64_t until = 0, zero = 0;
    int fd;

    fresh_home("/dev/shm");
    fresh_id(1 << 20);
    oc_options.linger = 1000;
    image = open_image(16, &fd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    oc_image_done(image, fd);
    CU_ASSERT_EQUAL(images(), 1);
    image_path(path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL(pread(fd, &until, sizeof(until), OC_IMAGE_KEEP_AT), sizeof(until));
    CU_ASSERT(until > oc_home_now() + 900);
    CU_ASSERT(until <= oc_home_now() + 1000);
    close(fd);
    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.kept, 1);
    image = open_image(16, &fd); /* still good */
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    oc_image_done(image, fd);
    CU_ASSERT_EQUAL(images(), 1);

    fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(fd, &zero, sizeof(zero), OC_IMAGE_KEEP_AT), sizeof(zero));
    close(fd);
    CU_ASSERT_EQUAL(oc_home_sweep(home, false, &sum, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sum.removed, 1);
    CU_ASSERT_EQUAL(images(), 0);
    oc_options.linger = 0;
    scratch_remove(home);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"the shift follows from address and offset", test_shift},
        {"every size and shift has its place", test_form},
        {"names tell identities and shifts apart", test_names_differ},
        {"made, used twice, removed (tmpfs)", test_life_tmpfs},
        {"made, used twice, removed (disk)", test_life_disk},
        {"made where there are no unnamed files", test_without_tmpfile},
        {"the last process removes it", test_last_user},
        {"a killed user leaves it to the next or to a sweep", test_killed},
        {"a forked child is a user of its own", test_fork},
        {"a forked child has no operations of other threads", test_fork_beside_operation},
        {"many make, enter and remove at once", test_race},
        {"left before exec, entered again when that failed", test_leave_and_rejoin},
        {"one whose name was taken away is not used anew", test_name_lost},
        {"kept for a while when asked to", test_linger},
        {NULL, NULL},
    };

    return oc_tap_suite("image", tests);
}
