/*
 * Trust: when a chunk may be used without looking at the file, and that every
 * doubt ends in a comparison.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fskind.h"
#include "base/options.h"
#include "base/sys.h"
#include "base/thread.h"
#include "base/vma.h"
#include "image/history.h"
#include "image/image.h"
#include "image/lend.h"
#include "image/trust.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

#define MIB    ((size_t)1 << 20)
#define SECOND UINT64_C(1000000000)

static struct oc_rule rule;
static const char *why;

static void begin(uint64_t settling_ms)
{
    fresh_home("/dev/shm");
    fresh_id(1000);
    rule = (struct oc_rule){.glob = "*", .lend = true};
    oc_trust_settling = settling_ms * 1000000;
}

static void finish(void)
{
    oc_trust_settling = 0;
    scratch_remove(home);
}

static enum oc_trust ask(enum oc_fs_kind kind)
{
    why = NULL;
    return oc_trust(&rule, kind, &id, home, &why);
}

static void nap(unsigned ms)
{
    usleep(ms * 1000);
}

/* The identity's ctime, SECONDS from now. */
static void set_ctime(int64_t seconds)
{
    id.ctime_sec = time(NULL) + seconds;
}

static void test_kinds(void)
{
    begin(1);
    set_ctime(-1000);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    nap(5);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_OLD);
    CU_ASSERT_EQUAL(ask(OC_FS_TMPFS), OC_TRUST_NONE);
    CU_ASSERT_STRING_EQUAL(why, "the file system's times prove nothing");
    CU_ASSERT_EQUAL(ask(OC_FS_OTHER), OC_TRUST_NONE);
    CU_ASSERT_EQUAL(ask(OC_FS_READ_ONLY), OC_TRUST_VOUCHED);
    finish();
}

static void test_options(void)
{
    begin(1);
    rule.unchanging = true;
    CU_ASSERT_EQUAL(ask(OC_FS_TMPFS), OC_TRUST_VOUCHED);
    rule.strict = true;
    CU_ASSERT_EQUAL(ask(OC_FS_TMPFS), OC_TRUST_NONE);
    CU_ASSERT_EQUAL(ask(OC_FS_READ_ONLY), OC_TRUST_NONE);
    finish();
}

static void test_unknown(void)
{
    begin(200);
    set_ctime(-1000);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    CU_ASSERT_STRING_EQUAL(why, "not known for long");
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    nap(210);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_OLD);
    finish();
}

/* Known for long, but the clock that made ctime says it is new, or yet to come. */
static void test_future(void)
{
    begin(1);
    set_ctime(+1000);
    ask(OC_FS_DISK);
    nap(5);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    CU_ASSERT_STRING_EQUAL(why, "changed lately");
    oc_trust_settling = 3600 * SECOND;
    set_ctime(-10);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    CU_ASSERT_STRING_EQUAL(why, "changed lately");
    finish();
}

/* Every field counts: a state that differs in one is a new one. */
static void test_changed(void)
{
    struct oc_identity old;

    begin(50);
    set_ctime(-1000);
    ask(OC_FS_DISK);
    nap(60);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_OLD);
    old = id;
    for (size_t at = 0; at < sizeof(id); at++) {
        id = old;
        ((unsigned char *)&id)[at] ^= 1;
        CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    }
    id = old;
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_OLD);
    finish();
}

/* A ctime of a clock that was ahead, by so much that its distance overflows. */
static void test_centuries(void)
{
    static const int64_t ahead[] = {1000, INT64_C(9300000000), INT64_C(18446744074), INT64_MAX / 2};

    for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
        begin(50);
        set_ctime(-1000);
        id.ctime_sec += ahead[i] + 1000;
        ask(OC_FS_DISK);
        nap(60);
        CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
        CU_ASSERT_STRING_EQUAL(why, "changed lately");
        finish();
    }
}

/* The settling time is the kernel's: far longer than this test. */
static void test_real_settling(void)
{
    begin(0);
    set_ctime(-1000000);
    ask(OC_FS_DISK);
    nap(5);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    finish();
}

/* In a mount namespace of our own /proc/sys/vm says what we like. */
static int without_write_back(void *arg)
{
    int fd;

    (void)arg;
    if (oc_syscall(SYS_unshare, 0x00020000 /* CLONE_NEWNS */, 0, 0, 0, 0, 0) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc/sys/vm", "tmpfs", 0, NULL) < 0)
        return 77;
    fd = open("/proc/sys/vm/dirty_expire_centisecs", O_WRONLY | O_CREAT, 0644);
    if (write(fd, "1\n", 2) != 2)
        return 1;
    fd = open("/proc/sys/vm/dirty_writeback_centisecs", O_WRONLY | O_CREAT, 0644);
    ask(OC_FS_DISK);
    nap(100);
    /* Unreadable, then switched off, then quick. */
    if (ask(OC_FS_DISK) != OC_TRUST_NONE || strcmp(why, "periodic write-back is off") != 0)
        return 2;
    if (write(fd, "0\n", 2) != 2 || ask(OC_FS_DISK) != OC_TRUST_NONE)
        return 3;
    if (pwrite(fd, "1\n", 2, 0) != 2 || ask(OC_FS_DISK) != OC_TRUST_OLD)
        return 4;
    return 0;
}

static void test_no_write_back(void)
{
    int ret;

    begin(0);
    set_ctime(-1000);
    ret = oc_tap_child(without_write_back, NULL);
    if (ret == 77)
        printf("# not allowed to mount: write-back that is off was not tried\n");
    else
        CU_ASSERT_EQUAL(ret, 0);
    finish();
}

static void test_no_history(void)
{
    begin(1);
    set_ctime(-1000);
    ask(OC_FS_DISK);
    nap(5);
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_OLD);
    CU_ASSERT_EQUAL(chmod(home, 0755), 0); /* a home that is not private: not believed */
    CU_ASSERT_EQUAL(ask(OC_FS_DISK), OC_TRUST_NONE);
    CU_ASSERT_EQUAL(chmod(home, 0700), 0);
    CU_ASSERT_EQUAL(oc_trust(&rule, OC_FS_DISK, &id, "/nowhere/at/all", &why), OC_TRUST_NONE);
    CU_ASSERT_STRING_EQUAL(why, "not known for long");
    finish();
}

/* ---- with a file ---- */

static char *memory;
static struct oc_file file;
static int fd;

static void begin_file(void)
{
    static oc_file_id last;
    struct stat st;

    begin(300);
    memory = ready_to_lend(NULL, 2 * MIB);
    fd = scratch_file("/var/tmp", MIB, 5);
    CU_ASSERT_FATAL(fd >= 0);
    fsync(fd);
    fstat(fd, &st);
    file = (struct oc_file){
        .dev = st.st_dev, .ino = st.st_ino, .rule = &rule, .id = ++last, .kind = OC_FS_DISK};
}

/* Lend all of it; the bytes that were trusted. */
static uint64_t lend_at(char *to)
{
    static char plain[MIB];
    struct oc_lend_request request = {.file = &file, .fd = fd, .buf = to, .len = MIB, .off = 0};
    uint64_t before = atomic_load(&oc_thread()->count.trusted_bytes);

    file.reused = 0;
    file.no_lend = false;
    CU_ASSERT_EQUAL(oc_lend_read(&request, &why), (ssize_t)MIB);
    CU_ASSERT_EQUAL(pread(fd, plain, MIB, 0), (ssize_t)MIB);
    CU_ASSERT(memcmp(to, plain, MIB) == 0);
    return atomic_load(&oc_thread()->count.trusted_bytes) - before;
}

/* Lend it where nothing is lent now; another lend keeps the image. */
static uint64_t lend_again(void)
{
    oc_lent_discard(memory + MIB, MIB);
    return lend_at(memory + MIB);
}

static void finish_file(void)
{
    close(fd);
    munmap(memory, 2 * MIB);
    oc_lent_forget(memory, 2 * MIB);
    CU_ASSERT_EQUAL(images(), 0);
    finish();
}

/* A chunk that was filled while the file was new is compared once when it is old, and
 * trusted from then on. */
static void test_settled(void)
{
    begin_file();
    CU_ASSERT_EQUAL(lend_at(memory), 0); /* filled */
    CU_ASSERT_EQUAL(lend_again(), 0);    /* compared: new */
    nap(310);
    CU_ASSERT_EQUAL(lend_again(), 0); /* compared, and settled */
    CU_ASSERT_EQUAL(lend_again(), MIB);
    CU_ASSERT_EQUAL(lend_again(), MIB);
    finish_file();
}

/* A store that moved no time came between fill and settling: it is seen. */
static void test_hidden_store(void)
{
    char *store;

    begin_file();
    store = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    store[100] ^= 1; /* dirty now, and ctime is that of this store */
    CU_ASSERT_EQUAL(lend_at(memory), 0);
    store[101] ^= 1; /* no time moves */
    nap(310);
    lend_again();
    CU_ASSERT_EQUAL(memory[MIB + 101], store[101]);
    CU_ASSERT_EQUAL(memory[101], (char)(store[101] ^ 1));
    munmap(store, MIB);
    finish_file();
}

/* A settled chunk, and then each way to change the file: never trusted again. */
static void change_write(void)
{
    CU_ASSERT_EQUAL(pwrite(fd, "changed", 7, 5000), 7);
}

static void change_store(void)
{
    char *store = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    memcpy(store + 300000, "changed", 7); /* clean pages: ctime moves */
    munmap(store, MIB);
}

static void change_and_restore_times(void)
{
    struct stat st;

    fstat(fd, &st);
    change_write();
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    CU_ASSERT_EQUAL(futimens(fd, times), 0);
}

static void change_hole(void)
{
    CU_ASSERT_EQUAL(fallocate(fd, 3 /* FALLOC_FL_PUNCH_HOLE | KEEP_SIZE */, 8192, 65536), 0);
}

static void change_cut_and_grow(void)
{
    CU_ASSERT_EQUAL(ftruncate(fd, 1000), 0);
    CU_ASSERT_EQUAL(ftruncate(fd, MIB), 0);
}

static void test_changes(void)
{
    static void (*const changes[])(void) = {change_write, change_store, change_and_restore_times,
                                            change_hole, change_cut_and_grow};

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        begin_file();
        lend_at(memory);
        nap(310);
        lend_again();
        CU_ASSERT_EQUAL(lend_again(), MIB);
        changes[i]();
        CU_ASSERT_EQUAL(lend_again(), 0);
        CU_ASSERT_EQUAL(lend_again(), 0);
        oc_lent_discard(memory, MIB);
        finish_file();
    }
}

/* Whose large pages may be mapped beyond the end of file is told by the kernel's release. */
static void test_releases(void)
{
    static const struct {
        const char *release;
        unsigned number;
    } is[] = {
        {"6.18.44-arch1-1", 6018},
        {"6.18.0-rc5", 6017},
        {"7.0.0-rc1+", 6999},
        {"6.1.0-18-amd64", 6001},
        {"5.15.0-91-generic", 5015},
        {"5.14.0-503.el9.x86_64", 6017},
        {"6.12.0-55.el10_0.aarch64", 6017},
        {"6.6.0-28.0.0.34.oe2403.x86_64", 6017},
        {"6.19.2-1.el10.elrepo.x86_64", 6019},
        {"2.6.78", 6017}, /* setarch --uname-2.6 */
        {"", 6017},
    };

    for (size_t i = 0; i < sizeof is / sizeof *is; i++)
        CU_ASSERT_EQUAL(oc_fs_release(is[i].release), is[i].number);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"only some file systems are trusted", test_kinds},
        {"a rule vouches, or is strict", test_options},
        {"a state must be known for long", test_unknown},
        {"a future or late ctime", test_future},
        {"every field of the identity counts", test_changed},
        {"a ctime in the future is never old, however far", test_centuries},
        {"the kernel's settling time", test_real_settling},
        {"write-back that is switched off", test_no_write_back},
        {"no history, no trust", test_no_history},
        {"releases of the kernel", test_releases},
        {"chunks settle when the file is old", test_settled},
        {"a store that no time shows is seen when settling", test_hidden_store},
        {"every change of a settled file is seen", test_changes},
        {NULL, NULL},
    };

    return oc_tap_suite("trust", tests);
}
