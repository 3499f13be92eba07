/*
 * Calls that mean something else for lent memory, which is a file's, than for the anonymous memory
 * that the program believes it to be: results, bytes, what smaps tells and what a forked child
 * finds are what the kernel alone makes of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../newer.h"
#include "nature.h"

/* ---- calls on lent memory ---- */

static long grow(enum side s, char **p, size_t len)
{
    void *to = side_mremap(s, *p, len, len + MB, MREMAP_MAYMOVE);

    if (made(to))
        *p = to;
    return made(to);
}

static long move_away(enum side s, char **p, size_t len)
{
    char *to = plain(s);
    long r = CALL(s, mremap, SYS_mremap, *p, len, len,
                  MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);

    return r == (long)to ? 0 : r; /* what is left is looked at */
}

/* Since glibc 2.36. */
extern ssize_t process_madvise(int pid, const struct iovec *v, size_t n, int advice, unsigned flags)
    __attribute__((weak));

static long advise_process(enum side s, char *p, size_t len)
{
    struct iovec v = {p, len};
    int self = (int)oc_syscall(SYS_pidfd_open, getpid(), 0, 0, 0, 0, 0);

    if (self >= 0 && s == LIBC && process_madvise && !nature_by_number)
        return result(process_madvise(self, &v, 1, MADV_COLD, 0));
    return self < 0 ? NONE : number(s, SYS_process_madvise, self, (long)&v, 1, MADV_COLD, 0, 0);
}

static long remap_pages(enum side s, char *p, size_t len)
{
    return CALL(s, remap_file_pages, SYS_remap_file_pages, p, len, 0, 0, 0);
}

static long sync_memory(enum side s, char *p, size_t len)
{
    return CALL(s, msync, SYS_msync, p, len, MS_SYNC | MS_INVALIDATE);
}

static long watch_missing(enum side s, char *p, size_t len)
{
    return watch(s, p, len, UFFDIO_REGISTER_MODE_MISSING);
}

static long watch_writes(enum side s, char *p, size_t len)
{
    return watch(s, p, len, UFFDIO_REGISTER_MODE_WP);
}

static long make_executable(enum side s, char *p, size_t len)
{
    return protect(s, p, len, RW | PROT_EXEC);
}

static long lock_everything(enum side s, char *p, size_t len)
{
    (void)p, (void)len;
    return lock_all(s, MCL_CURRENT);
}

/* Afterwards the memory is as the kernel alone has it, in all that smaps tells; or it may go on
 * being lent, as the call means the same. */
enum after { AS_ALONE, MAY_STAY };

static const struct call {
    const char *name;
    long (*make)(enum side s, char *p, size_t len);
    int advice; /* or this */
    enum after after;
} calls[] = {
    {"mlock", lock, 0, AS_ALONE},
    {"mlock2(MLOCK_ONFAULT)", lock_on_fault, 0, AS_ALONE},
    {"mlockall", lock_everything, 0, AS_ALONE},
    {"mbind", bind_memory, 0, AS_ALONE},
    {"pkey_mprotect", give_key, 0, AS_ALONE},
    {"mprotect(PROT_EXEC)", make_executable, 0, AS_ALONE},
    {"UFFDIO_REGISTER, missing pages", watch_missing, 0, AS_ALONE},
    {"UFFDIO_REGISTER, writes", watch_writes, 0, AS_ALONE},
    {"a name", name_it, 0, AS_ALONE},
    {"mseal", seal, 0, AS_ALONE},
    {"process_madvise", advise_process, 0, AS_ALONE},
    {"remap_file_pages", remap_pages, 0, MAY_STAY},
    {"msync", sync_memory, 0, MAY_STAY},
    {"MADV_DONTNEED", NULL, MADV_DONTNEED, AS_ALONE},
    {"MADV_DONTNEED_LOCKED", NULL, MADV_DONTNEED_LOCKED, AS_ALONE},
    {"MADV_REMOVE", NULL, MADV_REMOVE, AS_ALONE},
    {"MADV_WIPEONFORK", NULL, MADV_WIPEONFORK, AS_ALONE},
    {"MADV_KEEPONFORK", NULL, MADV_KEEPONFORK, AS_ALONE},
    {"MADV_DONTFORK", NULL, MADV_DONTFORK, AS_ALONE},
    {"MADV_DOFORK", NULL, MADV_DOFORK, MAY_STAY},
    {"MADV_DONTDUMP", NULL, MADV_DONTDUMP, AS_ALONE},
    {"MADV_DODUMP", NULL, MADV_DODUMP, MAY_STAY},
    {"MADV_MERGEABLE", NULL, MADV_MERGEABLE, AS_ALONE},
    {"MADV_UNMERGEABLE", NULL, MADV_UNMERGEABLE, AS_ALONE},
    {"MADV_HUGEPAGE", NULL, MADV_HUGEPAGE, MAY_STAY},
    {"MADV_NOHUGEPAGE", NULL, MADV_NOHUGEPAGE, MAY_STAY},
    {"MADV_COLLAPSE", NULL, MADV_COLLAPSE, AS_ALONE},
    {"MADV_COLD", NULL, MADV_COLD, AS_ALONE},
    {"MADV_PAGEOUT", NULL, MADV_PAGEOUT, AS_ALONE},
    {"MADV_POPULATE_READ", NULL, MADV_POPULATE_READ, AS_ALONE},
    {"MADV_POPULATE_WRITE", NULL, MADV_POPULATE_WRITE, AS_ALONE},
    {"MADV_GUARD_INSTALL", NULL, GUARD_INSTALL, AS_ALONE},
    {"MADV_GUARD_REMOVE", NULL, GUARD_REMOVE, AS_ALONE},
    {"MADV_NORMAL", NULL, MADV_NORMAL, MAY_STAY},
    {"MADV_RANDOM", NULL, MADV_RANDOM, MAY_STAY},
    {"MADV_SEQUENTIAL", NULL, MADV_SEQUENTIAL, MAY_STAY},
    {"MADV_WILLNEED", NULL, MADV_WILLNEED, MAY_STAY},
    {"unknown advice", NULL, 9999, AS_ALONE},
};

/* Stores to what can be written to, and both ways of looking. */
static void go_on(char *at[SIDES], size_t from, size_t len)
{
    int zero = open("/dev/zero", O_RDONLY);

    bytes_same(at, "after the call");
    for (enum side s = LIBC; s < SIDES; s++)
        for (size_t off = from; off < from + len; off += 3 * page)
            side_read(RAW, zero, at[s] + off, 100);
    bytes_same(at, "after stores");
    close(zero);
}

static void try_call(const struct call *call)
{
    const size_t from = 16 * page, len = 64 * page;
    char *at[SIDES], name[100];
    long r[SIDES];

    snprintf(name, sizeof name, "on lent memory: %s%s", call->name,
             nature_by_number ? ", by number" : "");
    if (!in_child(name))
        return;
    lend_both(at);
    for (enum side s = LIBC; s < SIDES; s++) {
        r[s] = call->make ? call->make(s, at[s] + from, len)
                          : advise(s, at[s] + from, len, call->advice);
        if (r[s] == NONE)
            leave_child(false);
    }
    same(r[LIBC], r[RAW], "%s", call->name);
    if (call->after == AS_ALONE) {
        char *part[SIDES] = {at[LIBC] + from, at[RAW] + from};

        expect(!is_lent(part[LIBC], len), "it is still lent");
        looks_same(part, len, call->name);
    }
    go_on(at, from, len);
    if (!strstr(call->name, "UFFD"))
        children_same(at, 0);
    leave_child(true);
}

/* Over other memory, which may be lent as well. */
static long move_over(enum side s, char **p, char *to, size_t len)
{
    long r = CALL(s, mremap, SYS_mremap, *p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);

    if (r == (long)to)
        *p = to;
    return r == (long)to ? 0 : r;
}

static void remaps(void)
{
    char *at[SIDES], *to[SIDES];
    long r[SIDES];

    for (int lent = 0; lent < 2; lent++)
        if (in_child(lent ? "on lent memory: mremap over lent memory"
                          : "on lent memory: mremap over other memory")) {
            lend_both(at);
            for (enum side s = LIBC; s < SIDES; s++)
                to[s] = plain(s);
            if (lent)
                read_both(to, LEN, 4321);
            for (enum side s = LIBC; s < SIDES; s++)
                r[s] = move_over(s, &at[s], to[s], LEN);
            same(r[LIBC], r[RAW], "mremap");
            go_on(at, 0, LEN);
            leave_child(true);
        }
    if (in_child("on lent memory: mremap to more")) {
        lend_both(at);
        for (enum side s = LIBC; s < SIDES; s++)
            r[s] = grow(s, &at[s], LEN);
        same(r[LIBC], r[RAW], "mremap");
        go_on(at, 0, LEN + MB);
        looks_same(at, LEN + MB, "grown");
        leave_child(true);
    }
    if (in_child("on lent memory: MREMAP_DONTUNMAP")) {
        lend_both(at);
        for (enum side s = LIBC; s < SIDES; s++)
            r[s] = move_away(s, &at[s], LEN);
        same(r[LIBC], r[RAW], "mremap");
        looks_same(at, LEN, "what is left");
        go_on(at, 0, LEN);
        leave_child(true);
    }
}

/* What was found lendable before all was locked is so no more. */
static void after_locking_all(void)
{
    char *at[SIDES], *part[SIDES];

    if (!in_child("memory known before mlockall"))
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        at[s] = plain(s);
    read_both(at, LEN / 2, 1234);
    for (enum side s = LIBC; s < SIDES; s++)
        same(lock_all(s, MCL_CURRENT), 0, "mlockall");
    for (enum side s = LIBC; s < SIDES; s++)
        part[s] = at[s] + LEN / 2;
    read_both(part, LEN / 2, 1234 + LEN / 2);
    expect(!is_lent(part[LIBC], LEN / 2), "lent over locked memory");
    looks_same(part, LEN / 2, "read into locked memory");
    leave_child(true);
}

/* To lock what comes is no reason to give up what is lent. */
static void locking_what_comes(void)
{
    char *at[SIDES];

    if (!in_child("on lent memory: mlockall of what comes"))
        return;
    lend_both(at);
    for (enum side s = LIBC; s < SIDES; s++)
        same(lock_all(s, MCL_FUTURE), 0, "mlockall");
    expect(!tap_active() || is_lent(at[LIBC], LEN), "it is lent no more");
    bytes_same(at, "afterwards");
    leave_child(true);
}

/* The pages given to a pipe show what is stored to them later. */
static void spliced(enum side by)
{
    int pipes[SIDES][2];
    char *at[SIDES], got[SIDES][4096];

    if (!in_child(by == LIBC ? "on lent memory: vmsplice" : "on lent memory: vmsplice by number"))
        return;
    lend_both(at);
    for (enum side s = LIBC; s < SIDES; s++) {
        struct iovec v = {at[s] + 20 * page, 4096};
        long n = -1;

        expect(pipe(pipes[s]) == 0, "pipe");
        if (s == RAW)
            n = oc_syscall(SYS_vmsplice, pipes[s][1], (long)&v, 1, 0, 0, 0);
        else
            n = by == LIBC ? vmsplice(pipes[s][1], &v, 1, 0)
                           : syscall(SYS_vmsplice, (long)pipes[s][1], &v, 1L, 0L);
        same(n, 4096, "vmsplice");
        memset(at[s] + 20 * page + 100, '!', 1000);
        same(side_read(RAW, pipes[s][0], got[s], 4096), 4096, "read of the pipe");
    }
    expect(memcmp(got[LIBC], got[RAW], 4096) == 0, "what the pipe holds");
    bytes_same(at, "afterwards");
    leave_child(true);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    nature_start("recast");
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        try_call(&calls[i]);
    after_locking_all();
    locking_what_comes();
    /* One pass says enough. */
    nature_by_number = true;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && tap_tiny(); i++)
        try_call(&calls[i]);
    remaps();
    spliced(LIBC);
    spliced(RAW);
    return tap_done();
}
