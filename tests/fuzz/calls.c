/*
 * Sequences of calls through the core, beside the kernel as the model.  Each
 * descriptor is opened twice: once known to the core, once not.  Input: operations
 * of a few bytes: open, close, dup, pread, read, lseek, hand-overs of the offset,
 * fork's preparation, stores, truncations, holes.
 *
 * Checked after each: value, every byte of the buffer, and, where it is handed over,
 * the kernel's offset.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/starting.h"
#include "base/counters.h"
#include "base/options.h"
#include "base/rules.h"
#include "base/sys.h"
#include "base/thread.h"
#include "base/vma.h"
#include "file/fdtable.h"
#include "fuzz.h"
#include "image/lend.h"
#include "kit.h"
#include "section/pool.h"
#include "serve.h"

enum { FILES = 2, SLOTS = 6, SIZE = 60000, ROOM = 40 << 10 };

static const char *name = "data.matched";
static int writer[FILES];
static struct slot {
    int ours, theirs; /* -1: closed */
    int file;
} slot[SLOTS];
static char *got, *want; /* ROOM bytes of memory that can be lent */

/* ---- the files ---- */

static bool touched = true;

static void fill_files(void)
{
    static uint8_t data[SIZE];

    if (!touched)
        return;
    touched = false;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = kit_byte(i);
    for (int i = 0; i < FILES; i++) {
        MUST(pwrite(writer[i], data, SIZE, 0) == SIZE);
        MUST(ftruncate(writer[i], SIZE) == 0);
    }
}

static int reopen(int file, int flags)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", writer[file]);
    int fd = open(path, flags | O_CLOEXEC);
    MUST(fd >= 0);
    return fd;
}

/* ---- calls as the shim makes them ---- */

static ssize_t served_pread(int fd, void *buf, size_t n, int64_t off)
{
    ssize_t result;
    struct oc_desc *d = oc_fd_get(fd);

    if (d && oc_serve_pread(fd, d, buf, n, off, &result) == OC_SERVED)
        return result;
    result = pread(fd, buf, n, off);
    if (d && result > 0)
        oc_serve_missed(fd, d, buf, (uint64_t)off, result);
    return result;
}

static ssize_t served_read(int fd, void *buf, size_t n)
{
    struct oc_desc *d = oc_fd_get(fd);
    ssize_t result;
    uint64_t word;

    if (!d)
        return read(fd, buf, n);
    switch (oc_serve_read(fd, d, buf, n, &result, &word)) {
    case OC_SERVED:
        return result;
    case OC_KERNEL:
        return read(fd, buf, n);
    case OC_KERNEL_AT:
        result = pread(fd, buf, n, (off_t)oc_word_offset(word));
        if (result > 0)
            MUST(oc_serve_moved(d, word, (size_t)result));
        if (result > 0)
            oc_serve_missed(fd, d, buf, oc_word_offset(word), result);
    }
    return result;
}

static int64_t served_lseek(int fd, int64_t off, int whence)
{
    struct oc_desc *d = oc_fd_get(fd);
    int64_t result;

    if (d && oc_serve_lseek(fd, d, off, whence, &result))
        return result;
    return lseek(fd, off, whence);
}

/* ---- operations ---- */

static void op_open(struct slot *s, struct feed *f)
{
    uint8_t how = feed_byte(f);
    int flags = how & 2 ? O_RDWR : O_RDONLY;

    if (s->ours >= 0)
        return;
    s->file = how & 1;
    s->ours = reopen(s->file, flags);
    s->theirs = reopen(s->file, flags);
    oc_fd_opened(s->ours, name, flags, how & 4, oc_starting_moment());
}

static void op_close(struct slot *s)
{
    if (s->ours < 0)
        return;
    oc_fd_forget(s->ours);
    close(s->ours);
    close(s->theirs);
    s->ours = s->theirs = -1;
}

static void op_dup(struct slot *s, struct feed *f)
{
    struct slot *to = &slot[feed_byte(f) % SLOTS];

    if (s->ours < 0 || to->ours >= 0)
        return;
    *to = (struct slot){dup(s->ours), dup(s->theirs), s->file};
    oc_fd_duped(s->ours, to->ours);
}

/* Small ones mostly; the place within the buffer is one of a few. */
static size_t some_length(struct feed *f)
{
    uint32_t n = feed_word(f);
    static const unsigned shift[] = {10, 8, 4, 1};

    return n >> shift[n & 3];
}

static uint64_t some_place(struct feed *f)
{
    return feed_word(f) + feed_byte(f) % 4 * 256u;
}

static void compare(ssize_t a, ssize_t b)
{
    MUST(a == b);
    MUST(memcmp(got, want, ROOM) == 0);
}

static void op_pread(struct slot *s, struct feed *f)
{
    size_t n = some_length(f), at = feed_byte(f) * 8u;
    int64_t off = (int64_t)some_place(f);

    if (s->ours >= 0)
        compare(served_pread(s->ours, got + at, n, off), pread(s->theirs, want + at, n, off));
}

static void op_read(struct slot *s, struct feed *f)
{
    size_t n = some_length(f), at = feed_byte(f) * 8u;

    if (s->ours >= 0)
        compare(served_read(s->ours, got + at, n), read(s->theirs, want + at, n));
}

static void op_lseek(struct slot *s, struct feed *f)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 77};
    uint8_t how = feed_byte(f);
    int64_t off = (int64_t)some_place(f) * (how & 0x80 ? -1 : 1);
    int whence = whences[how % 6];

    if (s->ours >= 0)
        MUST(served_lseek(s->ours, off, whence) == lseek(s->theirs, off, whence));
}

static void same_kernel_offset(const struct slot *s)
{
    if (s->ours >= 0)
        MUST(lseek(s->ours, 0, SEEK_CUR) == lseek(s->theirs, 0, SEEK_CUR));
}

static void op_hand_over(struct slot *s, struct feed *f)
{
    if (s->ours < 0)
        return;
    if (feed_byte(f) & 1)
        oc_fd_release(s->ours);
    else
        oc_fd_expose(s->ours);
    same_kernel_offset(s);
}

static void op_fork(void)
{
    oc_serve_fork_before();
    for (int i = 0; i < SLOTS; i++)
        same_kernel_offset(&slot[i]);
    oc_serve_fork_parent();
}

static void op_store(struct feed *f)
{
    uint8_t bytes[16];
    int fd = writer[feed_byte(f) & 1];
    off_t at = (off_t)some_place(f);

    touched = true;
    memset(bytes, feed_byte(f), sizeof bytes);
    MUST(pwrite(fd, bytes, sizeof bytes, at) == sizeof bytes);
}

static void op_truncate(struct feed *f)
{
    int fd = writer[feed_byte(f) & 1];

    touched = true;
    MUST(ftruncate(fd, (off_t)some_place(f)) == 0);
}

static void op_punch(struct feed *f)
{
    int fd = writer[feed_byte(f) & 1];
    off_t at = (off_t)some_place(f);

    touched = true;
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, 1 + feed_word(f));
}

/* What the program does to its memory: stores, and gives it back. */
static void op_memory(struct feed *f)
{
    uint8_t how = feed_byte(f);
    size_t at = feed_word(f) % ROOM;

    if (how & 1) {
        oc_lent_discard(got, ROOM);
        madvise(got, ROOM, MADV_DONTNEED);
        madvise(want, ROOM, MADV_DONTNEED);
        compare(0, 0);
    } else if (how & 2) {
        MUST(oc_lent_materialise(got, ROOM) == 0);
        compare(0, 0);
    } else {
        got[at] = want[at] = (char)how;
    }
}

/* The same read again and again, so that a section is mapped for it. */
static void op_heat(struct slot *s, struct feed *f)
{
    int64_t off = (int64_t)some_place(f);

    if (s->ours < 0)
        return;
    for (int i = 0; i < 40; i++)
        compare(served_pread(s->ours, got, 64, off), pread(s->theirs, want, 64, off));
}

static void step(struct feed *f)
{
    uint8_t op = feed_byte(f);
    struct slot *s = &slot[op / 16 % SLOTS];

    switch (op % 16) {
    case 0:
        op_open(s, f);
        break;
    case 1:
        op_close(s);
        break;
    case 2:
        op_dup(s, f);
        break;
    case 3:
        op_hand_over(s, f);
        break;
    case 4:
        op_fork();
        break;
    case 5:
        op_store(f);
        break;
    case 6:
        op_truncate(f);
        break;
    case 7:
        op_punch(f);
        break;
    case 8:
        op_memory(f);
        break;
    case 9:
        op_heat(s, f);
        break;
    case 10:
        op_lseek(s, f);
        break;
    case 11:
    case 12:
        op_read(s, f);
        break;
    default:
        op_pread(s, f);
        break;
    }
}

/* A run in which nothing was served has proved nothing. */
static void say_served(void)
{
    struct oc_counters sum;

    oc_thread_sum(&sum);
    printf("# %llu reads copied, %llu lent, %llu left to the kernel\n",
           (unsigned long long)sum.copied_calls, (unsigned long long)sum.lent_calls,
           (unsigned long long)sum.kernel_calls);
}

static char *plain_memory(void)
{
    char *p = mmap(NULL, ROOM + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MUST(p != MAP_FAILED);
    return p;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *error, *where;

    (void)argc;
    (void)argv;
    kit_start();
    atexit(say_served);
    oc_options.min_size = 0;
    oc_options.section = oc_page;
    oc_options.pool = 16 * oc_page;
    MUST(oc_rules_parse(&oc_options.rules, "*.matched", "", &error, &where));
    kit_guard();
    oc_serve_start();
    for (int i = 0; i < FILES; i++)
        writer[i] = kit_file(SIZE);
    for (int i = 0; i < SLOTS; i++)
        slot[i].ours = slot[i].theirs = -1;
    got = plain_memory();
    want = plain_memory();
    while (oc_vma_lendable(got, ROOM, NULL) == OC_VMA_COSTLY)
        ;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};

    fill_files();
    for (int i = 0; i < 200 && f.left; i++)
        step(&f);
    for (int i = 0; i < SLOTS; i++)
        op_close(&slot[i]);
    oc_lent_discard(got, ROOM);
    MUST(oc_lent_bytes() == 0);
    madvise(got, ROOM, MADV_DONTNEED);
    madvise(want, ROOM, MADV_DONTNEED);
    return 0;
}
