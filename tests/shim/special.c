/*
 * Memory that is not to be lent.
 *
 * Of each kind two equal pieces are made, one is filled by the library, the other by the kernel;
 * the results, the bytes, what smaps tells of the pieces and what a forked child finds there are
 * the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "nature.h"
#include "ring.h"

#define MAP_OF_DROPPABLE 0x08 /* Linux 6.11 */

/* ---- kinds of memory ---- */

/* P, unless making it special failed. */
static char *made_so(char *p, long how)
{
    return how < 0 ? (char *)(intptr_t)NONE : p;
}

#define KIND(name, ...)                                                                            \
    static char *name(enum side s)                                                                 \
    {                                                                                              \
        char *p = plain(s);                                                                        \
        return made_so(p, __VA_ARGS__);                                                            \
    }
KIND(locked_part, lock(s, p + LEN / 4, LEN / 4))
KIND(locked_on_fault, lock_on_fault(s, p, LEN))
KIND(wiped_on_fork, advise(s, p + LEN / 2, LEN / 4, MADV_WIPEONFORK))
KIND(not_forked, advise(s, p + LEN / 2, LEN / 4, MADV_DONTFORK))
KIND(not_dumped, advise(s, p + LEN / 2, LEN / 4, MADV_DONTDUMP))
KIND(mergeable, advise(s, p, LEN, MADV_MERGEABLE))
KIND(with_huge_pages, advise(s, p, LEN, MADV_HUGEPAGE))
KIND(without_huge_pages, advise(s, p, LEN, MADV_NOHUGEPAGE))
KIND(sequential, advise(s, p, LEN, MADV_SEQUENTIAL))
KIND(guarded, advise(s, p + LEN / 2, page, GUARD_INSTALL))
KIND(with_key, give_key(s, p, LEN))
KIND(named, name_it(s, p, LEN))
KIND(sealed, seal(s, p, LEN))
KIND(bound, bind_memory(s, p, LEN))
KIND(watched, watch(s, p, LEN, UFFDIO_REGISTER_MODE_MISSING))
KIND(watched_for_writes, watch(s, p, LEN, UFFDIO_REGISTER_MODE_WP))
KIND(all_locked, lock_all(s, MCL_CURRENT))
KIND(partly_read_only, protect(s, p + LEN / 2, page, PROT_READ))
KIND(partly_executable, protect(s, p, LEN / 2, PROT_READ | PROT_WRITE | PROT_EXEC))
#undef KIND

#define KIND(name, prot, flags)                                                                    \
    static char *name(enum side s)                                                                 \
    {                                                                                              \
        return piece(s, prot, flags, -1);                                                          \
    }
KIND(shared, RW, MAP_SHARED | MAP_ANONYMOUS)
KIND(locked_when_mapped, RW, ANON | MAP_LOCKED)
KIND(growing_down, RW, ANON | MAP_GROWSDOWN)
KIND(for_a_stack, RW, ANON | MAP_STACK)
KIND(not_reserved, RW, ANON | MAP_NORESERVE)
KIND(populated, RW, ANON | MAP_POPULATE)
KIND(huge_tlb, RW, ANON | MAP_HUGETLB)
KIND(droppable, RW, MAP_OF_DROPPABLE | MAP_ANONYMOUS)
KIND(executable, RW | PROT_EXEC, ANON)
KIND(read_only, PROT_READ, ANON)
KIND(inaccessible, PROT_NONE, ANON)
#undef KIND

static char *of_a_file(enum side s)
{
    int fd = memfd_create("a file", 0);

    return ftruncate(fd, LEN) == 0 ? piece(s, RW, MAP_PRIVATE, fd) : NULL;
}

static char *shared_file(enum side s)
{
    int fd = memfd_create("a file", 0);

    return ftruncate(fd, LEN) == 0 ? piece(s, RW, MAP_SHARED, fd) : NULL;
}

/* What is mapped from now on is locked. */
static char *locked_in_future(enum side s)
{
    return made_so(NULL, lock_all(LIBC, MCL_FUTURE)) ? (char *)(intptr_t)NONE : plain(s);
}

/* With a hole in it. */
static char *with_a_hole(enum side s)
{
    char *p = plain(s);

    side_munmap(s, p + LEN / 2, page);
    return p;
}

enum lending { NEVER, MAYBE };

static const struct kind {
    const char *name;
    char *(*make)(enum side s);
    enum lending lending;
} kinds[] = {
    {"locked in part", locked_part, NEVER},
    {"locked when it is touched", locked_on_fault, NEVER},
    {"MAP_LOCKED", locked_when_mapped, NEVER},
    {"mlockall(MCL_CURRENT)", all_locked, NEVER},
    {"mlockall(MCL_FUTURE)", locked_in_future, NEVER},
    {"MADV_WIPEONFORK", wiped_on_fork, NEVER},
    {"MADV_DONTFORK", not_forked, NEVER},
    {"MADV_DONTDUMP", not_dumped, NEVER},
    {"MADV_GUARD_INSTALL", guarded, NEVER},
    {"MAP_GROWSDOWN", growing_down, NEVER},
    {"MAP_SHARED", shared, NEVER},
    {"a shared file", shared_file, NEVER},
    {"a private file", of_a_file, NEVER},
    {"MAP_HUGETLB", huge_tlb, NEVER},
    {"MAP_DROPPABLE", droppable, NEVER},
    {"executable", executable, NEVER},
    {"executable in part", partly_executable, NEVER},
    {"read-only", read_only, NEVER},
    {"read-only in part", partly_read_only, NEVER},
    {"inaccessible", inaccessible, NEVER},
    {"with a hole", with_a_hole, NEVER},
    {"a protection key", with_key, NEVER},
    {"userfaultfd, missing pages", watched, NEVER},
    {"userfaultfd, writes", watched_for_writes, NEVER},
    {"mseal", sealed, NEVER},
    {"MADV_MERGEABLE", mergeable, MAYBE},
    {"MADV_HUGEPAGE", with_huge_pages, MAYBE},
    {"MADV_NOHUGEPAGE", without_huge_pages, MAYBE},
    {"MADV_SEQUENTIAL", sequential, MAYBE},
    {"MAP_NORESERVE", not_reserved, MAYBE},
    {"MAP_STACK", for_a_stack, MAYBE},
    {"MAP_POPULATE", populated, MAYBE},
    {"mbind", bound, MAYBE},
    {"a name", named, MAYBE},
};

static void try_kind(const struct kind *kind)
{
    char *at[SIDES], name[100];

    snprintf(name, sizeof name, "not to be lent: %s", kind->name);
    if (kind->lending == MAYBE)
        snprintf(name, sizeof name, "read into memory with %s", kind->name);
    if (!in_child(name))
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        at[s] = kind->make(s);
    if (!made(at[LIBC]) || !made(at[RAW]))
        leave_child(!expect(made(at[LIBC]) == made(at[RAW]), "only one could be made"));
    looks_same(at, LEN, "made");
    read_both(at, LEN, 777);
    if (kind->lending == NEVER) {
        expect(!is_lent(at[LIBC], LEN), "it was lent");
        looks_same(at, LEN, "read");
    }
    bytes_same(at, "read");
    if (strncmp(kind->name, "userfaultfd", 11) != 0)
        children_same(at, kind->lending == NEVER ? LEN : 0);
    for (int i = 1; i < 4; i++) /* what was seen at first may be remembered */
        read_both(at, LEN - (size_t)i * 1000, i * 5000);
    if (kind->lending == NEVER)
        expect(!is_lent(at[LIBC], LEN), "it was lent later");
    bytes_same(at, "read again");
    leave_child(true);
}

/* Plain when it was looked at first, and made special afterwards. */
static long make_so(enum side s, char *p, const char *how)
{
    if (strcmp(how, "mlock") == 0)
        return lock(s, p, LEN);
    if (strcmp(how, "MADV_DONTFORK") == 0)
        return advise(s, p, LEN, MADV_DONTFORK);
    if (strcmp(how, "userfaultfd") == 0)
        return watch(s, p, LEN, UFFDIO_REGISTER_MODE_WP);
    return advise(s, p + LEN / 2, page, GUARD_INSTALL);
}

static void try_later(const char *how)
{
    char *at[SIDES], name[100];

    snprintf(name, sizeof name, "not to be lent any more: %s", how);
    if (!in_child(name))
        return;
    for (enum side s = LIBC; s < SIDES; s++) {
        at[s] = plain(s);
    }
    read_both(at, LEN / 4, 55);
    for (enum side s = LIBC; s < SIDES; s++)
        if (make_so(s, at[s], how) < 0)
            leave_child(false);
    read_both(at, LEN, 777);
    expect(!is_lent(at[LIBC] + LEN / 4, 3 * LEN / 4), "it was lent");
    bytes_same(at, "read");
    leave_child(true);
}

/* ---- the stack ---- */

static void *on_stack(void *arg)
{
    char stack[SIDES][MB];
    char *at[SIDES] = {stack[LIBC], stack[RAW]};

    (void)arg;
    read_both(at, MB, 99);
    expect(memcmp(stack[LIBC], stack[RAW], MB) == 0, "bytes on the stack");
    expect(!is_lent(stack[LIBC], MB), "the stack was lent");
    return NULL;
}

static void stacks(void)
{
    pthread_t thread;

    on_stack(NULL);
    expect(pthread_create(&thread, NULL, on_stack, NULL) == 0, "a thread");
    pthread_join(thread, NULL);
    report("not to be lent: stacks");
}

/* ---- pins ---- */

/* The bytes as the kernel finds them by the pages that it pinned. */
static void pinned_same(struct ring *ring, char *const at[SIDES], const char *when)
{
    static char copy[SIDES][LEN];

    for (enum side s = LIBC; s < SIDES; s++) {
        int fd = memfd_create("out", 0);

        same(ring_write_fixed(&ring[s], fd, at[s], LEN), (long)LEN, "%s: WRITE_FIXED", when);
        same(side_pread(RAW, fd, copy[s], LEN, 0), (long)LEN, "%s: what was written", when);
        close(fd);
    }
    expect(memcmp(copy[LIBC], copy[RAW], LEN) == 0, "%s: what was written", when);
}

/* Registered first: a touched buffer.  Or a lent one.  By calls that nobody sees (liburing's), or
 * by number. */
static void registered(bool lent_first, bool seen)
{
    struct ring ring[SIDES];
    char *at[SIDES], name[100];

    snprintf(name, sizeof name, "%s io_uring has registered%s",
             lent_first ? "on lent memory:" : "not to be lent:", seen ? " by number" : "");
    if (!in_child(name))
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        if (!ring_make(&ring[s], seen && s == LIBC))
            leave_child(false);
    if (lent_first) {
        lend_both(at);
    } else {
        for (enum side s = LIBC; s < SIDES; s++)
            at[s] = plain(s);
    }
    for (enum side s = LIBC; s < SIDES; s++)
        if (ring_register(&ring[s], at[s], LEN) < 0)
            leave_child(false);
    for (int i = 0; i < 3; i++) {
        read_both(at, LEN, i * 10000);
        bytes_same(at, "read");
        pinned_same(ring, at, "read");
    }
    leave_child(true);
}

/* ---- what may have pinned pages, for all that can be seen ---- */

static void nothing(void)
{
}

static void open_a_device(void)
{
    int fd = open("/dev/fuse", O_RDWR); /* any but the everyday ones */

    close(fd < 0 ? open("/dev/nothing-of-that-name", O_RDONLY) : fd);
}

static void splice_something(void)
{
    static char other[4096];
    struct iovec v = {other, sizeof other};
    int ends[2];

    expect(pipe(ends) == 0 && vmsplice(ends[1], &v, 1, 0) == sizeof other, "vmsplice");
}

static void make_a_ring(void)
{
    struct ring ring;

    if (!ring_make(&ring, true))
        leave_child(false);
}

/* Memory that has been touched is lent before, and not afterwards; untouched memory is still. */
static void pins_possible(void (*act)(void), const char *name)
{
    char *at[SIDES], *touched[SIDES];
    bool may_be_pinned = act != nothing;

    if (!in_child(name))
        return;
    for (enum side s = LIBC; s < SIDES; s++) {
        at[s] = plain(s);
        touched[s] = plain(s);
        memset(touched[s], 7, LEN);
    }
    act();
    read_both(at, LEN, 777);
    read_both(touched, LEN, 888);
    if (tap_active()) {
        expect(is_lent(at[LIBC], LEN), "untouched memory is not lent");
        expect(is_lent(touched[LIBC], LEN) != may_be_pinned, "touched memory is %slent",
               may_be_pinned ? "" : "not ");
    }
    bytes_same(at, "untouched");
    bytes_same(touched, "touched");
    leave_child(true);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    nature_start("special");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        try_kind(&kinds[i]);
    try_later("mlock");
    try_later("MADV_DONTFORK");
    try_later("userfaultfd");
    try_later("MADV_GUARD_INSTALL");
    stacks();
    pins_possible(nothing, "touched memory, with no pin possible, is lent");
    pins_possible(open_a_device, "not to be lent: touched memory, after a device was opened");
    pins_possible(splice_something, "not to be lent: touched memory, after vmsplice");
    pins_possible(make_a_ring, "not to be lent: touched memory, after io_uring_setup");
    for (int i = 0; i < 4; i++)
        registered(i & 1, i & 2);
    return tap_done();
}
