/*
 * The pool of sections.  Each case runs in a child, which makes a pool of its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "section/pool.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/lock.h"
#include "base/options.h"
#include "base/rules.h"
#include "tap.h"

/* In a child: leave with the line that failed. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                               \
            fflush(stdout);                                                                        \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

enum {
    SECTION = 64 << 10,
    SLOTS = 4,
    SECTIONS = 16,
    NEED = 16, /* misses that map a section of this size; four times that in a full pool */
};

static const struct oc_guard_libc libc = {sigaction};

/* A file in which each word tells its place. */
struct file {
    struct oc_pool_source source;
    int fd;
    unsigned asked; /* how often valid() was */
};

static bool yes(const struct oc_pool_source *source)
{
    ((struct file *)(uintptr_t)source->owner)->asked++;
    return true;
}

static bool no(const struct oc_pool_source *source)
{
    ((struct file *)(uintptr_t)source->owner)->asked++;
    return false;
}

static uint64_t word_at(const struct file *f, uint64_t off)
{
    return ((uint64_t)f->source.id << 40 | off) + 1;
}

static void write_words(const struct file *f, uint64_t from, uint64_t end)
{
    static __thread uint64_t words[512];
    for (uint64_t at = from; at < end; at += sizeof words) {
        for (size_t i = 0; i < 512; i++)
            words[i] = word_at(f, at + i * 8);
        MUST(pwrite(f->fd, words, sizeof words, (off_t)at) == sizeof words);
    }
}

static void open_file(struct file *f, oc_file_id id)
{
    char name[] = "/var/tmp/onecopy-pool-XXXXXX";
    f->fd = mkstemp(name);
    MUST(f->fd >= 0 && unlink(name) == 0);
    f->source = (struct oc_pool_source){.id = id, .fd = f->fd, .owner = f, .valid = yes};
    f->asked = 0;
    write_words(f, 0, SECTIONS * SECTION);
}

static struct file file;

static void start(void)
{
    oc_options.section = SECTION;
    oc_options.pool = SLOTS * SECTION;
    oc_guard_use(&libc);
    oc_thread_prepare();
    open_file(&file, 7);
    MUST(oc_guard_ready());
}

static void miss(const struct file *f, uint64_t section, int times)
{
    while (times--)
        oc_pool_missed(&f->source, section * SECTION + 8, 8, 1);
}

static bool hit_at(const struct file *f, uint64_t off, uint64_t *word)
{
    struct oc_hold hold;
    if (!oc_pool_enter(&hold, f->source.id, off))
        return false;
    MUST(hold.room == SECTION - off % SECTION);
    bool ok = oc_guard_copy(word, hold.at, sizeof *word);
    oc_pool_leave(&hold);
    return ok;
}

static bool hit(const struct file *f, uint64_t section)
{
    uint64_t word = 0, off = section * SECTION + 800;
    if (!hit_at(f, off, &word))
        return false;
    MUST(word == word_at(f, off));
    return true;
}

static const struct oc_section *find(const struct file *f, uint64_t section)
{
    const struct oc_pool *p = oc_pool;
    return oc_pool_find(p, oc_section_key_of(f->source.id, section * SECTION >> p->section_shift));
}

static bool readable(const void *at)
{
    int fd[2];
    MUST(pipe(fd) == 0);
    bool ok = write(fd[1], at, 1) == 1;
    close(fd[0]);
    close(fd[1]);
    return ok;
}

static void drop(const struct file *f)
{
    struct oc_lock_state ls;
    oc_lock(&ls);
    oc_pool_drop_owner(f);
    oc_unlock(&ls);
}

/* ---- cases ---- */

static int maps_what_is_used(void *arg)
{
    uint64_t word;
    (void)arg;
    start();
    MUST(!hit(&file, 3) && oc_pool_mapped() == 0);
    miss(&file, 3, NEED - 1);
    MUST(!hit(&file, 3));
    miss(&file, 3, 1);
    MUST(hit(&file, 3) && !hit(&file, 2) && !hit(&file, 4));
    MUST(oc_pool_mapped() == SECTION);
    MUST(hit_at(&file, 4 * SECTION - 8, &word) && word == word_at(&file, 4 * SECTION - 8));
    struct oc_counters sum;
    oc_thread_sum(&sum);
    MUST(sum.sections_mapped == 1 && sum.sections_unmapped == 0);
    return 0;
}

static int spans_two(void *arg)
{
    (void)arg;
    start();
    for (int i = 0; i < NEED; i++)
        oc_pool_missed(&file.source, SECTION - 4, 8, 1);
    MUST(hit(&file, 0) && hit(&file, 1));
    return 0;
}

static int other_files_are_others(void *arg)
{
    static struct file other;
    (void)arg;
    start();
    open_file(&other, 8);
    miss(&file, 0, NEED);
    MUST(hit(&file, 0) && !hit(&other, 0));
    miss(&other, 0, NEED);
    MUST(hit(&file, 0) && hit(&other, 0));
    return 0;
}

static int phases_out(void *arg)
{
    (void)arg;
    start();
    for (uint64_t i = 0; i < SECTIONS; i++) {
        miss(&file, i, 4 * NEED);
        MUST(find(&file, i) != NULL);
        /* In use all the time, so it stays. */
        MUST(hit(&file, 0));
    }
    MUST(oc_pool_mapped() == SLOTS * SECTION);
    int found = 0;
    for (uint64_t i = 0; i < SECTIONS; i++)
        found += hit(&file, i);
    MUST(found == SLOTS);
    return 0;
}

static int keeps_pinned(void *arg)
{
    struct oc_pin pin = {.from = 5 * SECTION + 100, .to = 5 * SECTION + 200};
    (void)arg;
    start();
    file.source.pins = &pin;
    miss(&file, 5, 1);
    MUST(hit(&file, 5));
    for (uint64_t i = 6; i < SECTIONS; i++)
        miss(&file, i, 4 * NEED);
    MUST(hit(&file, 5) && oc_pool_mapped() == SLOTS * SECTION);
    return 0;
}

static int asks_whether_valid(void *arg)
{
    (void)arg;
    start();
    file.source.valid = no;
    miss(&file, 1, 20);
    MUST(!hit(&file, 1) && file.asked == 1);
    return 0;
}

static bool cached(int fd, off_t at)
{
    char byte;
    struct iovec iov = {&byte, 1};
    return preadv2(fd, &iov, 1, at, RWF_NOWAIT) == 1;
}

static int leaves_cold_alone(void *arg)
{
    (void)arg;
    start();
    MUST(fsync(file.fd) == 0 && posix_fadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    /* A file system that is all memory cannot be cold.  (The question itself may start
     * reading ahead, so it is asked far away.) */
    if (cached(file.fd, (SECTIONS - 1) * SECTION))
        return 0;
    miss(&file, 1, 20);
    MUST(!hit(&file, 1) && file.asked == 1 && oc_pool_mapped() == 0);
    return 0;
}

/* sysfs: read like a file, and refuses mmap. */
static int cannot_be_mapped(void *arg)
{
    struct file odd = {.fd = open("/sys/devices/system/cpu/possible", O_RDONLY)};
    (void)arg;
    start();
    if (odd.fd < 0)
        return 0;
    odd.source = (struct oc_pool_source){.id = 9, .fd = odd.fd, .owner = &odd, .valid = yes};
    MUST(mmap(NULL, SECTION, PROT_READ, MAP_SHARED, odd.fd, 0) == MAP_FAILED && errno == ENODEV);
    miss(&file, 0, NEED);
    miss(&odd, 0, NEED);
    MUST(odd.asked == 1 && !hit(&odd, 0));
    miss(&odd, 1, 10000);
    MUST(odd.asked == 1 && !hit(&odd, 1) && hit(&file, 0));
    return 0;
}

static int lacks_memory(void *arg)
{
    struct rlimit none = {0, 0}, old;
    (void)arg;
    start();
    miss(&file, 0, NEED);
    getrlimit(RLIMIT_AS, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_AS, &none);
    miss(&file, 1, NEED);
    setrlimit(RLIMIT_AS, &old);
    MUST(file.asked == 2 && !hit(&file, 1) && hit(&file, 0));
    miss(&file, 1, NEED);
    MUST(file.asked == 2 && !hit(&file, 1));
    miss(&file, 1, 10000);
    MUST(hit(&file, 1));
    return 0;
}

static int drops_owner(void *arg)
{
    struct oc_hold hold;
    uint64_t word;
    (void)arg;
    start();
    miss(&file, 0, NEED);
    miss(&file, 1, NEED);
    MUST(find(&file, 0) && find(&file, 1));
    const char *second = find(&file, 1)->base;
    MUST(oc_pool_enter(&hold, 7, 0) && readable(hold.at) && readable(second));
    drop(&file);
    /* The one in use stays until it is left. */
    MUST(!hit(&file, 0) && !hit(&file, 1) && oc_pool_mapped() == 0);
    MUST(!readable(second) && readable(hold.at));
    MUST(oc_guard_copy(&word, hold.at, sizeof word) && word == word_at(&file, 0));
    oc_pool_leave(&hold);
    MUST(!readable(hold.at));
    miss(&file, 0, NEED);
    MUST(hit(&file, 0));
    return 0;
}

/* A signal handler copies while it interrupts a copy. */
static int nested(void *arg)
{
    struct oc_hold outer, inner, third;
    (void)arg;
    start();
    for (uint64_t i = 0; i < 3; i++)
        miss(&file, i, NEED);
    MUST(find(&file, 0) && find(&file, 1) && find(&file, 2));
    MUST(oc_pool_enter(&outer, 7, 0) && oc_pool_enter(&inner, 7, SECTION));
    MUST(!oc_pool_enter(&third, 7, 2 * SECTION));
    drop(&file);
    MUST(readable(outer.at) && readable(inner.at));
    oc_pool_leave(&inner);
    MUST(readable(outer.at) && !readable(inner.at));
    oc_pool_leave(&outer);
    MUST(!readable(outer.at));
    return 0;
}

static int child_of_fork(void *arg)
{
    (void)arg;
    start();
    for (uint64_t i = 0; i < 3; i++)
        miss(&file, i, 4 * NEED);
    MUST(hit(&file, 0) && hit(&file, 1) && hit(&file, 2));
    const struct oc_section *held = find(&file, 1);
    /* Somebody is quick to use the space where the second was. */
    pid_t pid = fork();
    if (pid == 0) {
        char *taken = mmap((void *)(uintptr_t)held->base, 4096, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        MUST(taken == held->base);
        strcpy(taken, "mine");
        struct oc_lock_state ls;
        oc_lock(&ls);
        oc_thread_in_child();
        oc_guard_in_child();
        oc_pool_in_child();
        oc_unlock(&ls);
        MUST(!hit(&file, 0) && !hit(&file, 1) && oc_pool_mapped() == 0);
        for (uint64_t i = 0; i < SECTIONS; i++) {
            miss(&file, i, 4 * NEED);
            MUST(hit(&file, i) && !strcmp(taken, "mine"));
        }
        _exit(0);
    }
    int status;
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    MUST(hit(&file, 0) && hit(&file, 1) && hit(&file, 2));
    return 0;
}

/* A child that nobody told us of. */
static int child_in_secret(void *arg)
{
    (void)arg;
    start();
    miss(&file, 0, NEED);
    MUST(hit(&file, 0));
    const char *base = find(&file, 0)->base;
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        MUST(!readable(base) && !hit(&file, 0));
        miss(&file, 0, 20);
        miss(&file, 1, 20);
        MUST(!hit(&file, 0) && !hit(&file, 1));
        syscall(SYS_exit_group, 0);
    }
    int status;
    MUST(waitpid((pid_t)pid, &status, 0) == pid && status == 0 && hit(&file, 0));
    return 0;
}

static int beyond_the_end(void *arg)
{
    uint64_t word;
    (void)arg;
    start();
    MUST(ftruncate(file.fd, SECTION + 4096) == 0);
    miss(&file, 1, NEED);
    MUST(hit(&file, 1) && !hit_at(&file, SECTION + 8192, &word));
    miss(&file, 2, 20);
    MUST(!hit(&file, 2));
    MUST(ftruncate(file.fd, 100) == 0 && !hit_at(&file, SECTION + 800, &word));
    return 0;
}

static int scarce_space(void *arg)
{
    struct rlimit little = {16 << 20, 16 << 20};
    (void)arg;
    start();
    oc_options.pool = 32 << 20;
    MUST(setrlimit(RLIMIT_AS, &little) == 0);
    miss(&file, 0, 20);
    MUST(!hit(&file, 0) && oc_pool_mapped() == 0);
    return 0;
}

/* ---- many at once ---- */

enum { FILES = 3, READERS = 3, READS = 60000, CHANGES = 1500 };
static struct file files[FILES];
static _Atomic unsigned readers, hits;

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Three of four reads in one section for a while, then in another, so that sections
 * come and go. */
static uint64_t pick(uint64_t *state, uint64_t *favourite)
{
    uint64_t anywhere = random_next(state) % (SECTIONS * SECTION / 8) * 8;
    if (random_next(state) % 256 == 0)
        *favourite = random_next(state) % SECTIONS;
    return random_next(state) % 4 ? *favourite * SECTION + anywhere % SECTION : anywhere;
}

static void *reads(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg, favourite = 0;
    MUST(oc_guard_ready());
    for (int i = 0; i < READS; i++) {
        const struct file *f = &files[random_next(&state) % FILES];
        uint64_t word, off = pick(&state, &favourite);
        if (hit_at(f, off, &word)) {
            atomic_fetch_add(&hits, 1);
            /* Never another file's, nor another place's. */
            MUST(word == word_at(f, off) || (word == 0 && f == &files[0]));
        } else {
            oc_pool_missed(&f->source, off, 8, 1);
        }
    }
    atomic_fetch_sub(&readers, 1);
    return NULL;
}

/* Cuts the first file off and makes it whole again, and drops owners. */
static void *changes(void *arg)
{
    bool cut = *(bool *)arg;
    uint64_t state = 99;
    for (int i = 0; i < CHANGES && atomic_load(&readers); i++) {
        uint64_t from = random_next(&state) % SECTIONS * SECTION;
        if (cut) {
            MUST(ftruncate(files[0].fd, (off_t)from) == 0);
            write_words(&files[0], from, SECTIONS * SECTION);
        }
        if (i % 8 == 0)
            drop(&files[i / 8 % FILES]);
    }
    return NULL;
}

static int many(void *arg)
{
    pthread_t thread[READERS], changer;
    start();
    for (oc_file_id i = 0; i < FILES; i++)
        open_file(&files[i], 20 + i);
    readers = READERS;
    for (uintptr_t i = 0; i < READERS; i++)
        MUST(pthread_create(&thread[i], NULL, reads, (void *)(i + 1)) == 0);
    MUST(pthread_create(&changer, NULL, changes, arg) == 0);
    for (int i = 0; i < READERS; i++)
        pthread_join(thread[i], NULL);
    pthread_join(changer, NULL);
    MUST(hits > 1000);
    struct oc_counters sum;
    oc_thread_sum(&sum);
    MUST(sum.sections_unmapped > 10);
    for (int i = 0; i < FILES; i++)
        drop(&files[i]);
    MUST(oc_pool_mapped() == 0);
    return 0;
}

/* ---- the list ---- */

static bool with_cuts = true, without_cuts = false;

#define CASE(name, body, arg)                                                                      \
    static void name(void)                                                                         \
    {                                                                                              \
        CU_ASSERT_EQUAL(oc_tap_child(body, arg), 0);                                               \
    }

CASE(t_maps, maps_what_is_used, NULL)
CASE(t_spans, spans_two, NULL)
CASE(t_others, other_files_are_others, NULL)
CASE(t_phases, phases_out, NULL)
CASE(t_pinned, keeps_pinned, NULL)
CASE(t_valid, asks_whether_valid, NULL)
CASE(t_cold, leaves_cold_alone, NULL)
CASE(t_unmappable, cannot_be_mapped, NULL)
CASE(t_lack, lacks_memory, NULL)
CASE(t_owner, drops_owner, NULL)
CASE(t_nested, nested, NULL)
CASE(t_fork, child_of_fork, NULL)
CASE(t_secret, child_in_secret, NULL)
CASE(t_end, beyond_the_end, NULL)
CASE(t_scarce, scarce_space, NULL)
CASE(t_many, many, &without_cuts)
CASE(t_cuts, many, &with_cuts)

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"a section is mapped after as many misses as that costs", t_maps},
        {"a read across two sections counts for both", t_spans},
        {"files do not mix", t_others},
        {"what is not used makes room", t_phases},
        {"a pinned part is mapped at once and stays", t_pinned},
        {"a descriptor that went elsewhere is not mapped", t_valid},
        {"what is not in the page cache is not mapped", t_cold},
        {"a file that cannot be mapped is not tried again", t_unmappable},
        {"a lack of memory is not for ever", t_lack},
        {"an owner's sections go with it, those in use last", t_owner},
        {"a copy in a handler leaves the section of the one that it interrupts", t_nested},
        {"a forked child starts anew, beside what others mapped", t_fork},
        {"a child that nobody told us of finds nothing", t_secret},
        {"beyond the end of file copies fail", t_end},
        {"a limit on address space is the program's", t_scarce},
        {"many threads, sections come and go", t_many},
        {"many threads, a file is cut meanwhile", t_cuts},
        {NULL, NULL},
    };
    return oc_tap_suite("pool", tests);
}
