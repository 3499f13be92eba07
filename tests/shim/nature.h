/*
 * Pieces of memory in pairs, and the calls that make something of them: one by libc, and so the
 * library, and one by the bare system call.  What came of both is compared: results, bytes, and
 * what smaps tells.
 */
#ifndef OC_TEST_NATURE_H
#define OC_TEST_NATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "twin.h"

#define LEN  MB
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#define GUARD_INSTALL 102 /* MADV_... of Linux 6.13 */
#define GUARD_REMOVE  103
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* As a result: not to be had here. */
enum { NONE = -77777 };

extern struct twin nature_twin;
/* Whether LIBC's side makes its calls by syscall(2). */
extern bool nature_by_number;
extern size_t page;

void nature_start(const char *name);

/* ---- pieces, of LEN bytes each ---- */

/* Between two that are nobody's, so that it is a mapping of its own. */
char *piece(enum side s, int prot, int flags, int fd);
/* Private, anonymous, to be read and written. */
char *plain(enum side s);
bool made(const char *p);
/* The file's bytes from OFF on to both. */
void read_both(char *const at[SIDES], size_t n, int64_t off);
/* Two plain ones, the first lent of the file; a few bytes of it are changed. */
void lend_both(char *at[SIDES]);

/* ---- comparing ---- */

void looks_same(char *const at[SIDES], size_t len, const char *when);
bool is_lent(const char *p, size_t len);
/* Also where they cannot be read. */
void bytes_same(char *const at[SIDES], const char *when);
/* Both in a forked child: the bytes, and what smaps tells of the first LEN bytes. */
void children_same(char *const at[SIDES], size_t len);

/* Each case in a child of its own, with a new state of the file: true there.  The parent reports.
 */
bool in_child(const char *name);
/* What every such child ends with; HAD false: what was to be tried cannot be had here. */
void leave_child(bool had) __attribute__((noreturn));

/* ---- calls: results or negated errnos ---- */

#define CALL(s, libc, nr, ...)                                                                     \
    ((s) == RAW         ? raw(nr, __VA_ARGS__)                                                     \
     : nature_by_number ? result(syscall(nr, ARGS(__VA_ARGS__)))                                   \
                        : result((long)libc(__VA_ARGS__)))
#define raw(nr, ...) raw_call(nr, (const long[6]){ARGS(__VA_ARGS__)})
#define ARGS(...)    AS_LONG(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define AS_LONG(a, b, c, d, e, f, ...)                                                             \
    (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)

long result(long r);
long raw_call(long nr, const long a[6]);
/* By syscall(2), where this libc has no function of that name. */
long number(enum side s, long nr, long a, long b, long c, long d, long e, long f);
long advise(enum side s, char *p, size_t len, int advice);
long lock(enum side s, char *p, size_t len);
long lock_on_fault(enum side s, char *p, size_t len);
long lock_all(enum side s, int flags);
long protect(enum side s, char *p, size_t len, int prot);
long name_it(enum side s, char *p, size_t len);
long seal(enum side s, char *p, size_t len);
long bind_memory(enum side s, char *p, size_t len);
/* A protection key. */
long give_key(enum side s, char *p, size_t len);
/* userfaultfd. */
long watch(enum side s, char *p, size_t len, unsigned mode);

#endif
