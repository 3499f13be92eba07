/*
 * A stream's image goes while the next piece is read; but never when anybody else could have
 * a page of it, whatever he has let go since.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/options.h"
#include "base/sys.h"
#include "base/thread.h"
#include "base/vma.h"
#include "image/home.h"
#include "image/image.h"
#include "image/lend.h"
#include "image/reread.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

#define MIB  ((uint64_t)1 << 20)
#define LEN  (6 * MIB)
#define ROOM (16 * MIB)
#define SIZE (13 * MIB)
#define SEED 21

static char *memory; /* ROOM bytes of plain memory */
static struct oc_rule rule = {.glob = "*", .lend = true};
static int data;

static bool is_right(const char *p, uint64_t off, size_t n)
{
    static char expected[LEN];

    return n <= LEN && oc_sys_pread_all(data, expected, n, off) == (ssize_t)n &&
           memcmp(expected, p, n) == 0;
}

static bool lend(char *to, uint64_t off)
{
    static oc_file_id last;
    const char *why;
    struct stat st;
    struct oc_file file;
    struct oc_lend_request request = {.file = &file, .fd = data, .buf = to, .len = LEN, .off = off};

    if (fstat(data, &st) < 0)
        return false;
    file = (struct oc_file){.dev = st.st_dev, .ino = st.st_ino, .rule = &rule, .id = ++last};
    return oc_lend_read(&request, &why) == (ssize_t)LEN && is_right(to, off, LEN);
}

static void begin(void)
{
    fresh_home("/dev/shm");
    memory = ready_to_lend(NULL, ROOM);
    data = scratch_file("/dev/shm", SIZE, SEED);
    CU_ASSERT_FATAL(data >= 0);
}

static void end(void)
{
    oc_lent_discard(memory, ROOM);
    munmap(memory, ROOM);
    close(data);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    scratch_remove(home);
}

static int open_image_file(void)
{
    char name[256] = "", path[600];

    scratch_count(home, ".image", name);
    snprintf(path, sizeof(path), "%s/%s", home, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The second piece over the first.  Is the first's image gone, bytes and all? */
static bool reread_shrinks(char *over)
{
    int fd = open_image_file();
    struct stat st;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(oc_reread(data, over, LEN, LEN + 5), (ssize_t)LEN);
    CU_ASSERT(is_right(over, LEN + 5, LEN));
    CU_ASSERT_EQUAL(fstat(fd, &st), 0);
    close(fd);
    return (uint64_t)st.st_blocks * 512 < MIB;
}

static void test_alone(void)
{
    begin();
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT(reread_shrinks(memory + 16));
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 0);
    /* The file is lent again as ever. */
    CU_ASSERT(lend(memory + 16 + 7 * MIB, 3));
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    end();
}

/* It grows shorter in the middle: what was not replaced is still there. */
static void test_short(void)
{
    begin();
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT_EQUAL(oc_reread(data, memory + 16, LEN, SIZE - 2 * MIB - 9), (ssize_t)(2 * MIB + 9));
    CU_ASSERT(is_right(memory + 16, SIZE - 2 * MIB - 9, 2 * MIB + 9));
    CU_ASSERT(is_right(memory + 16 + 2 * MIB + 9, 2 * MIB + 9, LEN - 2 * MIB - 9));
    end();
}

static void test_linger(void)
{
    struct oc_sweep sweep = {0};

    begin();
    oc_options.linger = 60;
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT(!reread_shrinks(memory + 16));
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 1);
    CU_ASSERT_EQUAL(oc_home_sweep(home, true, &sweep, NULL, NULL), 0);
    CU_ASSERT_EQUAL(sweep.removed, 1);
    end();
}

/* Elsewhere in this process, also where our book does not know of it. */
static void test_elsewhere(void)
{
    char *other;

    begin();
    other = memory + 16 + 8 * MIB;
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT(lend(other, 0));
    CU_ASSERT(!reread_shrinks(memory + 16));
    CU_ASSERT(is_right(other, 0, LEN));
    end();

    begin();
    other = memory + 16 + 8 * MIB;
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT(lend(other, 0));
    oc_lent_forget(other, LEN);
    CU_ASSERT(!reread_shrinks(memory + 16));
    CU_ASSERT(is_right(other, 0, LEN));
    end();
}

/* By an operation that is under way. */
static void test_under_way(void)
{
    struct oc_image *image;
    const char *why;
    int fd = -1;

    begin();
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT_EQUAL(oc_identity_of(data, &id), 0);
    image = oc_image_open(&id, (uintptr_t)memory + 16, id.size, &fd, &why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT(!reread_shrinks(memory + 16));
    oc_image_done(image, fd);
    end();
}

/* ---- another process ---- */

enum who { FORKED, JOINED };

static pid_t other;
static int to_other[2], from_other[2];

/* It has pages of the image, and may even have let go its token, as on the way to its end. */
static void be_other(enum who who, bool leaves)
{
    bool good = true;
    char c = 0;

    close(to_other[1]);
    if (who == FORKED)
        oc_image_in_child();
    else
        good = read(to_other[0], &c, 1) == 1 && lend(memory + 16, 0);
    if (leaves)
        oc_image_leave_all();
    good &= write(from_other[1], &c, 1) == 1;
    good &= read(to_other[0], &c, 1) >= 0 && is_right(memory + 16, 0, LEN);
    oc_image_leave_all();
    _exit(!good);
}

static void start_other(enum who who, bool leaves)
{
    char c = 0;

    CU_ASSERT_FATAL(pipe(to_other) == 0 && pipe(from_other) == 0);
    if (who == FORKED)
        oc_image_before_fork();
    other = fork();
    if (other == 0)
        be_other(who, leaves);
    if (who == JOINED) {
        CU_ASSERT(lend(memory + 16, 0));
        CU_ASSERT_EQUAL(write(to_other[1], &c, 1), 1);
    }
    CU_ASSERT_EQUAL(read(from_other[0], &c, 1), 1);
}

static void end_other(void)
{
    int status = -1;

    close(to_other[1]);
    waitpid(other, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    close(to_other[0]);
    close(from_other[0]);
    close(from_other[1]);
}

static void try_other(enum who who, bool leaves)
{
    begin();
    if (who == FORKED)
        CU_ASSERT(lend(memory + 16, 0));
    start_other(who, leaves);
    CU_ASSERT(!reread_shrinks(memory + 16));
    end_other();
    end();
}

static void test_others(void)
{
    try_other(FORKED, false);
    try_other(FORKED, true);
    try_other(JOINED, false);
    try_other(JOINED, true);
}

/* Who enters what somebody else has made does not cut it, even when he is the last. */
static void test_not_ours(void)
{
    char c = 0;

    begin();
    CU_ASSERT_FATAL(pipe(to_other) == 0 && pipe(from_other) == 0);
    other = fork();
    if (other == 0) {
        bool good = lend(memory + 16, 0) && write(from_other[1], &c, 1) == 1 &&
                    read(to_other[0], &c, 1) == 1;
        _exit(!good); /* without leaving */
    }
    CU_ASSERT_EQUAL(read(from_other[0], &c, 1), 1);
    CU_ASSERT(lend(memory + 16, 0));
    CU_ASSERT_EQUAL(write(to_other[1], &c, 1), 1);
    waitpid(other, NULL, 0);
    CU_ASSERT(!reread_shrinks(memory + 16));
    close(to_other[0]);
    close(to_other[1]);
    close(from_other[0]);
    close(from_other[1]);
    end();
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"what only this process has goes at once", test_alone},
        {"a file that ends in the middle", test_short},
        {"an image that is to linger stays whole", test_linger},
        {"so does one that is lent elsewhere", test_elsewhere},
        {"or about to be", test_under_way},
        {"or that another process has had, though it has let it go", test_others},
        {"or has made", test_not_ours},
        {NULL, NULL},
    };

    return oc_tap_suite("shrink", tests);
}
