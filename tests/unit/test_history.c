/*
 * The home's history: how long a state of a file has been known, and that
 * nothing found in its place can make a file look older than it is.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/options.h"
#include "base/sys.h"
#include "image/history.h"
#include "image/home.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

#define MS UINT64_C(1000000)

static void nap(unsigned ms)
{
    usleep(ms * 1000);
}

static void test_age(void)
{
    struct oc_identity other;
    uint64_t begin, age;
    int dir;

    fresh_home("/dev/shm");
    fresh_id(1000);
    dir = open_home();
    begin = oc_sys_monotonic();
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    nap(20);
    age = oc_history_age(dir, &id);
    CU_ASSERT(age >= 20 * MS && age <= oc_sys_monotonic() - begin);
    other = id;
    other.ctime_nsec ^= 1;
    CU_ASSERT_EQUAL(oc_history_age(dir, &other), 0);
    other = id;
    other.size++;
    CU_ASSERT_EQUAL(oc_history_age(dir, &other), 0);
    CU_ASSERT(oc_history_age(dir, &id) >= age);
    end_home(dir);
}

/* Two states of a file that take turns are two entries, and neither makes the other young. */
static void test_other_process(void)
{
    uint64_t age;
    int dir, status;

    fresh_home("/dev/shm");
    fresh_id(1000);
    dir = open_home();
    if (fork() == 0)
        _exit(oc_history_age(dir, &id) == 0 ? 0 : 1);
    wait(&status);
    CU_ASSERT_EQUAL(status, 0);
    nap(5);
    age = oc_history_age(dir, &id);
    CU_ASSERT(age >= 5 * MS);
    end_home(dir);
}

/* More files than the table holds: the others are as they were, or new. */
static void test_many(void)
{
    uint64_t begin = oc_sys_monotonic();
    struct oc_identity busy;
    struct stat st;
    int dir;

    fresh_home("/dev/shm");
    fresh_id(1000);
    busy = id;
    dir = open_home();
    CU_ASSERT_EQUAL(oc_history_age(dir, &busy), 0);
    for (unsigned i = 1; i <= 5000; i++) {
        id.ino = busy.ino + i; /* never the busy one */
        CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
        if (i % 64 == 0) /* in use, so not the one that gives way */
            CU_ASSERT(oc_history_age(dir, &busy) > 0);
    }
    CU_ASSERT(oc_history_age(dir, &id) <= oc_sys_monotonic() - begin);
    CU_ASSERT_EQUAL(fstatat(dir, OC_HISTORY_NAME, &st, 0), 0);
    CU_ASSERT(st.st_size <= 64 << 10);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
    end_home(dir);
}

/* Whatever bytes are there, no age is longer than the machine has been up, and one that
 * was entered by us is exact. */
static void test_garbage(void)
{
    static unsigned char bytes[70000];
    int dir, table;

    for (unsigned seed = 0; seed < 4; seed++) {
        fresh_home("/dev/shm");
        fresh_id(1000);
        dir = open_home();
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = seed == 0 ? 0xff : scratch_byte(seed, i);
        table = openat(dir, OC_HISTORY_NAME, O_RDWR | O_CREAT, 0600);
        CU_ASSERT_EQUAL(write(table, bytes, seed == 1 ? 777 : sizeof(bytes)),
                        seed == 1 ? 777 : (ssize_t)sizeof(bytes));
        close(table);
        CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
        nap(2);
        CU_ASSERT(oc_history_age(dir, &id) < 3600 * 1000 * MS);
        end_home(dir);
    }
}

/* Entries from the future (of a table that a restored machine brought along) are new. */
static void test_future(void)
{
    uint64_t future = oc_sys_monotonic() + 3600 * 1000 * MS, words[4096];
    int dir, table;

    fresh_home("/dev/shm");
    fresh_id(1000);
    dir = open_home();
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    table = openat(dir, OC_HISTORY_NAME, O_RDWR);
    for (off_t at = 0; pread(table, words, 32, at) == 32; at += 32)
        if (words[2]) {
            words[2] = words[3] = future;
            CU_ASSERT_EQUAL(pwrite(table, words, 32, at), 32);
        }
    close(table);
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    nap(2);
    CU_ASSERT(oc_history_age(dir, &id) >= 2 * MS);
    end_home(dir);
}

/* Not a table, not ours to follow: nothing is older than new, nothing is changed. */
static void test_in_the_way(void)
{
    static const char target[] = "/dev/shm/onecopy-test-history-target";
    struct stat st;
    int dir, fd;

    fresh_id(1000);
    for (int kind = 0; kind < 3; kind++) {
        fresh_home("/dev/shm");
        dir = open_home();
        if (kind == 0) {
            fd = open(target, O_WRONLY | O_CREAT | O_EXCL, 0600);
            CU_ASSERT(fd >= 0);
            close(fd);
            CU_ASSERT_EQUAL(symlinkat(target, dir, OC_HISTORY_NAME), 0);
        } else if (kind == 1) {
            CU_ASSERT_EQUAL(mkfifoat(dir, OC_HISTORY_NAME, 0600), 0);
        } else {
            CU_ASSERT_EQUAL(mkdirat(dir, OC_HISTORY_NAME, 0700), 0);
        }
        CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
        nap(2);
        CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
        if (kind == 0) {
            CU_ASSERT_EQUAL(stat(target, &st), 0);
            CU_ASSERT_EQUAL(st.st_size, 0);
            unlink(target);
        } else if (kind == 2) {
            unlinkat(dir, OC_HISTORY_NAME, AT_REMOVEDIR);
        }
        end_home(dir);
    }
}

/* The table cannot be stored: files stay new, and nobody gets a signal. */
static int no_file_size(void *arg)
{
    struct rlimit none = {0, 0};
    int dir = open_home();

    (void)arg;
    setrlimit(RLIMIT_FSIZE, &none);
    if (oc_history_age(dir, &id) != 0)
        return 1;
    nap(2);
    return oc_history_age(dir, &id) != 0;
}

static void test_size_limit(void)
{
    fresh_home("/dev/shm");
    fresh_id(1000);
    CU_ASSERT_EQUAL(oc_tap_child(no_file_size, NULL), 0);
    scratch_remove(home);
}

/* A bucket that somebody has locked, and never lets go. */
static void test_locked(void)
{
    int dir, table;

    fresh_home("/dev/shm");
    fresh_id(1000);
    dir = open_home();
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    table = openat(dir, OC_HISTORY_NAME, O_RDWR);
    CU_ASSERT_EQUAL(oc_sys_ofd_lock(table, F_WRLCK, 0, 0), 0);
    nap(2);
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    close(table);
    CU_ASSERT(oc_history_age(dir, &id) >= 2 * MS);
    end_home(dir);
}

static bool known(int dir, uint64_t what, uint64_t who, uint64_t within)
{
    const struct oc_history_note note = {.id = id, .what = what, .who = who};

    return oc_history_knows(dir, &note, within);
}

/* Notes are of one state, one thing and one program, and grow old. */
static void test_notes(void)
{
    struct oc_history_note note;
    struct stat st;
    int dir;

    fresh_home("/dev/shm");
    fresh_id(1000);
    dir = open_home();
    note = (struct oc_history_note){.id = id, .what = OC_HISTORY_REWRITTEN, .who = 7};
    CU_ASSERT(!known(dir, OC_HISTORY_REWRITTEN, 7, UINT64_MAX));
    CU_ASSERT(fstatat(dir, OC_HISTORY_NAME, &st, 0) < 0); /* to ask makes nothing */
    CU_ASSERT(oc_history_note(dir, &note, UINT64_MAX));
    CU_ASSERT(!oc_history_note(dir, &note, UINT64_MAX));
    CU_ASSERT(known(dir, OC_HISTORY_REWRITTEN, 7, UINT64_MAX));
    CU_ASSERT(!known(dir, OC_HISTORY_REWRITTEN, 8, UINT64_MAX));
    CU_ASSERT(!known(dir, OC_HISTORY_FILLED, 7, UINT64_MAX));
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    id.mtime_nsec ^= 1;
    CU_ASSERT(!known(dir, OC_HISTORY_REWRITTEN, 7, UINT64_MAX));
    id.mtime_nsec ^= 1;
    nap(20);
    CU_ASSERT(!known(dir, OC_HISTORY_REWRITTEN, 7, 20 * MS));
    CU_ASSERT(known(dir, OC_HISTORY_REWRITTEN, 7, 3600 * 1000 * MS));
    CU_ASSERT(oc_history_note(dir, &note, 20 * MS)); /* entered anew */
    CU_ASSERT(known(dir, OC_HISTORY_REWRITTEN, 7, 3600 * 1000 * MS));
    CU_ASSERT(!oc_history_note(dir, &note, 3600 * 1000 * MS));
    end_home(dir);
}

/* Whoever makes it: others of the group write to it as well. */
static void test_group(void)
{
    struct stat st;
    int dir;

    fresh_home("/dev/shm");
    fresh_id(1000);
    CU_ASSERT_EQUAL(chmod(home, 02770), 0);
    dir = open_home();
    CU_ASSERT_EQUAL(oc_history_age(dir, &id), 0);
    CU_ASSERT_EQUAL(fstatat(dir, OC_HISTORY_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
    CU_ASSERT_EQUAL(fchmodat(dir, OC_HISTORY_NAME, 0640, 0), 0);
    nap(1);
    CU_ASSERT(oc_history_age(dir, &id) > 0); /* nobody's mode is changed later */
    CU_ASSERT_EQUAL(fstatat(dir, OC_HISTORY_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
    end_home(dir);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"a state is new, then known", test_age},
        {"another process has known it", test_other_process},
        {"more states than the table holds", test_many},
        {"garbage makes nothing old", test_garbage},
        {"nor do entries from the future", test_future},
        {"symlinks, FIFOs and directories are left alone", test_in_the_way},
        {"RLIMIT_FSIZE is respected", test_size_limit},
        {"a locked table is not waited for", test_locked},
        {"notes of other things", test_notes},
        {"a group's home", test_group},
        {NULL, NULL},
    };

    return oc_tap_suite("history", tests);
}
