/* What kind of memory it is, and the calls that change it, on both sides; see nature.h. */
#include "nature.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "twin.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#define NR_MSEAL 462

struct twin nature_twin;
bool nature_by_number;
size_t page;

/* ---- what the kernel tells of a piece of memory ---- */

enum { PIECES = 64 };

/* Mappings: where, and protection, name, flags and key as text.  Neighbours that are alike are
 * one: what was lent in between does not merge with them again. */
struct look {
    unsigned n;
    struct {
        unsigned long from, to;
        char text[400];
    } piece[PIECES];
};

static void join(struct look *look)
{
    unsigned last = look->n - 1;

    if (look->n < 2 || look->piece[last - 1].to != look->piece[last].from ||
        strcmp(look->piece[last - 1].text, look->piece[last].text) != 0)
        return;
    look->piece[last - 1].to = look->piece[last].to;
    look->n--;
}

static void add(char text[400], const char *more)
{
    size_t len = strlen(text);

    snprintf(text + len, 400 - len, " %s", more);
}

static void begin_piece(struct look *look, unsigned long from, unsigned long to, const char *text)
{
    if (look->n)
        join(look);
    if (look->n == PIECES)
        return;
    look->piece[look->n].from = from;
    look->piece[look->n].to = to;
    snprintf(look->piece[look->n++].text, sizeof look->piece[0].text, "%s", text);
}

static void look_at(const char *p, size_t len, struct look *look)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    unsigned long from, to, start = (unsigned long)p, end = start + len;
    char line[4096], text[320], prot[8], name[300];
    bool inside = false;

    memset(look, 0, sizeof *look);
    while (smaps && fgets(line, sizeof line, smaps)) {
        name[0] = 0;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %299[^\n]", &from, &to, prot, name) >= 3) {
            inside = from < end && to > start;
            snprintf(text, sizeof text, "%s %s", prot, name);
            if (inside)
                begin_piece(look, from < start ? 0 : from - start, to > end ? len : to - start,
                            text);
        } else if (inside && look->n &&
                   (strncmp(line, "VmFlags:", 8) == 0 || strncmp(line, "Protection", 10) == 0)) {
            add(look->piece[look->n - 1].text, line);
        }
    }
    if (look->n)
        join(look);
    if (smaps)
        fclose(smaps);
}

void looks_same(char *const at[SIDES], size_t len, const char *when)
{
    static struct look look[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        look_at(at[s], len, &look[s]);
    same(look[LIBC].n, look[RAW].n, "%s: mappings", when);
    for (unsigned i = 0; i < look[LIBC].n && i < look[RAW].n; i++) {
        same((long)look[LIBC].piece[i].from, (long)look[RAW].piece[i].from, "%s: start", when);
        same((long)look[LIBC].piece[i].to, (long)look[RAW].piece[i].to, "%s: end", when);
        expect(strcmp(look[LIBC].piece[i].text, look[RAW].piece[i].text) == 0,
               "%s: libc %s, kernel %s", when, look[LIBC].piece[i].text, look[RAW].piece[i].text);
    }
}

/* Is some of it an image's? */
bool is_lent(const char *p, size_t len)
{
    static struct look look;

    look_at(p, len, &look);
    for (unsigned i = 0; i < look.n; i++)
        if (strstr(look.piece[i].text, "/home/"))
            return true;
    return false;
}

/* ---- the calls, of both sides ---- */

long result(long r)
{
    return r == -1 ? -errno : r;
}

long raw_call(long nr, const long a[6])
{
    return oc_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

long advise(enum side s, char *p, size_t len, int advice)
{
    return CALL(s, madvise, SYS_madvise, p, len, advice);
}

long lock(enum side s, char *p, size_t len)
{
    return CALL(s, mlock, SYS_mlock, p, len);
}

long lock_on_fault(enum side s, char *p, size_t len)
{
    return CALL(s, mlock2, SYS_mlock2, p, len, MLOCK_ONFAULT);
}

long lock_all(enum side s, int flags)
{
    return CALL(s, mlockall, SYS_mlockall, flags);
}

long protect(enum side s, char *p, size_t len, int prot)
{
    return CALL(s, mprotect, SYS_mprotect, p, len, prot);
}

long name_it(enum side s, char *p, size_t len)
{
    return CALL(s, prctl, SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, len, "a name");
}

/* There is no such function in this libc: by number. */
long number(enum side s, long nr, long a, long b, long c, long d, long e, long f)
{
    return s == LIBC ? result(syscall(nr, a, b, c, d, e, f)) : oc_syscall(nr, a, b, c, d, e, f);
}

long seal(enum side s, char *p, size_t len)
{
    return number(s, NR_MSEAL, (long)p, (long)len, 0, 0, 0, 0);
}

long bind_memory(enum side s, char *p, size_t len)
{
#ifdef SYS_mbind
    unsigned long nodes = 1;

    return number(s, SYS_mbind, (long)p, (long)len, 2, (long)&nodes, 8, 0);
#else
    (void)s, (void)p, (void)len;
    return NONE;
#endif
}

long give_key(enum side s, char *p, size_t len)
{
    static int key;

    if (key == 0)
        key = pkey_alloc(0, 0);
    if (key < 0)
        return NONE;
    return CALL(s, pkey_mprotect, SYS_pkey_mprotect, p, len, PROT_READ | PROT_WRITE, key);
}

/* Only of faults in user mode, for which everybody may ask; so read() fails at a missing page. */
long watch(enum side s, char *p, size_t len, unsigned mode)
{
    struct uffdio_api api = {
        .api = UFFD_API,
        .features = mode & UFFDIO_REGISTER_MODE_WP ? UFFD_FEATURE_PAGEFAULT_FLAG_WP : 0};
    struct uffdio_register reg = {.range = {(uintptr_t)p, len}, .mode = mode};
    int fd = (int)oc_syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1, 0, 0, 0, 0, 0);

    if (fd < 0 || oc_syscall(SYS_ioctl, fd, (long)UFFDIO_API, (long)&api, 0, 0, 0) < 0)
        return NONE;
    /* It stays open: closing would end it. */
    return CALL(s, ioctl, SYS_ioctl, fd, (long)UFFDIO_REGISTER, &reg);
}

/* LEN bytes between two that are nobody's, so that it is a mapping of its own. */
char *piece(enum side s, int prot, int flags, int fd)
{
    char *around =
        side_mmap(RAW, NULL, LEN + 8 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *at = (char *)(((uintptr_t)around + 4 * MB) & ~(2 * MB - 1));

    return side_mmap(s, at, LEN, prot, flags | MAP_FIXED, fd, 0);
}

char *plain(enum side s)
{
    return piece(s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

bool made(const char *p)
{
    return (uintptr_t)p < (uintptr_t)-4096;
}

/* The bytes, by calls that report what cannot be read. */
void bytes_same(char *const at[SIDES], const char *when)
{
    static char copy[SIDES][LEN];
    long got[SIDES];

    memset(copy, 0, sizeof copy);
    for (enum side s = LIBC; s < SIDES; s++) {
        int fds[2];

        got[s] = 0;
        expect(pipe(fds) == 0, "pipe");
        for (size_t off = 0; off < LEN; off += page) {
            long n = side_write(RAW, fds[1], at[s] + off, page);

            got[s] += n != (long)page;
            if (n > 0)
                side_read(RAW, fds[0], copy[s] + off, (size_t)n);
        }
        close(fds[0]);
        close(fds[1]);
    }
    same(got[LIBC], got[RAW], "%s: pages that cannot be read", when);
    expect(memcmp(copy[LIBC], copy[RAW], LEN) == 0, "%s: the bytes", when);
}

void children_same(char *const at[SIDES], size_t len)
{
    pid_t child = fork();

    if (child == 0) {
        looks_same(at, len, "in a child");
        bytes_same(at, "in a child");
        child_done();
    }
    child_wait(child, "a child");
}

/* N bytes of the file to AT of both; at an odd place, so that most programs' shift is met. */
void read_both(char *const at[SIDES], size_t n, int64_t off)
{
    struct pair p = pair_open(&nature_twin, O_RDONLY);

    same(side_pread(LIBC, p.fd[LIBC], at[LIBC], n, off),
         side_pread(RAW, p.fd[RAW], at[RAW], n, off), "pread of %zu at %lld", n, (long long)off);
    pair_close(&p);
}

/* Looks at memory that were in vain make the library look less often, the dearer they were to the
 * processor: until it has lent something here. */
static void lend_something(void)
{
    struct pair p = pair_open(&nature_twin, O_RDONLY);

    for (int i = 0; i < 60; i++) {
        char *at = plain(LIBC);
        bool lent = side_pread(LIBC, p.fd[LIBC], at, LEN, 99) == LEN && is_lent(at, LEN);

        side_munmap(LIBC, at, LEN);
        if (lent)
            break;
    }
    pair_close(&p);
}

bool in_child(const char *name)
{
    static long cases;
    struct timespec times[2] = {{0, UTIME_OMIT}, {1000000000 + ++cases, 0}};
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        /* What an earlier case wrote to its copy says nothing of this one's. */
        utimensat(AT_FDCWD, nature_twin.path[LIBC], times, 0);
        if (tap_active())
            lend_something();
        return true;
    }
    if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(name, "cannot be had here");
    else {
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
        report(name);
    }
    return false;
}

/* What child_done does, for children of in_child; or 77. */
void leave_child(bool had)
{
    if (!had)
        _exit(77);
    child_done();
}

void lend_both(char *at[SIDES])
{
    for (enum side s = LIBC; s < SIDES; s++)
        at[s] = plain(s);
    read_both(at, LEN, 1234);
    expect(!tap_active() || is_lent(at[LIBC], LEN), "it was not lent");
    for (enum side s = LIBC; s < SIDES; s++)
        at[s][9 * page] = 'x';
}

void nature_start(const char *name)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    nature_twin = twin_make(name, 3 * MB + 17);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
}
