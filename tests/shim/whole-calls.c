/*
 * Streams on files declared unchanging, whose file is mapped (shim/whole.h): each other call and
 * each other name of one that takes bytes from such a stream, looks at its buffer or limits memory,
 * beside the same call on a twin that is left to glibc.  The frequent ones are in whole.c.
 */
/* As functions, not from libc's headers. */
#ifndef __NO_INLINE__
#define __NO_INLINE__ 1
#endif

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "twin.h"

#define FILE_SIZE (2 * MB + 77)

char *__fgets_chk(char *s, size_t size, int n, FILE *f);
char *__fgets_unlocked_chk(char *s, size_t size, int n, FILE *f);
ssize_t __getdelim(char **line, size_t *size, int end, FILE *f);
typedef int scan_fn(FILE *f, const char *format, ...);
typedef int vscan_fn(FILE *f, const char *format, va_list args);
extern scan_fn scan_old __asm__("fscanf"), scan_99 __asm__("__isoc99_fscanf");
extern vscan_fn vscan_old __asm__("vfscanf"), vscan_99 __asm__("__isoc99_vfscanf");

static struct twin twin;
static char got[SIDES][4096]; /* what an operation has read */
static enum side side;

static FILE *stream(const struct twin *of, enum side s, long off)
{
    char bytes[100];
    FILE *f = fopen(of->path[s], "r");

    for (int i = 0; i < 30; i++) {
        expect(fread(bytes, 1, sizeof bytes, f) == sizeof bytes, "fread");
        expect(fseek(f, i < 29 ? i * 4100 : off, SEEK_SET) == 0, "fseek");
    }
    expect(s == RAW || !tap_active() || whole_mapped(FILE_SIZE), "the file is not mapped");
    return f;
}

static long no_buffer(FILE *f)
{
    setbuf(f, NULL);
    return 0;
}

static long own_buffer(FILE *f)
{
    static char own[SIDES][BUFSIZ];

    setbuf(f, own[side]);
    return 0;
}

static long sized_buffer(FILE *f)
{
    static char own[SIDES][3000];

    setbuffer(f, own[side], sizeof own[side]);
    return (long)__fbufsize(f);
}

static long lines_buffer(FILE *f)
{
    setlinebuf(f);
    return __flbf(f);
}

static long purge(FILE *f)
{
    fflush(f);
    __fpurge(f);
    return 0;
}

static long char_0(FILE *f)
{
    return fgetc(f);
}

static long char_3(FILE *f)
{
    return (getc)(f);
}

static long pushed_back(FILE *f)
{
    return ungetc('x', f);
}

static long line_0(FILE *f)
{
    return fgets(got[side], 200, f) == got[side];
}

static long line_5(FILE *f)
{
    return __fgets_chk(got[side], sizeof got[side], 200, f) == got[side];
}

static long char_1(FILE *f)
{
    return fgetc_unlocked(f);
}

static long char_2(FILE *f)
{
    return getc_unlocked(f);
}

static long line_1(FILE *f)
{
    return fgets_unlocked(got[side], 200, f) == got[side];
}

static long line_2(FILE *f)
{
    return __fgets_unlocked_chk(got[side], sizeof got[side], 200, f) == got[side];
}

static long delimited(FILE *f, bool by_line)
{
    char *line = NULL;
    size_t room = 0;
    long n = by_line ? getline(&line, &room, f) : __getdelim(&line, &room, 'e', f);

    if (n > 0)
        memcpy(got[side], line, (size_t)n < sizeof got[side] ? (size_t)n : sizeof got[side]);
    free(line);
    return n;
}

static long line_3(FILE *f)
{
    return delimited(f, true);
}

static long line_4(FILE *f)
{
    return delimited(f, false);
}

static long scan_1(FILE *f)
{
    return scan_old(f, "%*5c%25c", got[side]);
}

static long scan_2(FILE *f)
{
    return scan_99(f, "%*5c%25c", got[side]);
}

/* Where libc is too old to have it, only the library does. */
static long scan_3(FILE *f)
{
    scan_fn *scan = (scan_fn *)dlsym(RTLD_DEFAULT, "__isoc23_fscanf");

    return (scan ? scan : scan_99)(f, "%*5c%25c", got[side]);
}

static long scan_list(vscan_fn *scan, FILE *f, ...)
{
    va_list args;
    va_start(args, f);
    long n = scan(f, "%*5c%25c", args);
    va_end(args);
    return n;
}

static long scan_4(FILE *f)
{
    return scan_list(vscan_old, f, got[side]);
}

static long scan_5(FILE *f)
{
    return scan_list(vscan_99, f, got[side]);
}

static long position(FILE *f)
{
    fpos64_t at;

    if (fgetpos64(f, &at) != 0 || fread(got[side], 1, 100, f) != 100)
        return -1;
    return fsetpos64(f, &at);
}

static long reopened(FILE *f)
{
    return freopen64(twin.path[side], "r", f) == f;
}

static long again(FILE *f)
{
    return freopen64(NULL, "r", f) == f;
}

static long sought(FILE *f)
{
    return fseeko64(f, 54321, SEEK_SET);
}

static const struct operation {
    const char *name;
    long (*make)(FILE *f);
    bool ends; /* the file is not mapped any more */
} operations[] = {
    {"setbuf to none", no_buffer, true},
    {"setbuf", own_buffer, true},
    {"setbuffer", sized_buffer, true},
    {"setlinebuf", lines_buffer, true},
    {"__fpurge", purge, false},
    {"fgetc", char_0, false},
    {"getc", char_3, false},
    {"ungetc", pushed_back, false},
    {"fgets", line_0, false},
    {"__fgets_chk", line_5, false},
    {"fgetc_unlocked", char_1, false},
    {"getc_unlocked", char_2, false},
    {"fgets_unlocked", line_1, false},
    {"__fgets_unlocked_chk", line_2, false},
    {"getline", line_3, false},
    {"__getdelim", line_4, false},
    {"fscanf", scan_1, false},
    {"__isoc99_fscanf", scan_2, false},
    {"__isoc23_fscanf", scan_3, false},
    {"vfscanf", scan_4, false},
    {"__isoc99_vfscanf", scan_5, false},
    {"fsetpos64", position, false},
    {"freopen64", reopened, true},
    {"freopen64 of the same file", again, true},
    {"fseeko64", sought, false},
};

struct outcome {
    long result, at, offset, got;
    char next[50];
};

static void operate(const struct operation *o, FILE *f, struct outcome *to)
{
    to->result = o->make(f);
    expect(side == RAW || !tap_active() || !o->ends || !whole_mapped(FILE_SIZE), "%s: still mapped",
           o->name);
    to->at = ftell(f);
    to->got = (long)fread(to->next, 1, sizeof to->next, f);
    fseek(f, 0, SEEK_CUR);
    fflush(f);
    to->offset = side_lseek(RAW, fileno(f), 0, SEEK_CUR);
    fclose(f);
}

/* CUT: the user's word was worth nothing, the bytes that are gone are the stream's end. */
static void try_operation(const struct operation *o, bool cut)
{
    struct twin brief = cut ? twin_make("brief", FILE_SIZE) : twin;
    struct outcome is[SIDES];

    memset(got, 0, sizeof got);
    memset(is, 0, sizeof is);
    for (side = LIBC; side < SIDES; side++) {
        FILE *f = stream(&brief, side, cut ? (long)MB : 1000003);

        if (cut)
            expect(truncate(brief.path[side], 300 * 1024) == 0, "truncate");
        operate(o, f, &is[side]);
    }
    same(is[LIBC].result, is[RAW].result, "%s", o->name);
    same(is[LIBC].at, is[RAW].at, "%s: ftell", o->name);
    same(is[LIBC].got, is[RAW].got, "%s: fread", o->name);
    same(is[LIBC].offset, is[RAW].offset, "%s: the descriptor's offset", o->name);
    expect(memcmp(got[LIBC], got[RAW], sizeof got[0]) == 0, "%s: the bytes", o->name);
    expect(memcmp(is[LIBC].next, is[RAW].next, sizeof is[0].next) == 0, "%s: what comes then",
           o->name);
}

static void streams(void)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        try_operation(&operations[i], false);
    report("what takes bytes from a stream whose file is mapped, or looks at its buffer");
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        try_operation(&operations[i], true);
    report("the same where the file is cut nevertheless");
}

/* ---- limits of memory: files of streams are not mapped any more ---- */

static int by_setrlimit64(const struct rlimit *to)
{
    const struct rlimit64 wide = {to->rlim_cur, to->rlim_max};

    return setrlimit64(RLIMIT_AS, &wide);
}

static int by_prlimit64(const struct rlimit *to)
{
    const struct rlimit64 wide = {to->rlim_cur, to->rlim_max};

    return prlimit64(0, RLIMIT_AS, &wide, NULL);
}

static int by_prlimit_number(const struct rlimit *to)
{
    const struct rlimit64 wide = {to->rlim_cur, to->rlim_max};

    return (int)syscall(SYS_prlimit64, 0L, (long)RLIMIT_AS, &wide, NULL);
}

static int by_setrlimit_number(const struct rlimit *to)
{
#ifdef SYS_setrlimit
    return (int)syscall(SYS_setrlimit, (long)RLIMIT_AS, to);
#else
    return by_prlimit_number(to);
#endif
}

static void limits(void)
{
    static int (*const ways[])(const struct rlimit *to) = {by_setrlimit64, by_prlimit64,
                                                           by_setrlimit_number, by_prlimit_number};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        pid_t child = fork();
        if (child == 0) {
            const struct rlimit to = {1024 * MB, 1024 * MB};
            struct rlimit now;
            FILE *f = stream(&twin, LIBC, 1000003);

            expect(ways[i](&to) == 0 && getrlimit(RLIMIT_AS, &now) == 0 &&
                       now.rlim_cur == to.rlim_cur,
                   "the limit is set");
            expect(!whole_mapped(FILE_SIZE), "the file is still mapped");
            expect(ftell(f) == 1000003, "ftell");
            child_done();
        }
        child_wait(child, "the child");
    }
    report("a limit of memory, set by other names and by number");
}

int main(int argc, char **argv)
{
    setenv("ONECOPY_TEST_FILES", "*.matched,unchanging", 1);
    tap_start(argc, argv);
    twin = twin_make("whole-calls", FILE_SIZE);
    streams();
    limits();
    return tap_done();
}
