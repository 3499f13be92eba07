/*
 * Views of files: bytes, merging, budget, pins, growth.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <CUnit/CUnit.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tap.h"
#include "view_file.h"

#define K ((uint64_t)1024)
#define M (1024 * K)

static void fails(int result, int cause)
{
    CU_ASSERT_EQUAL(result, -1);
    CU_ASSERT_EQUAL(errno, cause);
}

static void *get(struct onecopy_file *file, uint64_t off, size_t n, struct onecopy_view *view)
{
    errno = 77;
    CU_ASSERT_EQUAL_FATAL(onecopy_get(file, off, n, view), 0);
    CU_ASSERT_EQUAL(errno, 77);
    CU_ASSERT_EQUAL(view->size, n);
    CU_ASSERT_TRUE(view_right(view->data, off, n));
    return view->data;
}

static void release(struct onecopy_view *view)
{
    CU_ASSERT_EQUAL(onecopy_release(view), 0);
    CU_ASSERT_PTR_NULL(view->data);
}

static void test_bytes(void)
{
    struct onecopy_file *file = view_make(M + 123, 0);
    struct onecopy_view view;
    get(file, 0, 1, &view);
    release(&view);
    get(file, M + 122, 1, &view);
    release(&view);
    get(file, 300001, 5000, &view);
    release(&view);
    get(file, 0, M + 123, &view);
    release(&view);
    CU_ASSERT_EQUAL(onecopy_size(file), (int64_t)(M + 123));
    view_done(file);
    CU_ASSERT_EQUAL(view_mapped(), 0);
    CU_ASSERT_EQUAL(view_counters().mapped, 0);
    CU_ASSERT_EQUAL(view_counters().held, 0);
}

static void test_errors(void)
{
    struct onecopy_file *file = view_make(10000, 0);
    struct onecopy_view view;
    fails(onecopy_get(file, 0, 0, &view), EINVAL);
    fails(onecopy_get(file, 9999, 2, &view), ERANGE);
    fails(onecopy_get(file, 20000, 1, &view), ERANGE);
    fails(onecopy_get(file, UINT64_MAX, 2, &view), ERANGE);
    CU_ASSERT_PTR_NULL(view.data);
    fails(onecopy_release(&view), EINVAL);
    get(file, 5, 5, &view);
    release(&view);
    fails(onecopy_release(&view), EINVAL);
    fails(onecopy_unpin(file, 5, 5), ENOENT);
    fails(onecopy_grow(file, 20000), EBADF);
    fails((int)onecopy_extend(file, 1), EBADF);
    fails(onecopy_set_budget(1), EINVAL);
    view_done(file);
}

static void open_fails(const char *path, unsigned flags, int cause)
{
    errno = 0;
    CU_ASSERT_PTR_NULL(onecopy_open(path, flags));
    CU_ASSERT_EQUAL(errno, cause);
}

static void test_open_errors(void)
{
    char fifo[] = "/tmp/onecopy-fifo-XXXXXX";
    open_fails("/nonexistent", 0, ENOENT);
    open_fails("/tmp", 0, EISDIR);
    open_fails("/dev/null", 0, ENODEV);
    open_fails("/etc/passwd", 1u << 31, EINVAL);
    CU_ASSERT_FATAL(mkdtemp(fifo) != NULL);
    rmdir(fifo);
    CU_ASSERT_EQUAL_FATAL(mkfifo(fifo, 0600), 0);
    open_fails(fifo, 0, ENODEV);
    unlink(fifo);
    onecopy_close(NULL);
}

/* sysfs gives its files a size, but can't map them. */
static void test_unmappable(void)
{
    struct onecopy_file *file = onecopy_open("/sys/devices/system/cpu/online", 0);
    struct onecopy_view view;
    char c = 0;
    if (!file)
        return;
    fails(onecopy_get(file, 0, 1, &view), ENODEV);
    fails(onecopy_pin(file, 0, 1), ENODEV);
    CU_ASSERT_EQUAL(onecopy_read(file, &c, 1, 0), 1);
    CU_ASSERT_EQUAL(c, '0');
    onecopy_close(file);
    CU_ASSERT_EQUAL(view_counters().mapped, 0);
}

static void test_spanning(void)
{
    struct onecopy_file *file = view_make(4 * M, 0);
    struct onecopy_view a, b, both, again;
    uint64_t section = view_counters().section;
    struct onecopy_counters before;
    void *at = get(file, section - 100, 100, &a);
    get(file, section, 100, &b);
    before = view_counters();
    get(file, section - 50, 100, &both);
    CU_ASSERT_EQUAL(view_counters().merges, before.merges + 1);
    CU_ASSERT_EQUAL(view_counters().mapped, 4 * section);
    CU_ASSERT_EQUAL(view_mapped(), 4 * section);
    CU_ASSERT_PTR_EQUAL(a.data, at);
    CU_ASSERT_TRUE(view_right(a.data, section - 100, 100));
    CU_ASSERT_TRUE(view_right(b.data, section, 100));

    before = view_counters();
    get(file, 10, 2 * section - 10, &again);
    CU_ASSERT_EQUAL(view_counters().maps, before.maps);
    CU_ASSERT_EQUAL(view_counters().hits, before.hits + 1);
    CU_ASSERT_EQUAL((char *)again.data - (char *)both.data, 10 - (long)(section - 50));
    release(&a);
    release(&b);
    CU_ASSERT_EQUAL(view_counters().mapped, 2 * section);
    CU_ASSERT_EQUAL(view_mapped(), 2 * section);
    release(&both);
    release(&again);
    CU_ASSERT_EQUAL(view_counters().held, 0);
    CU_ASSERT_EQUAL(view_counters().mapped, 2 * section);
    view_done(file);
}

/* A request that cuts through a merged part takes it in. */
static void test_merging_goes_on(void)
{
    struct onecopy_file *file = view_make(4 * M, 0);
    struct onecopy_view view;
    uint64_t section = view_counters().section;
    struct onecopy_counters before;
    get(file, section - 1, 2, &view);
    release(&view);
    get(file, 2 * section - 1, 2, &view);
    release(&view);
    before = view_counters();
    CU_ASSERT_EQUAL(before.mapped, 3 * section);
    get(file, 0, 3 * section, &view);
    release(&view);
    CU_ASSERT_EQUAL(view_counters().maps, before.maps);
    view_done(file);
}

static void test_whole_budget(void)
{
    struct onecopy_file *file = view_make(4 * M, 0);
    struct onecopy_view small, view;
    uint64_t refused = view_counters().refused;
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget(2 * M), 0);
    for (uint64_t off = 0; off < 2 * M; off += 3000) {
        get(file, off, 10, &view);
        release(&view);
    }
    get(file, 123, 2 * M, &view);
    CU_ASSERT_EQUAL(view_mapped(), 2 * M + (uint64_t)sysconf(_SC_PAGESIZE));
    fails(onecopy_get(file, 3 * M, 10, &small), EAGAIN);
    CU_ASSERT_EQUAL(view_counters().refused, refused + 1);
    release(&view);
    fails(onecopy_get(file, 0, 2 * M + 8192, &view), ENOMEM);
    CU_ASSERT_EQUAL(view_counters().refused, refused + 2);
    fails(onecopy_get(file, 0, 0, &view), EINVAL);
    CU_ASSERT_EQUAL(view_counters().refused, refused + 2);
    get(file, 3 * M, 10, &small);
    fails(onecopy_get(file, 0, 2 * M, &view), EAGAIN);
    fails(onecopy_set_budget(view_counters().section - 1), EINVAL);
    release(&small);
    get(file, 0, 2 * M, &view);
    release(&view);
    CU_ASSERT_EQUAL(onecopy_set_budget(32 * M), 0);
    view_done(file);
}

/* As views fill the budget, parts get small, so many views fit. */
static void test_many_views(void)
{
    enum { VIEWS = 200 };
    struct onecopy_file *file = view_make(VIEWS * 64 * K, 0);
    struct onecopy_view views[VIEWS];
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget(2 * M), 0);
    for (unsigned i = 0; i < VIEWS; i++)
        get(file, i * 64 * K, 100, &views[i]);
    CU_ASSERT_TRUE(view_mapped() <= 2 * M);
    fails(onecopy_set_budget(256 * K), EAGAIN);
    for (unsigned i = 0; i < VIEWS; i++) {
        CU_ASSERT_TRUE(view_right(views[i].data, i * 64 * K, 100));
        release(&views[i]);
    }
    CU_ASSERT_EQUAL(onecopy_set_budget(256 * K), 0);
    CU_ASSERT_TRUE(view_mapped() <= 256 * K);
    CU_ASSERT_EQUAL(onecopy_set_budget(32 * M), 0);
    view_done(file);
}

static void test_phase_out(void)
{
    struct onecopy_file *file = view_make(8 * M, 0);
    struct onecopy_view kept, view;
    struct onecopy_counters c;
    void *at;
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget(M), 0);
    at = get(file, 3 * M, 100, &kept);
    for (uint64_t off = 0; off < 8 * M; off += 10000) {
        get(file, off, 50, &view);
        release(&view);
        CU_ASSERT_TRUE(view_counters().mapped <= M);
    }
    c = view_counters();
    CU_ASSERT_TRUE(c.phased_out >= 27);
    CU_ASSERT_TRUE(view_mapped() <= M);
    CU_ASSERT_EQUAL(view_mapped(), c.mapped);
    CU_ASSERT_PTR_EQUAL(kept.data, at);
    CU_ASSERT_TRUE(view_right(kept.data, 3 * M, 100));
    release(&kept);
    CU_ASSERT_EQUAL(onecopy_set_budget(32 * M), 0);
    view_done(file);
}

static void test_pins(void)
{
    struct onecopy_file *file = view_make(8 * M, 0);
    struct onecopy_view view;
    struct onecopy_counters before;
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget(M), 0);
    CU_ASSERT_EQUAL(onecopy_pin(file, 5 * M - 1000, 100 * K), 0);
    CU_ASSERT_EQUAL(onecopy_pin(file, 5 * M - 1000, 100 * K), 0);
    for (uint64_t off = 0; off < 4 * M; off += 50000) {
        get(file, off, 50, &view);
        release(&view);
    }
    before = view_counters();
    get(file, 5 * M - 1000, 100 * K, &view);
    CU_ASSERT_EQUAL(view_counters().maps, before.maps);
    CU_ASSERT_EQUAL(onecopy_unpin(file, 5 * M - 1000, 100 * K), 0);
    CU_ASSERT_TRUE(view_counters().pinned > 0);
    CU_ASSERT_EQUAL(onecopy_unpin(file, 5 * M - 1000, 100 * K), 0);
    CU_ASSERT_EQUAL(view_counters().pinned, 0);
    fails(onecopy_unpin(file, 5 * M - 1000, 100 * K), ENOENT);
    CU_ASSERT_TRUE(view_right(view.data, 5 * M - 1000, 100 * K));
    release(&view);
    view_done(file);
    CU_ASSERT_EQUAL(view_counters().mapped, 0);
    CU_ASSERT_EQUAL(onecopy_set_budget(32 * M), 0);
}

static void test_pins_beyond_budget(void)
{
    struct onecopy_file *file = view_make(8 * M, 0);
    struct onecopy_view view;
    CU_ASSERT_EQUAL_FATAL(onecopy_set_budget(M), 0);
    fails(onecopy_pin(file, 0, 2 * M), ENOMEM);
    CU_ASSERT_EQUAL(onecopy_pin(file, 0, 3 * M / 4), 0);
    fails(onecopy_pin(file, 2 * M, M / 2), ENOMEM);
    fails(onecopy_get(file, 2 * M, M / 2, &view), ENOMEM);
    get(file, 2 * M, M / 4, &view);
    fails(onecopy_pin(file, 4 * M, M / 8), EAGAIN);
    fails(onecopy_set_budget(M / 2), EAGAIN);
    release(&view);
    CU_ASSERT_EQUAL(onecopy_pin(file, 4 * M, M / 8), 0);
    view_done(file); /* undoes the pins */
    CU_ASSERT_EQUAL(view_counters().pinned, 0);
    CU_ASSERT_EQUAL(view_counters().held, 0);
    CU_ASSERT_EQUAL(onecopy_set_budget(32 * M), 0);
}

static void test_growth(void)
{
    struct onecopy_file *writer = view_make(1000, ONECOPY_WRITE);
    struct onecopy_file *reader = onecopy_open(view_path, 0);
    struct onecopy_view w, r, more;
    CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
    get(writer, 0, 1000, &w);
    get(reader, 0, 1000, &r);
    fails(onecopy_get(reader, 1000, 1, &more), ERANGE);
    CU_ASSERT_EQUAL(onecopy_grow(writer, 500), 0);
    CU_ASSERT_EQUAL(onecopy_size(reader), 1000);
    for (uint64_t size = 1000; size < 2 * M; size += size / 2) {
        CU_ASSERT_EQUAL(onecopy_grow(writer, size + size / 2), 0);
        CU_ASSERT_EQUAL(onecopy_get(writer, size, size / 2, &more), 0);
        for (uint64_t i = 0; i < size / 2; i++)
            ((unsigned char *)more.data)[i] = view_byte(size + i);
        release(&more);
        get(reader, size - 500, size / 2, &more);
        release(&more);
    }
    CU_ASSERT_TRUE(view_right(w.data, 0, 1000));
    CU_ASSERT_TRUE(view_right(r.data, 0, 1000));
    release(&w);
    release(&r);
    CU_ASSERT_EQUAL(onecopy_flush(writer, 0, 0), 0);
    onecopy_close(reader);
    view_done(writer);
}

/* Appending in small steps does not make a mapping a step. */
static void test_growth_is_cheap(void)
{
    struct onecopy_file *file = view_make(0, ONECOPY_WRITE);
    uint64_t maps = view_counters().maps;
    struct onecopy_view view;
    for (unsigned i = 0; i < 1000; i++) {
        int64_t at = onecopy_extend(file, 100);
        CU_ASSERT_EQUAL_FATAL(at, 100 * (int64_t)i);
        CU_ASSERT_EQUAL_FATAL(onecopy_get(file, (uint64_t)at, 100, &view), 0);
        memset(view.data, (int)i, 100);
        release(&view);
    }
    CU_ASSERT_TRUE(view_counters().maps - maps <= 3);
    fails((int)onecopy_extend(file, 0), EINVAL);
    fails((int)onecopy_extend(file, UINT64_MAX), EFBIG);
    view_done(file);
}

static void test_stores_are_shared(void)
{
    struct onecopy_file *file = view_make(M, ONECOPY_WRITE);
    struct onecopy_view view;
    char buf[5];
    get(file, 300000, 10, &view);
    memcpy(view.data, "hello", 5);
    CU_ASSERT_EQUAL(onecopy_read(file, buf, 5, 300000), 5);
    CU_ASSERT_EQUAL(memcmp(buf, "hello", 5), 0);
    CU_ASSERT_EQUAL(onecopy_flush(file, 300000, 5), 0);
    release(&view);
    CU_ASSERT_EQUAL(onecopy_flush(file, 900000, 5), 0);
    CU_ASSERT_EQUAL(onecopy_flush(file, 0, 0), 0);
    CU_ASSERT_EQUAL(view_counters().held, 0);
    view_done(file);
}

/* Pages of the range that are not on disk; -1: the kernel can't tell (before 6.5). */
static long dirty_pages(struct onecopy_file *file, uint64_t off, uint64_t n)
{
    enum { SYS_CACHESTAT = 451 };
    struct {
        uint64_t off, len;
    } range = {off, n};
    struct {
        uint64_t cache, dirty, writeback, evicted, recently_evicted;
    } stat;
    if (syscall(SYS_CACHESTAT, onecopy_fileno(file), &range, &stat, 0))
        return -1;
    return (long)(stat.dirty + stat.writeback);
}

static void test_flush(void)
{
    struct onecopy_file *file = view_make(2 * M, ONECOPY_WRITE);
    struct onecopy_view a, b;
    if (dirty_pages(file, 0, M) >= 0) {
        CU_ASSERT_EQUAL(onecopy_flush(file, 0, 0), 0);
        CU_ASSERT_EQUAL(dirty_pages(file, 0, 2 * M), 0);
        get(file, 100 * K, 10, &a);
        get(file, M + 100 * K, 10, &b);
        memset(a.data, 1, 10);
        memset(b.data, 1, 10);
        CU_ASSERT_EQUAL(onecopy_flush(file, 100 * K, 10), 0);
        CU_ASSERT_EQUAL(dirty_pages(file, 0, M), 0);
        release(&a);
        release(&b);
        CU_ASSERT_EQUAL(onecopy_flush(file, 0, 2 * M), 0); /* no view covers that */
        CU_ASSERT_EQUAL(dirty_pages(file, 0, 2 * M), 0);
    }
    view_done(file);
}

static void test_close_leaves_views(void)
{
    struct onecopy_file *file = view_make(M, 0);
    struct onecopy_view a, b;
    get(file, 0, 300 * K, &a);
    get(file, 100, 300, &b);
    onecopy_close(file);
    CU_ASSERT_TRUE(view_right(a.data, 0, 300 * K));
    release(&a);
    CU_ASSERT_TRUE(view_right(b.data, 100, 300));
    release(&b);
    CU_ASSERT_EQUAL(view_counters().mapped, 0);
    CU_ASSERT_EQUAL(view_mapped(), 0);
    unlink(view_path);
}

static int touch(void *view)
{
    signal(SIGBUS, SIG_DFL); /* a sanitizer may have its own */
    return *(volatile char *)((struct onecopy_view *)view)->data;
}

static void test_truncated(void)
{
    struct onecopy_file *file = view_make(M, 0);
    struct onecopy_view view;
    char buf[100];
    get(file, M - 100, 100, &view);
    CU_ASSERT_EQUAL(truncate(view_path, 1000), 0);
    CU_ASSERT_EQUAL(oc_tap_child(touch, &view), 128 + SIGBUS);
    CU_ASSERT_EQUAL(onecopy_read(file, buf, 100, M - 100), 0);
    CU_ASSERT_EQUAL(onecopy_read(file, buf, 100, 950), 50);
    CU_ASSERT_TRUE(view_right(buf, 950, 50));
    fails((int)onecopy_read(file, buf, 1, UINT64_MAX), EINVAL);
    CU_ASSERT_EQUAL(onecopy_size(file), 1000);
    release(&view);
    view_done(file);
}

static int child_uses(void *arg)
{
    struct onecopy_view *view = arg, mine;
    struct onecopy_file *file = onecopy_open(view_path, 0);
    return file && view_right(view->data, 100, 1000) && onecopy_release(view) == 0 &&
                   onecopy_get(file, 0, M, &mine) == 0 && view_right(mine.data, 0, M)
               ? 0
               : 1;
}

static void test_fork(void)
{
    struct onecopy_file *file = view_make(M, 0);
    struct onecopy_view view;
    get(file, 100, 1000, &view);
    CU_ASSERT_EQUAL(oc_tap_child(child_uses, &view), 0);
    CU_ASSERT_TRUE(view_right(view.data, 100, 1000));
    release(&view);
    view_done(file);
}

static int without_stdio(void *arg)
{
    struct onecopy_file *file;
    (void)arg;
    close(0);
    close(2);
    file = onecopy_open(view_path, 0);
    return file && onecopy_fileno(file) > 2 && fcntl(0, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0 ? 0
                                                                                              : 1;
}

static void test_not_stdio(void)
{
    struct onecopy_file *file = view_make(100, 0);
    CU_ASSERT_TRUE(fcntl(onecopy_fileno(file), F_GETFD) & FD_CLOEXEC);
    CU_ASSERT_EQUAL(oc_tap_child(without_stdio, NULL), 0);
    view_done(file);
}

/* Within little address space: what is kept mapped goes, then it is ENOMEM. */
static int little_room(void *arg)
{
    struct onecopy_file *file = arg;
    struct onecopy_view view, views[100];
    unsigned n = 0;
    struct rlimit limit = {0, 0};
    FILE *statm = fopen("/proc/self/statm", "r");
    unsigned long pages;
    if (!statm || fscanf(statm, "%lu", &pages) != 1)
        return 1;
    fclose(statm);
    limit.rlim_cur = limit.rlim_max = pages * (unsigned long)sysconf(_SC_PAGESIZE) + 2 * M;
    if (setrlimit(RLIMIT_AS, &limit))
        return 2;
    for (uint64_t off = 0; off < 15 * M; off += 100000)
        if (onecopy_get(file, off, 1000, &view) || !view_right(view.data, off, 1000) ||
            onecopy_release(&view))
            return 3;
    while (n < 100 && onecopy_get(file, n * 160 * K, 64 * K, &views[n]) == 0)
        n++;
    if (n < 8 || n == 100 || errno != ENOMEM)
        return 4;
    while (n-- > 0)
        if (!view_right(views[n].data, n * 160 * K, 64 * K) || onecopy_release(&views[n]))
            return 5;
    return onecopy_get(file, 100, M, &view) == 0 && view_right(view.data, 100, M) ? 0 : 6;
}

/* With as many mappings as the kernel allows. */
static int many_mappings(void *arg)
{
    struct onecopy_file *file = arg;
    struct onecopy_view view, kept;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (onecopy_get(file, 0, 1000, &kept))
        return 1;
    for (unsigned i = 0; i < 100000; i++)
        if (mmap(NULL, page, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
            MAP_FAILED)
            break;
    for (uint64_t off = M; off < 15 * M; off += 100000)
        if (onecopy_get(file, off, 1000, &view)) {
            if (errno != ENOMEM)
                return 2;
        } else if (!view_right(view.data, off, 1000) || onecopy_release(&view)) {
            return 3;
        }
    return view_right(kept.data, 0, 1000) && onecopy_release(&kept) == 0 ? 0 : 4;
}

static void test_limits(void)
{
    struct onecopy_file *file = view_make(16 * M, 0);
    CU_ASSERT_EQUAL(oc_tap_child(little_room, file), 0);
    CU_ASSERT_EQUAL(oc_tap_child(many_mappings, file), 0);
    view_done(file);
}

static void test_counters_of_other_versions(void)
{
    struct {
        struct onecopy_counters now;
        uint64_t later;
    } big = {.later = 1};
    uint64_t small[2] = {1, 1};
    onecopy_count(&big.now, sizeof big);
    CU_ASSERT_EQUAL(big.later, 0);
    CU_ASSERT_EQUAL(big.now.budget, 32 * M);
    CU_ASSERT_EQUAL(big.now.section, 256 * K);
    onecopy_count((struct onecopy_counters *)small, sizeof small[0]);
    CU_ASSERT_EQUAL(small[0], 32 * M);
    CU_ASSERT_EQUAL(small[1], 1);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"the bytes of the file", test_bytes},
        {"errors of requests", test_errors},
        {"errors of open", test_open_errors},
        {"a file that can't be mapped", test_unmappable},
        {"a request that spans sections merges them", test_spanning},
        {"merged sections merge", test_merging_goes_on},
        {"a request of the whole budget", test_whole_budget},
        {"many small views", test_many_views},
        {"phase-out within the budget, not of views", test_phase_out},
        {"pins", test_pins},
        {"pins beyond the budget", test_pins_beyond_budget},
        {"growth", test_growth},
        {"growth in small steps", test_growth_is_cheap},
        {"stores are shared", test_stores_are_shared},
        {"flush leaves nothing dirty", test_flush},
        {"views outlive close", test_close_leaves_views},
        {"a truncated file", test_truncated},
        {"fork", test_fork},
        {"never a standard descriptor", test_not_stdio},
        {"limits of address space and mappings", test_limits},
        {"counters of other versions", test_counters_of_other_versions},
        {NULL, NULL},
    };
    unsetenv("ONECOPY_POOL");
    unsetenv("ONECOPY_SECTION");
    return oc_tap_suite("view", tests);
}
