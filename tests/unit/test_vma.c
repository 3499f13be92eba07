/*
 * Which memory may be replaced by a private file mapping, and which never.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lines.h"
#include "base/maps.h"
#include "base/sys.h"
#include "base/vma.h"
#include "scratch.h"
#include "tap.h"

#define MIB ((size_t)1 << 20)

/* 4 MiB with a hole on both sides, so that it is a mapping of its own. */
static char *fresh(int prot, int flags, int fd)
{
    char *around = mmap(NULL, 6 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *p = mmap(around + MIB, 4 * MIB, prot, flags | MAP_FIXED, fd, 0);

    CU_ASSERT_FATAL(around != MAP_FAILED && p != MAP_FAILED);
    munmap(around, MIB);
    munmap(around + 5 * MIB, MIB);
    oc_vma_forget();
    return p;
}

static char *plain(void)
{
    return fresh(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* The verdict, whatever it costs. */
static enum oc_vma_verdict judge(void *p, size_t len, bool *touched)
{
    enum oc_vma_verdict verdict = OC_VMA_COSTLY;

    for (int i = 0; i < 10000 && verdict == OC_VMA_COSTLY; i++)
        verdict = oc_vma_lendable(p, len, touched);
    return verdict;
}

static void test_plain(void)
{
    char *p = plain();
    bool touched = true;

    errno = 44;
    CU_ASSERT_EQUAL(judge(p, 4 * MIB, &touched), OC_VMA_LENDABLE);
    CU_ASSERT_EQUAL(errno, 44);
    CU_ASSERT(!touched);
    CU_ASSERT_EQUAL(oc_vma_lendable(p + oc_page, MIB, NULL), OC_VMA_LENDABLE);
    p[3 * MIB] = 1;
    CU_ASSERT_EQUAL(oc_vma_lendable(p, MIB, &touched), OC_VMA_LENDABLE);
    CU_ASSERT(!touched);
    CU_ASSERT_EQUAL(oc_vma_lendable(p, 4 * MIB, &touched), OC_VMA_LENDABLE);
    CU_ASSERT(touched);
    munmap(p, 4 * MIB);
}

static void test_malloced(void)
{
    char *p = malloc(64 * MIB), *q = malloc(100000);
    uintptr_t from = oc_page_up((uintptr_t)p);
    bool touched;

    oc_vma_forget();
    CU_ASSERT_EQUAL(judge((void *)from, 63 * MIB, &touched), OC_VMA_LENDABLE);
    CU_ASSERT(!touched);
    memset(q, 1, 100000);
    from = oc_page_up((uintptr_t)q); /* [heap] */
    CU_ASSERT_EQUAL(judge((void *)from, 16 * oc_page, &touched), OC_VMA_LENDABLE);
    CU_ASSERT(touched);
    free(p);
    free(q);
}

static void test_foreign(void)
{
    int fd = scratch_file("/dev/shm", 4 * MIB, 1);
    char *p;

    p = fresh(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
    munmap(p, 4 * MIB);
    p = fresh(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
    munmap(p, 4 * MIB);
    p = fresh(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
    munmap(p, 4 * MIB);
    p = fresh(PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
    munmap(p, 4 * MIB);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN); /* not mapped at all */
    close(fd);
}

/* Every kind of hole and neighbour, asked both ways: full and remembered. */
static void test_gaps(void)
{
    char *p = plain();

    CU_ASSERT_EQUAL(judge(p, 4 * MIB, NULL), OC_VMA_LENDABLE);
    munmap(p + MIB, oc_page);
    CU_ASSERT_EQUAL(oc_vma_lendable(p, 4 * MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT_EQUAL(oc_vma_lendable(p, MIB, NULL), OC_VMA_LENDABLE);
    CU_ASSERT_EQUAL(oc_vma_lendable(p + MIB, MIB, NULL), OC_VMA_FOREIGN);
    oc_vma_forget();
    CU_ASSERT_EQUAL(judge(p, 4 * MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT_EQUAL(judge(p + MIB, MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_LENDABLE);
    CU_ASSERT_EQUAL(judge(p - MIB, 2 * MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT_EQUAL(judge(p + 3 * MIB, 2 * MIB, NULL), OC_VMA_FOREIGN);
    mprotect(p + 2 * MIB, MIB, PROT_READ);
    oc_vma_forget();
    CU_ASSERT_EQUAL(judge(p + MIB + oc_page, 2 * MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT_EQUAL(judge(p + 3 * MIB, MIB, NULL), OC_VMA_LENDABLE);
    munmap(p, 4 * MIB);
}

/* Two mappings beside each other are as good as one. */
static void test_neighbours(void)
{
    char *p = plain();

    madvise(p + 2 * MIB, 2 * MIB, MADV_NOHUGEPAGE);
    CU_ASSERT_EQUAL(judge(p + MIB, 2 * MIB, NULL), OC_VMA_LENDABLE);
    CU_ASSERT_EQUAL(oc_vma_lendable(p, 4 * MIB, NULL), OC_VMA_LENDABLE);
    munmap(p, 4 * MIB);
}

static void advice(int what, enum oc_vma_verdict expected)
{
    char *p = plain();

    if (madvise(p + MIB, 2 * MIB, what) == 0) {
        CU_ASSERT_EQUAL(judge(p, 4 * MIB, NULL), expected);
        CU_ASSERT_EQUAL(judge(p + MIB, 2 * MIB, NULL), expected);
        CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_LENDABLE);
    }
    munmap(p, 4 * MIB);
}

static void test_special(void)
{
    char *p;

    advice(MADV_WIPEONFORK, OC_VMA_SPECIAL);
    advice(MADV_DONTFORK, OC_VMA_SPECIAL);
    advice(MADV_DONTDUMP, OC_VMA_SPECIAL);
    advice(MADV_HUGEPAGE, OC_VMA_LENDABLE);
    advice(MADV_SEQUENTIAL, OC_VMA_LENDABLE);

    p = fresh(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_SPECIAL);
    munmap(p, 4 * MIB);
    p = fresh(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_LENDABLE);
    munmap(p, 4 * MIB);
    p = plain();
    if (mlock(p + MIB, oc_page) == 0) {
        CU_ASSERT_EQUAL(judge(p, 4 * MIB, NULL), OC_VMA_SPECIAL);
        /* What is locked elsewhere forbids touched memory. */
        CU_ASSERT_EQUAL(judge(p + 2 * MIB, MIB, NULL), OC_VMA_LENDABLE);
        p[2 * MIB] = 1;
        CU_ASSERT_EQUAL(judge(p + 2 * MIB, MIB, NULL), OC_VMA_PINNED);
    }
    munmap(p, 4 * MIB);
}

static void test_key(void)
{
    int key = pkey_alloc(0, 0);
    char *p = plain();

    if (key > 0) {
        CU_ASSERT_EQUAL(pkey_mprotect(p, MIB, PROT_READ | PROT_WRITE, key), 0);
        CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_SPECIAL);
        CU_ASSERT_EQUAL(judge(p + MIB, MIB, NULL), OC_VMA_LENDABLE);
        pkey_free(key);
    }
    munmap(p, 4 * MIB);
}

static void on_stack(void)
{
    char buffer[1 << 18];
    uintptr_t from = oc_page_up((uintptr_t)buffer);

    buffer[0] = buffer[sizeof(buffer) - 1] = 1;
    oc_vma_forget();
    CU_ASSERT_EQUAL(judge((void *)from, 32 * oc_page, NULL), OC_VMA_SPECIAL);
    CU_ASSERT_EQUAL(judge((void *)from, 32 * oc_page, NULL), OC_VMA_SPECIAL);
}

static void *stack_thread(void *arg)
{
    (void)arg;
    on_stack();
    return NULL;
}

static void test_stacks(void)
{
    pthread_t thread;

    on_stack();
    pthread_create(&thread, NULL, stack_thread, NULL);
    pthread_join(thread, NULL);
}

static void test_forget(void)
{
    char *p = plain();

    CU_ASSERT_EQUAL(judge(p, 4 * MIB, NULL), OC_VMA_LENDABLE);
    madvise(p, 4 * MIB, MADV_DONTFORK);
    CU_ASSERT_EQUAL(oc_vma_lendable(p, 4 * MIB, NULL), OC_VMA_LENDABLE); /* remembered */
    oc_vma_forget();
    CU_ASSERT_EQUAL(judge(p, 4 * MIB, NULL), OC_VMA_SPECIAL);
    munmap(p, 4 * MIB);
}

/* Looked at in vain: left alone for some bytes, ever more, but never for good. */
static void test_refused(void)
{
    char *p = fresh(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1), *q = plain();
    size_t left[10], most = 0;

    CU_ASSERT(!oc_vma_is_refused(p, MIB));
    for (size_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
        CU_ASSERT(!oc_vma_is_refused(q, MIB));
        CU_ASSERT(!oc_vma_is_refused(p, 65 * MIB)); /* so much is worth a look */
        for (left[i] = 0; oc_vma_is_refused(p + oc_page, MIB / 4); left[i]++)
            ;
        CU_ASSERT(i == 0 || left[i] >= left[i - 1]);
        most = left[i] > most ? left[i] : most;
    }
    CU_ASSERT(left[0] < 8);
    CU_ASSERT(most >= 128 && most <= 256);
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT(oc_vma_is_refused(p, MIB));
    oc_vma_unmapped(p - MIB, MIB);
    CU_ASSERT(oc_vma_is_refused(p, MIB));
    oc_vma_unmapped(p + 3 * MIB, MIB);
    CU_ASSERT(!oc_vma_is_refused(p, MIB));
    CU_ASSERT_EQUAL(judge(p, MIB, NULL), OC_VMA_FOREIGN);
    CU_ASSERT(oc_vma_is_refused(p, MIB / 2));
    oc_vma_forget();
    CU_ASSERT(!oc_vma_is_refused(p, MIB));
    munmap(p, 4 * MIB);
    munmap(q, 4 * MIB);
}

static int with_guards(void *arg)
{
    char *p = arg;
    int bad = 0;

    for (size_t i = 0; i < 20; i++)
        oc_vma_guarded(p + i * 2 * oc_page, oc_page);
    for (size_t i = 0; i < 20; i++)
        bad += judge(p + i * 2 * oc_page, oc_page, NULL) != OC_VMA_SPECIAL;
    bad += judge(p + oc_page, oc_page, NULL) != OC_VMA_LENDABLE;
    bad += judge(p + MIB, MIB, NULL) != OC_VMA_LENDABLE;
    return bad;
}

static int with_pins(void *arg)
{
    char *p = arg;

    oc_vma_pins_possible();
    if (judge(p, MIB, NULL) != OC_VMA_LENDABLE)
        return 1;
    p[0] = 1;
    return judge(p, MIB, NULL) == OC_VMA_PINNED ? 0 : 2;
}

static int without_proc(void *arg)
{
    if (chroot("/dev/shm") < 0)
        return 77;
    oc_vma_forget();
    return judge(arg, MIB, NULL) == OC_VMA_UNKNOWN ? 0 : 1;
}

static void test_children(void)
{
    char *p = plain();
    int ret;

    CU_ASSERT_EQUAL(oc_tap_child(with_guards, p), 0);
    CU_ASSERT_EQUAL(oc_tap_child(with_pins, p), 0);
    ret = oc_tap_child(without_proc, p);
    CU_ASSERT(ret == 0 || ret == 77);
    munmap(p, 4 * MIB);
}

/* ---- maps ---- */

static bool same(const struct oc_map *a, const struct oc_map *b)
{
    return a->start == b->start && a->end == b->end && a->prot == b->prot &&
           a->shared == b->shared && a->off == b->off && a->dev == b->dev && a->ino == b->ino;
}

/* The number of mappings, or what was wrong with one. */
static int compare_with_text(void)
{
    FILE *text = fopen("/proc/self/maps", "re");
    char line[5000];
    int fd = oc_maps_open(), lines = 0;

    while (text && fgets(line, sizeof(line), text)) {
        struct oc_map asked, parsed;
        const char *name;

        if (!oc_maps_parse(line, &parsed, &name))
            return -1;
        if (strstr(line, "[stack]") || strstr(line, "[vsyscall]"))
            continue; /* grows; is no mapping */
        if (oc_maps_find(fd, parsed.start, &asked) < 0 || !same(&asked, &parsed))
            return -2;
        if (oc_maps_find(fd, parsed.end - 1, &asked) < 0 || asked.start != parsed.start)
            return -3;
        lines++;
    }
    if (text)
        fclose(text);
    close(fd);
    return lines;
}

static int without_query(void *arg)
{
    char *p = arg;

    if (!scratch_forbid(SYS_ioctl, 0, 0, 0, ENOTTY))
        return 1;
    if (compare_with_text() < 5)
        return 2;
    if (judge(p, 4 * MIB, NULL) != OC_VMA_LENDABLE ||
        oc_vma_lendable(p + MIB, MIB, NULL) != OC_VMA_LENDABLE)
        return 3;
    munmap(p + MIB, MIB);
    return oc_vma_lendable(p, 4 * MIB, NULL) == OC_VMA_FOREIGN ? 0 : 4;
}

static void test_maps(void)
{
    struct oc_map map;
    char *p = plain();
    int fd = oc_maps_open();

    CU_ASSERT(compare_with_text() >= 5);
    CU_ASSERT_EQUAL(oc_tap_child(without_query, p), 0);
    munmap(p, 4 * MIB);
    CU_ASSERT_EQUAL(oc_maps_find(fd, (uintptr_t)p, &map), 0);
    CU_ASSERT(map.start >= (uintptr_t)p + 4 * MIB);
    close(fd);
}

static void test_parse(void)
{
    static const char *const bad[] = {"",
                                      "Size: 4 kB",
                                      "VmFlags: rd wr",
                                      "7f00-7f10 rw-",
                                      "7f00-7f10 rw-p 0 00:00",
                                      "ac-bd zz-p 0 00:00 0"};
    struct oc_map map;
    const char *name;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT(!oc_maps_parse(bad[i], &map, &name));
    CU_ASSERT(oc_maps_parse("7f00-7f10 r-xs 00001000 fe:1a 123    /a b", &map, &name));
    CU_ASSERT_EQUAL(map.start, 0x7f00);
    CU_ASSERT_EQUAL(map.end, 0x7f10);
    CU_ASSERT_EQUAL(map.prot, PROT_READ | PROT_EXEC);
    CU_ASSERT(map.shared);
    CU_ASSERT_EQUAL(map.off, 0x1000);
    CU_ASSERT_EQUAL(map.dev, UINT64_C(0xfe0000001a));
    CU_ASSERT_EQUAL(map.ino, 123);
    CU_ASSERT_STRING_EQUAL(name, "/a b");
}

static void test_lines(void)
{
    FILE *out = tmpfile();
    struct oc_lines lines;
    char *line;

    for (int i = 0; i < 3000; i++)
        fputc('x', out);
    fputs("\n\nshort\n", out);
    for (int i = 0; i < 200; i++)
        fprintf(out, "line %d\n", i);
    fputs("last", out);
    fflush(out);
    oc_lines_begin(&lines, fileno(out));
    line = oc_lines_next(&lines);
    CU_ASSERT_EQUAL(strspn(line, "x"), sizeof(lines.buf) - 1);
    CU_ASSERT_STRING_EQUAL(oc_lines_next(&lines), "");
    CU_ASSERT_STRING_EQUAL(oc_lines_next(&lines), "short");
    for (int i = 0; i < 200; i++) {
        char expected[20];

        snprintf(expected, sizeof(expected), "line %d", i);
        CU_ASSERT_STRING_EQUAL(oc_lines_next(&lines), expected);
    }
    CU_ASSERT_STRING_EQUAL(oc_lines_next(&lines), "last");
    CU_ASSERT_PTR_NULL(oc_lines_next(&lines));
    CU_ASSERT_EQUAL(lines.error, 0);
    fclose(out);
    oc_lines_begin(&lines, -1);
    CU_ASSERT_PTR_NULL(oc_lines_next(&lines));
    CU_ASSERT_EQUAL(lines.error, -EBADF);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"private anonymous memory is lendable, and known touched or not", test_plain},
        {"so is what malloc gives", test_malloced},
        {"shared, file, read-only and executable memory is foreign", test_foreign},
        {"holes are found", test_gaps},
        {"neighbours are taken together", test_neighbours},
        {"locked, wiped, unforked and growing memory is special", test_special},
        {"memory with a protection key is special", test_key},
        {"the stack of the calling thread is special", test_stacks},
        {"verdicts are remembered until forgotten", test_forget},
        {"what was looked at in vain is left alone for a while", test_refused},
        {"guard pages are special, possible pins forbid touched memory; without /proc nothing is "
         "known",
         test_children},
        {"the kernel's answers agree with its text", test_maps},
        {"lines of maps are parsed", test_parse},
        {"lines are read one by one", test_lines},
        {NULL, NULL},
    };

    return oc_tap_suite("vma", tests);
}
