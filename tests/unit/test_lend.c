/*
 * Lending: the caller gets what pread would have given, byte for byte, and
 * nothing around it changes; the image is compared unless the user vouches.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/options.h"
#include "base/sys.h"
#include "base/thread.h"
#include "base/vma.h"
#include "image/header.h"
#include "image/image.h"
#include "image/lend.h"
#include "image/reread.h"
#include "imagekit.h"
#include "scratch.h"
#include "tap.h"

#define KIB  ((uint64_t)1 << 10)
#define MIB  ((uint64_t)1 << 20)
#define ROOM (16 * MIB)

static char *memory; /* ROOM bytes of plain memory */
static struct oc_rule rule;
static struct oc_file file;
static const char *why;

static void begin(const char *parent)
{
    fresh_home(parent);
    rule = (struct oc_rule){.glob = "*", .lend = true};
    memory = ready_to_lend(memory, ROOM);
}

/* The file's record, as if it had just been opened. */
static void fresh_file(int fd)
{
    static oc_file_id last;
    struct stat st;

    CU_ASSERT_EQUAL_FATAL(fstat(fd, &st), 0);
    file = (struct oc_file){.dev = st.st_dev, .ino = st.st_ino, .rule = &rule, .id = ++last};
}

static int make_file(uint64_t size, unsigned seed)
{
    int fd = scratch_file("/dev/shm", size, seed);

    CU_ASSERT_FATAL(fd >= 0);
    fresh_file(fd);
    return fd;
}

static ssize_t lend(int fd, void *buf, size_t len, uint64_t off)
{
    struct oc_lend_request request = {.file = &file, .fd = fd, .buf = buf, .len = len, .off = off};

    why = "";
    return oc_lend_read(&request, &why);
}

/* All memory anonymous and zero again. */
static void clean(void)
{
    oc_lent_discard(memory, ROOM);
    madvise(memory, ROOM, MADV_DONTNEED);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
}

static void finish(int fd)
{
    close(fd);
    clean();
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    scratch_remove(home);
}

static int open_image_file(void)
{
    char name[256] = "", path[600];

    scratch_count(home, ".image", name);
    snprintf(path, sizeof(path), "%s/%s", home, name);
    return open(path, O_RDWR | O_CLOEXEC);
}

static uint64_t counted(size_t at)
{
    struct oc_counters sum;

    oc_thread_sum(&sum);
    return *(uint64_t *)((char *)&sum + at);
}
#define COUNTED(what) counted(offsetof(struct oc_counters, what))

/* ---- the same as pread ---- */

enum { AROUND = 8192 };

/* One read at every side of which the memory is filled with a pattern.  False: something
 * differs from pread. */
static bool agrees(int fd, uint64_t shift, size_t len, uint64_t off, bool touch)
{
    static char expected[4 << 20];
    char *buf = memory + AROUND + shift;
    ssize_t want, got;
    bool ok;

    memset(expected, 0xee, AROUND + shift + len + AROUND);
    if (touch)
        memset(memory, 0xee, AROUND + shift + len + AROUND);
    want = pread(fd, expected + AROUND + shift, len, (off_t)off);
    got = lend(fd, buf, len, off);
    if (!touch) { /* only what was read can be compared */
        ok = got < 0 || (got == want && memcmp(buf, expected + AROUND + shift, (size_t)want) == 0);
    } else {
        if (got < 0) /* nothing may have happened */
            memset(expected + AROUND + shift, 0xee, len);
        ok = (got < 0 || got == want) &&
             memcmp(memory, expected, AROUND + shift + len + AROUND) == 0;
    }
    return ok;
}

static unsigned sweep_combinations(int fd, uint64_t size, unsigned *lent)
{
    static const uint64_t shifts[] = {0, 1, 16, 2064, 3987, 4072, 4095};
    const uint64_t offs[] = {
        0,       1, 4095, 4096, 100000, 262143, 262144, size / 2, size > 70000 ? size - 70000 : 0,
        size - 1};
    const uint64_t lens[] = {4096, 8191, 65536, 300001, 524288, size, size + 1, size + 100000};
    unsigned bad = 0;

    for (size_t s = 0; s < sizeof(shifts) / sizeof(shifts[0]); s++)
        for (size_t o = 0; o < sizeof(offs) / sizeof(offs[0]); o++)
            for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
                uint64_t before = COUNTED(lent_calls);

                if (lens[n] > 3 * MIB || offs[o] >= size)
                    continue;
                fresh_file(fd);
                bad += !agrees(fd, shifts[s], lens[n], offs[o], (s + o + n) % 3 != 0);
                *lent += COUNTED(lent_calls) > before;
                clean();
            }
    return bad;
}

static void combinations(bool unchanging)
{
    static const uint64_t sizes[] = {4096, 4097, 20000, 262144, 262145, 1000003, 2097152};
    unsigned lent = 0;

    begin("/dev/shm");
    rule.unchanging = unchanging;
    oc_options.linger = 1000; /* so that later rounds meet full chunks */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int fd = make_file(sizes[i], (unsigned)i);

        CU_ASSERT_EQUAL(sweep_combinations(fd, sizes[i], &lent), 0);
        close(fd);
    }
    CU_ASSERT(lent > 1000);
    scratch_remove(home);
}

static void test_combinations_compared(void)
{
    uint64_t compared = COUNTED(compared_bytes), trusted = COUNTED(trusted_bytes);

    combinations(false);
    CU_ASSERT(COUNTED(compared_bytes) > compared);
    CU_ASSERT_EQUAL(COUNTED(trusted_bytes), trusted);
    CU_ASSERT_EQUAL(COUNTED(differed_bytes), 0);
}

static void test_combinations_trusted(void)
{
    uint64_t compared = COUNTED(compared_bytes), trusted = COUNTED(trusted_bytes);

    combinations(true);
    CU_ASSERT_EQUAL(COUNTED(compared_bytes), compared);
    CU_ASSERT(COUNTED(trusted_bytes) > trusted);
}

static void test_whole_pages(void)
{
    int fd;

    begin("/dev/shm");
    fd = make_file(3 * MIB + 5, 1);
    errno = 12;
    CU_ASSERT_EQUAL(lend(fd, memory + 16, 8 * MIB, 0), (ssize_t)(3 * MIB + 5));
    CU_ASSERT_EQUAL(errno, 12);
    CU_ASSERT_EQUAL(oc_lent_bytes(), 3 * MIB - 4096);
    CU_ASSERT_EQUAL(images(), 1);
    CU_ASSERT_EQUAL(file.lent_total, 3 * MIB - 4096);
    CU_ASSERT(oc_lent_maybe(memory + 4096, 1));
    CU_ASSERT(oc_lent_block_maybe(memory + 16));
    CU_ASSERT(!oc_lent_maybe(memory, 4096));
    CU_ASSERT(!oc_lent_maybe(memory + 3 * MIB, 4096));
    finish(fd);
}

static void test_home_on_disk(void)
{
    int fd;

    begin("/var/tmp");
    fd = make_file(MIB, 1);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(agrees(fd, 100, MIB, 0, true));
        CU_ASSERT(oc_lent_bytes() >= MIB - 8192);
        clean();
        fresh_file(fd);
    }
    finish(fd);
}

/* ---- who may write what ---- */

static void test_private(void)
{
    char *a = memory + 16, *b = memory + 4 * MIB + 16;
    int fd;
    char byte;

    begin("/dev/shm");
    fd = make_file(MIB, 3);
    CU_ASSERT_EQUAL(lend(fd, a, MIB, 0), (ssize_t)MIB);
    CU_ASSERT_EQUAL(lend(fd, b, MIB, 0), (ssize_t)MIB);
    CU_ASSERT_EQUAL(images(), 1);
    a[500000] ^= 1;
    CU_ASSERT_EQUAL((unsigned char)b[500000], scratch_byte(3, 500000));
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, 500000), 1);
    CU_ASSERT_EQUAL((unsigned char)byte, scratch_byte(3, 500000));
    CU_ASSERT_EQUAL(ftruncate(fd, 0), 0); /* the file's end is not ours */
    CU_ASSERT_EQUAL((unsigned char)b[700000], scratch_byte(3, 700000));
    finish(fd);
}

/* A byte of the image that is not the file's: found when compared. */
static void test_differing_image(void)
{
    static const uint64_t places[] = {0, 16, 4096, 65535, 65536, 262143, 262144, 999999};
    int fd, image;
    char byte = 0;

    begin("/dev/shm");
    fd = make_file(MIB, 4);
    oc_options.linger = 1000;
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    clean();
    image = open_image_file();
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t at = 4096 + 16 + places[i], before = COUNTED(differed_bytes);

        byte = (char)~scratch_byte(4, places[i]);
        CU_ASSERT_EQUAL(pwrite(image, &byte, 1, (off_t)at), 1);
        fresh_file(fd);
        CU_ASSERT(agrees(fd, 16, MIB, 0, true));
        CU_ASSERT_EQUAL(COUNTED(differed_bytes) - before, 64 * KIB);
        CU_ASSERT(oc_lent_bytes() > MIB / 2);
        CU_ASSERT(!file.no_lend);
        clean();
        byte = (char)~byte;
        CU_ASSERT_EQUAL(pwrite(image, &byte, 1, (off_t)at), 1);
    }
    close(image);
    close(fd);
    scratch_remove(home);
}

/* A store through a mapping of a tmpfs file moves no time stamp, but for the first one to
 * a page. */
static void test_changed_behind_times(void)
{
    char *shared;
    int fd;

    begin("/dev/shm");
    fd = make_file(MIB, 5);
    oc_options.linger = 1000;
    shared = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (size_t i = 0; i < MIB; i += 4096)
        shared[i] ^= 0x40;
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    clean();
    shared[300000] ^= 0x80;
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    clean();
    for (size_t i = 0; i < MIB; i += 50000)
        shared[i] ^= 0x80;
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    CU_ASSERT(file.no_lend); /* such an image is of no use */
    clean();
    munmap(shared, MIB);
    close(fd);
    scratch_remove(home);
}

static void test_vouched(void)
{
    int fd, image;
    char byte = 0;

    begin("/dev/shm");
    rule.unchanging = true;
    oc_options.linger = 1000;
    fd = make_file(MIB, 6);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    clean();
    image = open_image_file();
    CU_ASSERT_EQUAL(pread(image, &byte, 1, 4096 + 16 + 500000), 1);
    byte = (char)~byte;
    CU_ASSERT_EQUAL(pwrite(image, &byte, 1, 4096 + 16 + 500000), 1);
    fresh_file(fd);
    CU_ASSERT_EQUAL(lend(fd, memory + 16, MIB, 0), (ssize_t)MIB);
    CU_ASSERT_EQUAL(memory[16 + 500000], byte); /* trusted: not looked at */
    clean();
    rule.strict = true;
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    clean();
    close(image);
    close(fd);
    scratch_remove(home);
}

static void test_short_image(void)
{
    int fd, image;

    begin("/dev/shm");
    oc_options.linger = 1000;
    fd = make_file(MIB, 7);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    clean();
    image = open_image_file();
    CU_ASSERT_EQUAL(ftruncate(image, 4096 + 300000), 0);
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true)); /* replaced by a new one */
    clean();
    close(image);
    close(fd);
    scratch_remove(home);
}

/* ---- together ---- */

static int load_and_check(void *arg)
{
    int fd = *(int *)arg;
    unsigned bad = 0;

    if (lend(fd, memory + 4072, 12 * MIB, 0) != (ssize_t)(12 * MIB))
        return 1;
    for (uint64_t i = 0; i < 12 * MIB; i++)
        bad += (unsigned char)memory[4072 + i] != scratch_byte(8, i);
    if (oc_lent_bytes() < 11 * MIB)
        return 2;
    oc_image_leave_all();
    return bad ? 3 : 0;
}

static void test_fill_together(void)
{
    pid_t pid[4];
    int fd, status;

    begin("/dev/shm");
    fd = make_file(12 * MIB, 8);
    for (int i = 0; i < 4; i++)
        if ((pid[i] = fork()) == 0)
            _exit(load_and_check(&fd));
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(waitpid(pid[i], &status, 0), pid[i]);
        CU_ASSERT_EQUAL(status, 0);
    }
    finish(fd);
}

/* Somebody has claimed a chunk and never goes on: that part is read plainly. */
static void test_stopped_filler(void)
{
    struct oc_image *image;
    const char *word;
    int fd, other;

    begin("/dev/shm");
    fd = make_file(MIB, 9);
    CU_ASSERT_EQUAL(oc_identity_of(fd, &id), 0);
    image = oc_image_open(&id, 16, 1, &other, &word);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_EQUAL(oc_image_claim(image, other, 1), OC_CLAIMED);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    CU_ASSERT(oc_lent_bytes() >= 700 * KIB && oc_lent_bytes() <= 768 * KIB);
    oc_image_unclaim(image, other, 1, false);
    oc_image_done(image, other);
    clean();
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true));
    CU_ASSERT(oc_lent_bytes() >= 1000 * KIB);
    finish(fd);
}

static void *load_in_thread(void *arg)
{
    char *at = arg;
    struct oc_file mine = file;
    struct oc_lend_request request = {
        .file = &mine, .fd = (int)mine.lent_total, .buf = at, .len = MIB, .off = 0};
    const char *word;

    mine.lent_total = 0;
    for (int i = 0; i < 50; i++) {
        mine.id = 1000 + (unsigned)i;
        if (oc_lend_read(&request, &word) != (ssize_t)MIB)
            return "not lent";
        for (uint64_t k = 0; k < MIB; k += 1000)
            if ((unsigned char)at[k] != scratch_byte(10, k))
                return "wrong";
        oc_lent_discard(at, MIB);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t thread[4];
    void *result;
    int fd;

    begin("/dev/shm");
    fd = make_file(MIB, 10);
    file.lent_total = (uint64_t)fd;
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, load_in_thread, memory + 16 + (uint64_t)i * 4 * MIB);
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], &result);
        CU_ASSERT_PTR_NULL(result);
    }
    finish(fd);
}

/* A file that is cut and restored while it is read: every byte is one that it had. */
static void test_truncated_meanwhile(void)
{
    unsigned bad = 0;
    pid_t pid;
    int fd;

    begin("/dev/shm");
    fd = make_file(2 * MIB, 11);
    pid = fork();
    if (pid == 0)
        for (;;) {
            static char zeros[MIB];

            if (ftruncate(fd, (off_t)MIB + 12345) || ftruncate(fd, 2 * (off_t)MIB) ||
                pwrite(fd, zeros, MIB, MIB) < 0)
                _exit(1);
        }
    for (int i = 0; i < 200; i++) {
        ssize_t got;

        fresh_file(fd);
        got = lend(fd, memory + 16, 2 * MIB, 0);
        for (ssize_t k = 0; k < got; k += 7) {
            unsigned char byte = (unsigned char)memory[16 + k];

            bad += byte != scratch_byte(11, (uint64_t)k) && (byte || k < (ssize_t)MIB);
        }
        bad += got >= 0 && got < (ssize_t)MIB;
        clean();
    }
    CU_ASSERT_EQUAL(bad, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    finish(fd);
}

/* ---- refused ---- */

static void test_refused(void)
{
    int fd, other;

    begin("/dev/shm");
    fd = make_file(MIB, 12);
    other = scratch_file("/dev/shm", MIB, 12);
    CU_ASSERT_EQUAL(lend(other, memory, MIB, 0), -1);
    CU_ASSERT_STRING_EQUAL(why, "another file");
    CU_ASSERT_EQUAL(lend(-1, memory, MIB, 0), -1);
    CU_ASSERT_EQUAL(lend(fd, memory, MIB, MIB), -1);
    CU_ASSERT_EQUAL(lend(fd, memory, MIB, MIB - 4095), -1);
    CU_ASSERT_STRING_EQUAL(why, "small");
    CU_ASSERT_EQUAL(lend(fd, memory + 1, 4096, 0), -1); /* not one whole page */
    CU_ASSERT_EQUAL(lend(fd, (void *)(uintptr_t)-8192, MIB, 0), -1);
    CU_ASSERT_EQUAL(lend(fd, NULL, MIB, 0), -1);
    CU_ASSERT_EQUAL(lend(fd, memory, 4095, 0), -1);
    rule.lend = false;
    CU_ASSERT_EQUAL(lend(fd, memory, MIB, 0), -1);
    rule.lend = true;
    oc_options.lend = false;
    CU_ASSERT_EQUAL(lend(fd, memory, MIB, 0), -1);
    oc_options.lend = true;
    file.no_lend = true;
    CU_ASSERT_EQUAL(lend(fd, memory, MIB, 0), -1);
    CU_ASSERT_EQUAL(file.lent_total, 0);
    CU_ASSERT_EQUAL(scratch_count(home, "", NULL), 0);
    CU_ASSERT_EQUAL(memory[0], 0);
    close(other);
    finish(fd);
}

static bool is_right(const char *bytes, unsigned seed, uint64_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)bytes[i] != scratch_byte(seed, from + i))
            return false;
    return true;
}

/* Over lent memory, of which some is not lent any more; and where the file is shorter by now. */
static void test_reread(void)
{
    const size_t n = 3 * MIB + 777;
    int fd;

    begin("/dev/shm");
    fd = make_file(8 * MIB, 14);
    CU_ASSERT_EQUAL(lend(fd, memory + 16, n, 0), (ssize_t)n);
    memory[16 + MIB] ^= 1;
    oc_lent_discard(memory + 2 * MIB, 20 * oc_page);
    memory[16 + n] = 'x';
    CU_ASSERT_EQUAL(oc_reread(fd, memory + 16, n, 5001), (ssize_t)n);
    CU_ASSERT(is_right(memory + 16, 14, 5001, n));
    CU_ASSERT_EQUAL(memory[16 + n], 'x');
    clean();

    fresh_file(fd);
    CU_ASSERT_EQUAL(lend(fd, memory + 16, n, 0), (ssize_t)n);
    CU_ASSERT_EQUAL(ftruncate(fd, 6 * MIB), 0);
    CU_ASSERT_EQUAL(oc_reread(fd, memory + 16, n, 4 * MIB + 5), 2 * (ssize_t)MIB - 5);
    CU_ASSERT(is_right(memory + 16, 14, 4 * MIB + 5, 2 * MIB - 5));
    CU_ASSERT(is_right(memory + 16 + 2 * MIB - 5, 14, 2 * MIB - 5, n - 2 * MIB + 5));
    CU_ASSERT_EQUAL(oc_reread(fd, memory + 16, n, 7 * MIB), -1);
    clean();
    finish(fd);
}

static void test_stream(void)
{
    struct oc_counters before, after;
    int fd;

    begin("/dev/shm");
    fd = make_file(4 * MIB, 13);
    CU_ASSERT_EQUAL(lend(fd, memory + 16, MIB, 0), (ssize_t)MIB);
    /* Read, into memory of the program's own. */
    oc_thread_sum(&before);
    CU_ASSERT_EQUAL(lend(fd, memory + 16, MIB, MIB), (ssize_t)MIB);
    oc_thread_sum(&after);
    CU_ASSERT_EQUAL(after.kernel_calls - before.kernel_calls, 1);
    CU_ASSERT_EQUAL(after.kernel_bytes - before.kernel_bytes, MIB);
    CU_ASSERT_STRING_EQUAL(why, "reused buffer");
    CU_ASSERT(!file.no_lend);
    CU_ASSERT(is_right(memory + 16, 13, MIB, MIB));
    CU_ASSERT_EQUAL(oc_lent_bytes(), 0);
    CU_ASSERT_EQUAL(scratch_count(home, ".image", NULL), 0);
    CU_ASSERT_EQUAL(lend(fd, memory + 16, MIB, 2 * MIB), -1);
    CU_ASSERT(file.no_lend);
    clean();

    /* With a free in between. */
    fresh_file(fd);
    for (uint64_t i = 0; i < 4; i++) {
        ssize_t got = lend(fd, memory + 16, MIB, i * MIB);

        CU_ASSERT_EQUAL(got, i < 2 ? (ssize_t)MIB : -1);
        clean();
    }
    CU_ASSERT(file.no_lend);

    /* The same bytes to the same place are a reload, other places a load. */
    fresh_file(fd);
    for (uint64_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(lend(fd, memory + 16 + i * MIB, MIB, i * MIB), (ssize_t)MIB);
        oc_lent_discard(memory + 16 + i * MIB, MIB);
        CU_ASSERT_EQUAL(lend(fd, memory + 16 + i * MIB, MIB, i * MIB), (ssize_t)MIB);
    }
    CU_ASSERT(!file.no_lend);
    finish(fd);
}

/* The kernel refuses the mapping itself: all of it is read plainly. */
static int without_mapping(void *arg)
{
    int fd = *(int *)arg;

#ifdef SYS_mmap2
    const int call = SYS_mmap2;
#else
    const int call = SYS_mmap;
#endif

    if (!scratch_forbid(call, 3, UINT32_MAX, MAP_PRIVATE | MAP_FIXED, ENOMEM))
        return 1;
    if (!agrees(fd, 16, MIB, 100, true) || lend(fd, memory + 4 * MIB, MIB, 0) != (ssize_t)MIB)
        return 2;
    if (oc_lent_bytes() || file.lent_total)
        return 3;
    return images() ? 4 : 0;
}

static void test_mapping_refused(void)
{
    int fd;

    begin("/dev/shm");
    fd = make_file(MIB, 15);
    CU_ASSERT_EQUAL(oc_tap_child(without_mapping, &fd), 0);
    finish(fd);
}

/* Far below vm.max_map_count we stop. */
static void test_many_mappings(void)
{
    enum { STRIDE = 16384, MOST = 8192 };
    const size_t size = (size_t)(MOST + 100) * STRIDE;
    char *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned lent = 0;
    int fd;

    begin("/dev/shm");
    while (oc_vma_lendable(arena, size, NULL) == OC_VMA_COSTLY)
        ;
    fd = make_file(MIB, 16);
    for (size_t at = 0; at < size; at += STRIDE)
        lent += lend(fd, arena + at, 4096, 0) == 4096;
    CU_ASSERT(lent > 1000 && lent <= MOST);
    CU_ASSERT_STRING_EQUAL(why, "too many mappings");
    CU_ASSERT_EQUAL(oc_lent_bytes(), lent * UINT64_C(4096));
    oc_lent_discard(arena, size / 2);
    CU_ASSERT(oc_lent_bytes() <= lent * UINT64_C(2048) + 4096);
    CU_ASSERT_EQUAL(lend(fd, arena, 4096, 0), 4096); /* room again */
    munmap(arena, size);
    oc_lent_forget(arena, size);
    finish(fd);
}

static void test_full_home(void)
{
    int fd, filler;
    uint64_t before = COUNTED(lent_calls);

    if (geteuid() != 0)
        return;
    begin("/dev/shm");
    if (mount("none", home, "tmpfs", 0, "size=4m,mode=0700") < 0) {
        scratch_remove(home);
        return;
    }
    fd = make_file(2 * MIB, 14);
    CU_ASSERT(agrees(fd, 16, 2 * MIB, 0, true)); /* there is room */
    CU_ASSERT_EQUAL(COUNTED(lent_calls), before + 1);
    clean();
    filler = scratch_file(home, 2 * MIB, 1);
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, 2 * MIB, 0, true)); /* now there is not */
    CU_ASSERT_EQUAL(COUNTED(lent_calls), before + 1);
    CU_ASSERT_STRING_EQUAL(why, "no room");
    CU_ASSERT_EQUAL(ftruncate(filler, 0), 0);
    fresh_file(fd);
    CU_ASSERT(agrees(fd, 16, MIB, 0, true)); /* half of the image */
    CU_ASSERT_EQUAL(COUNTED(lent_calls), before + 2);
    CU_ASSERT_EQUAL(ftruncate(filler, 2 * MIB), 0);
    CU_ASSERT_EQUAL(posix_fallocate(filler, 0, 2 * MIB), 0);
    /* No room for the rest. */
    CU_ASSERT_EQUAL(lend(fd, memory + AROUND + 16 + MIB, MIB, MIB), -1);
    CU_ASSERT_STRING_EQUAL(why, "no room in the image");
    clean();
    close(filler);
    close(fd);
    umount(home);
    scratch_remove(home);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"every shift, offset, length and size, compared", test_combinations_compared},
        {"every shift, offset, length and size, trusted", test_combinations_trusted},
        {"all whole pages are lent", test_whole_pages},
        {"with the home on a disk", test_home_on_disk},
        {"what is lent is private", test_private},
        {"a byte that differs is found", test_differing_image},
        {"so is a store that moved no time", test_changed_behind_times},
        {"unchanging files are trusted, strict ones never", test_vouched},
        {"an image that was cut short is replaced", test_short_image},
        {"processes fill together", test_fill_together},
        {"a filler that never goes on is not waited for long", test_stopped_filler},
        {"threads lend and discard", test_threads},
        {"a file that is cut while it is read", test_truncated_meanwhile},
        {"what cannot be lent is left to the kernel", test_refused},
        {"lent memory is read into anew", test_reread},
        {"a stream is noticed", test_stream},
        {"a mapping that is refused", test_mapping_refused},
        {"not too many mappings", test_many_mappings},
        {"a full home", test_full_home},
        {NULL, NULL},
    };

    return oc_tap_suite("lend", tests);
}
