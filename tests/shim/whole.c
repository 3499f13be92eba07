/*
 * Streams on files declared unchanging, in which fseek is a pointer's move (shim/whole.h): long
 * random sequences of all that stdio can do with a stream for reading, beside the same calls
 * on twins that are left to glibc.  Bytes, values, errno, positions, flags, and where the
 * kernel's offset is when somebody looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#include "twin.h"

size_t __fread_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);
char *__fgets_chk(char *s, size_t size, int n, FILE *f);

#define FILE_SIZE (2 * MB + 77)
enum { STREAMS = 4, OPS = 40000, LINE = 5000, BYTES = 400000 };

struct streams {
    FILE *f[SIDES];
};

static struct twin twin;
static char *bytes[SIDES];
static uint64_t state = 88172645463325252;
static char last[12][80]; /* what was done, for whoever has to find out */
static unsigned done;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static long below(long n)
{
    return (long)(rnd() % (uint64_t)n);
}

/* Is the whole file mapped, as it is for such a stream, and for nothing else? */
static void open_them(struct streams *st, const char *mode)
{
    for (enum side s = LIBC; s < SIDES; s++)
        st->f[s] = fopen(twin.path[s], mode);
    expect(st->f[LIBC] != NULL && st->f[RAW] != NULL, "fopen(%s)", mode);
}

static void close_them(struct streams *st)
{
    same(side_result(fclose(st->f[LIBC])), side_result(fclose(st->f[RAW])), "fclose");
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(last[done++ % 12], sizeof last[0], format, args);
    va_end(args);
}

static void agree(long a, long b, const char *what)
{
    static bool told;
    if (same(a, b, "%s", what) || told)
        return;
    told = true;
    for (unsigned i = 1; i <= 12; i++)
        fprintf(stderr, "# before: %s\n", last[(done - i) % 12]);
}

static void same_state(const struct streams *st, const char *what)
{
    agree(side_result(ftell(st->f[LIBC])), side_result(ftell(st->f[RAW])), what);
    agree(feof(st->f[LIBC]) != 0, feof(st->f[RAW]) != 0, "feof");
    agree(ferror(st->f[LIBC]) != 0, ferror(st->f[RAW]) != 0, "ferror");
}

static void same_bytes(size_t n, const char *what)
{
    agree(memcmp(bytes[LIBC], bytes[RAW], n), 0, what);
}

/* ---- the calls ---- */

typedef void call(struct streams *st);

static long some_place(void)
{
    switch (below(12)) {
    case 0:
        return below(20) - 10;
    case 1:
        return (long)twin.size + below(20) - 10;
    case 2:
        return 4096 * below((long)twin.size / 4096);
    default:
        return below((long)twin.size);
    }
}

static int seek_to(int how, FILE *f, long off, int whence)
{
    switch (how) {
    case 0:
        return fseeko(f, off, whence);
    case 1:
        return fseeko64(f, off, whence);
    default:
        return fseek(f, off, whence);
    }
}

static void do_seek(struct streams *st)
{
    int whence = below(4) ? SEEK_SET : (int)below(3), how = (int)below(6);
    long off = some_place(), r[SIDES];

    if (whence == SEEK_CUR)
        off = below(9000) - 4500;
    else if (whence == SEEK_END)
        off -= (long)twin.size;
    if (below(200) == 0)
        whence = 17;
    note("seek %ld %d by %d", off, whence, how);
    for (enum side s = LIBC; s < SIDES; s++)
        r[s] = side_result(seek_to(how, st->f[s], off, whence));
    agree(r[LIBC], r[RAW], "fseek");
}

static size_t some_size(void)
{
    static const size_t special[] = {0, 1, 4095, 4096, 4097, 8192, 65536, 262144, 300001};
    if (below(5) == 0)
        return special[below(sizeof special / sizeof special[0])];
    return (size_t)below(below(4) ? 200 : 10000);
}

static size_t read_by(int how, char *to, size_t size, size_t n, FILE *f)
{
    switch (how) {
    case 0:
        return fread_unlocked(to, size, n, f);
    case 1:
        return __fread_chk(to, BYTES, size, n, f);
    default:
        return fread(to, size, n, f);
    }
}

static void do_read(struct streams *st)
{
    size_t n = some_size(), size = below(3) ? 1 : 1 + (size_t)below(9), got[SIDES];
    int how = (int)below(6);

    n /= size;
    note("fread %zu * %zu by %d", size, n, how);
    for (enum side s = LIBC; s < SIDES; s++) {
        memset(bytes[s], 0x5a, size * n + 16);
        got[s] = read_by(how, bytes[s], size, n, st->f[s]);
    }
    agree((long)got[LIBC], (long)got[RAW], "fread");
    same_bytes(got[RAW] * size, "fread: bytes");
    for (size_t i = 0; got[LIBC] == n && i < 16; i++)
        expect(bytes[LIBC][size * n + i] == 0x5a, "fread: nothing beyond");
}

/* What such streams are for. */
static void do_seek_and_read(struct streams *st)
{
    for (long i = below(20); i >= 0; i--) {
        do_seek(st);
        for (long k = below(3); k >= 0; k--)
            do_read(st);
    }
}

static int char_by(long how, FILE *f)
{
    switch (how) {
    case 0:
        return fgetc(f);
    case 1:
        return getc_unlocked(f);
    case 2:
        return fgetc_unlocked(f);
    default:
        return getc(f);
    }
}

static void do_chars(struct streams *st)
{
    long how = below(5);
    for (long i = below(6); i >= 0; i--)
        agree(char_by(how, st->f[LIBC]), char_by(how, st->f[RAW]), "getc");
}

static void do_ungetc(struct streams *st)
{
    int c[SIDES];
    bool other = below(2);

    for (enum side s = LIBC; s < SIDES; s++)
        c[s] = getc(st->f[s]);
    agree(c[LIBC], c[RAW], "getc");
    note("ungetc %d", other);
    for (long i = below(3); i >= 0; i--)
        agree(ungetc(other ? 'x' : c[LIBC], st->f[LIBC]), ungetc(other ? 'x' : c[RAW], st->f[RAW]),
              "ungetc");
}

static void do_line(struct streams *st)
{
    int how = (int)below(4);
    long r[SIDES];

    for (enum side s = LIBC; s < SIDES; s++) {
        size_t room = LINE;
        char *line = malloc(room);
        memset(line, 0x33, room);
        if (how == 0)
            r[s] = fgets(line, 300, st->f[s]) != NULL;
        else if (how == 1)
            r[s] = __fgets_chk(line, LINE, 100, st->f[s]) != NULL;
        else if (how == 2)
            r[s] = getline(&line, &room, st->f[s]);
        else
            r[s] = getdelim(&line, &room, 'e', st->f[s]);
        memcpy(bytes[s], line, LINE);
        free(line);
    }
    agree(r[LIBC], r[RAW], "a line");
    same_bytes(r[RAW] > 0 && how > 1 ? (size_t)r[RAW] : 300, "a line: bytes");
}

static void do_scan(struct streams *st)
{
    long r[SIDES];
    for (enum side s = LIBC; s < SIDES; s++) {
        char word[40] = {0};
        int number = 0;
        r[s] = fscanf(st->f[s], "%d%20c", &number, word) + (long)number * 3;
        memcpy(bytes[s], word, sizeof word);
    }
    agree(r[LIBC], r[RAW], "fscanf");
    same_bytes(40, "fscanf: bytes");
}

static void do_positions(struct streams *st)
{
    static fpos_t at[SIDES];
    static bool have;
    bool set = have && below(2);
    long r[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        r[s] = side_result(set ? fsetpos(st->f[s], &at[s]) : fgetpos(st->f[s], &at[s]));
    have = r[LIBC] == 0 && r[RAW] == 0;
    agree(r[LIBC], r[RAW], set ? "fsetpos" : "fgetpos");
}

static void do_rewind(struct streams *st)
{
    for (enum side s = LIBC; s < SIDES; s++)
        rewind(st->f[s]);
    agree(0, 0, "rewind");
}

/* fflush, with nothing pushed back: where it leaves the offset then depends in glibc on how much
 * the stream has read ahead, and so on all that was done before. */
static long flush(FILE *f, bool unlocked)
{
    fseek(f, 0, SEEK_CUR);
    return side_result(unlocked ? fflush_unlocked(f) : fflush(f));
}

/* What POSIX asks for before the descriptor is used by itself: then its offset counts. */
static void do_flush(struct streams *st)
{
    long r[SIDES], at[SIDES];
    bool unlocked = below(2);
    for (enum side s = LIBC; s < SIDES; s++) {
        r[s] = flush(st->f[s], unlocked);
        at[s] = side_lseek(RAW, fileno(st->f[s]), 0, SEEK_CUR);
    }
    agree(r[LIBC], r[RAW], "fflush");
    agree(at[LIBC], at[RAW], "the offset after fflush");
    agree(0, fflush(NULL), "fflush of all");
}

/* A seek first puts the descriptor where stdio has a reason to have it: behind a block. */
static void do_beside(struct streams *st)
{
    long off = below((long)twin.size), r[SIDES], n = below(500), how = below(3);

    for (enum side s = LIBC; s < SIDES; s++) {
        fseek(st->f[s], 77, SEEK_SET);
        agree((long)fread(bytes[s], 1, 10, st->f[s]), 10, "fread");
        fseek(st->f[s], off, SEEK_SET);
        memset(bytes[s], 0, 600);
        r[s] = how ? side_lseek(s, fileno(st->f[s]), 0, SEEK_CUR)
                   : side_read(s, fileno(st->f[s]), bytes[s], (size_t)n);
        if (how)
            side_lseek(s, fileno(st->f[s]), off, SEEK_SET);
        fseek(st->f[s], off / 2, SEEK_SET);
    }
    agree(r[LIBC], r[RAW], "the descriptor by itself");
    same_bytes(600, "the descriptor by itself: bytes");
}

static void do_dup(struct streams *st)
{
    long at[SIDES];
    for (enum side s = LIBC; s < SIDES; s++) {
        int fd = (int)side_dup(s, fileno(st->f[s]));
        flush(st->f[s], false);
        at[s] = side_lseek(RAW, fd, 0, SEEK_CUR);
        side_close(s, fd);
    }
    agree(at[LIBC], at[RAW], "the offset of a duplicate");
}

/* A child reads on where its parent has stopped, and the parent where the child has, when both
 * do what POSIX asks for. */
static void do_fork(struct streams *st)
{
    long at[SIDES];

    if (below(2))
        do_seek(st);
    for (enum side s = LIBC; s < SIDES; s++)
        flush(st->f[s], false);
    pid_t child = fork();
    if (child == 0) {
        do_read(st);
        do_seek(st);
        do_read(st);
        same_state(st, "ftell in a child");
        for (enum side s = LIBC; s < SIDES; s++)
            flush(st->f[s], false);
        child_done();
    }
    child_wait(child, "fork");
    for (enum side s = LIBC; s < SIDES; s++) {
        at[s] = side_lseek(RAW, fileno(st->f[s]), 0, SEEK_CUR);
        fseek(st->f[s], 0, SEEK_CUR);
    }
    agree(at[LIBC], at[RAW], "the offset after a child");
    same_state(st, "ftell after a child");
    do_read(st);
}

static void do_wrong(struct streams *st)
{
    if (__fwritable(st->f[LIBC]))
        return;
    for (enum side s = LIBC; s < SIDES; s++)
        bytes[s][0] = (char)(fputc('x', st->f[s]) == EOF && errno == EBADF);
    same_bytes(1, "fputc");
    same_state(st, "ftell after fputc");
    for (enum side s = LIBC; s < SIDES; s++)
        clearerr(st->f[s]);
}

static void do_clear(struct streams *st)
{
    for (enum side s = LIBC; s < SIDES; s++)
        clearerr(st->f[s]);
    agree((long)__fpending(st->f[LIBC]), (long)__fpending(st->f[RAW]), "__fpending");
    agree((long)__fbufsize(st->f[LIBC]), (long)__fbufsize(st->f[RAW]), "__fbufsize");
}

static void do_buffer(struct streams *st)
{
    static const int modes[] = {_IOFBF, _IOLBF, _IONBF};
    int mode = modes[below(3)];

    /* What was pushed back does not survive that; see below. */
    agree(fseek(st->f[LIBC], 0, SEEK_SET), fseek(st->f[RAW], 0, SEEK_SET), "fseek");
    size_t size = (size_t)(1 + below(9000));
    long r[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        r[s] = setvbuf(st->f[s], NULL, mode, size);
    agree(r[LIBC], r[RAW], "setvbuf");
}

static void do_reopen(struct streams *st)
{
    bool same_one = below(3) == 0;
    for (enum side s = LIBC; s < SIDES; s++)
        st->f[s] = freopen(same_one ? NULL : twin.path[s], "r", st->f[s]);
    agree(st->f[LIBC] != NULL, st->f[RAW] != NULL, "freopen");
}

static void do_open(struct streams *st)
{
    static const char *const modes[] = {"r", "r", "rb", "re", "r+"};
    close_them(st);
    open_them(st, modes[below(5)]);
    agree(0, 0, "fopen");
}

/* A stream that has become wide is for wide characters only; the files hold none to speak of. */
static void do_wide(struct streams *st)
{
    int mode = (int)below(3) - 1;
    if (below(4) == 0)
        do_reopen(st);
    agree(fwide(st->f[LIBC], mode), fwide(st->f[RAW], mode), "fwide");
    for (long i = below(4); i > 0; i--) {
        agree((long)fgetwc(st->f[LIBC]), (long)fgetwc(st->f[RAW]), "fgetwc");
        same_state(st, "ftell after fgetwc");
    }
    if (fwide(st->f[LIBC], 0) > 0) {
        long off = below((long)twin.size);
        agree(fseek(st->f[LIBC], off, SEEK_SET), fseek(st->f[RAW], off, SEEK_SET), "wide fseek");
        agree((long)fgetwc(st->f[LIBC]), (long)fgetwc(st->f[RAW]), "fgetwc");
        same_state(st, "ftell after wide fseek");
        do_open(st);
    }
}

/* Buffers of any size: how seeks are rounded depends on it. */
static void do_own_buffer(struct streams *st)
{
    size_t size = (size_t)(1 + below(10000));

    do_open(st);
    for (enum side s = LIBC; s < SIDES; s++)
        agree(setvbuf(st->f[s], NULL, _IOFBF, size), 0, "setvbuf at the start");
}

static void do_descriptor(struct streams *st)
{
    close_them(st);
    for (enum side s = LIBC; s < SIDES; s++)
        st->f[s] = fdopen((int)side_open(s, twin.path[s], O_RDONLY, 0), "r");
    agree(st->f[LIBC] != NULL, st->f[RAW] != NULL, "fdopen");
}

/* How often, of 10000. */
static const struct {
    int weight;
    call *call;
    const char *name;
} calls[] = {
    {4500, do_seek_and_read, "ftell after seeks and reads"},
    {1500, do_seek, "ftell after fseek"},
    {1800, do_read, "ftell after fread"},
    {500, do_chars, "ftell after getc"},
    {300, do_ungetc, "ftell after ungetc"},
    {300, do_line, "ftell after a line"},
    {200, do_scan, "ftell after fscanf"},
    {150, do_positions, "ftell after fsetpos"},
    {100, do_rewind, "ftell after rewind"},
    {200, do_flush, "ftell after fflush"},
    {60, do_beside, "ftell after the descriptor's use"},
    {40, do_dup, "ftell after dup"},
    {10, do_fork, "ftell after fork"},
    {30, do_wide, "ftell after wide characters"},
    {40, do_wrong, "ftell after clearerr"},
    {100, do_clear, "ftell after clearerr"},
    {15, do_buffer, "ftell after setvbuf"},
    {30, do_reopen, "ftell after freopen"},
    {90, do_open, "ftell after fopen"},
    {20, do_own_buffer, "ftell after setvbuf at the start"},
    {15, do_descriptor, "ftell after fdopen"},
};

static void one_call(struct streams *st)
{
    long at = below(10000);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        at -= calls[i].weight;
        if (at < 0) {
            note("%s", calls[i].name);
            calls[i].call(st);
            same_state(st, calls[i].name);
            return;
        }
    }
}

static void sequences(void)
{
    struct streams st[STREAMS];
    long mapped = 0;

    for (int i = 0; i < STREAMS; i++)
        open_them(&st[i], "r");
    for (int i = 0; i < OPS; i++) {
        one_call(&st[below(STREAMS)]);
        if (i % 500 == 0)
            mapped += whole_mapped(FILE_SIZE);
    }
    for (int i = 0; i < STREAMS; i++)
        close_them(&st[i]);
    expect(!whole_mapped(FILE_SIZE), "no mapping is left");
    expect(!tap_active() || mapped > 20, "streams were in the state in question: %ld times of %d",
           mapped, OPS / 500);
    report("random sequences of calls");
}

/* Streams in the state in question, at OFF. */
static void bring_there(struct streams *st, const struct twin *of, long off)
{
    for (enum side s = LIBC; s < SIDES; s++) {
        st->f[s] = fopen(of->path[s], "r");
        for (int i = 0; i < 30; i++) {
            agree(fread(bytes[s], 1, 100, st->f[s]) == 100, 1, "fread");
            agree(fseek(st->f[s], i < 29 ? i * 4100 : off, SEEK_SET), 0, "fseek");
        }
    }
}

/* The user's word was worth nothing: the bytes that are gone are the stream's end. */
static void cut(void)
{
    for (int k = 0; k < 6; k++) {
        struct twin t = twin_make("cut", FILE_SIZE);
        struct streams st;
        char line[SIDES][100] = {{0}};
        long r[SIDES];

        bring_there(&st, &t, MB);
        expect(!tap_active() || whole_mapped(FILE_SIZE), "the stream is in the state in question");
        for (enum side s = LIBC; s < SIDES; s++) {
            agree(truncate(t.path[s], 300 * 1024), 0, "truncate");
            if (k < 2)
                r[s] = (long)fread(line[s], 1, k ? 100 : 64, st.f[s]);
            else if (k == 2)
                r[s] = getc(st.f[s]);
            else if (k == 3)
                r[s] = fgets(line[s], 100, st.f[s]) != NULL;
            else if (k == 4)
                r[s] = fscanf(st.f[s], "%30c", line[s]);
            else
                r[s] = ungetc('x', st.f[s]);
        }
        agree(r[LIBC], r[RAW], "what is read beyond the new end");
        agree(memcmp(line[LIBC], line[RAW], 100), 0, "the bytes read");
        same_state(&st, "after the end");
        agree(fseek(st.f[LIBC], 5000, SEEK_SET), fseek(st.f[RAW], 5000, SEEK_SET), "fseek");
        do_read(&st);
        same_state(&st, "before the new end");
        close_them(&st);
    }
    report("a file that is cut nevertheless");
}

static void closed(void)
{
    struct streams st;
    size_t got[SIDES];

    bring_there(&st, &twin, 1000000);
    for (enum side s = LIBC; s < SIDES; s++) {
        close(fileno(st.f[s]));
        got[s] = fread(bytes[s], 1, 5000, st.f[s]);
    }
    agree((long)got[LIBC], (long)got[RAW], "fread");
    same_state(&st, "after close");
    for (enum side s = LIBC; s < SIDES; s++)
        got[s] = fclose(st.f[s]) == EOF && errno == EBADF;
    agree((long)got[LIBC], (long)got[RAW], "fclose");
    report("a descriptor that is closed under its stream");
}

static void limited(void)
{
    struct rlimit limit;
    struct streams st;

    pid_t child = fork();
    if (child == 0) {
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = (rlim_t)1 << 40;
        setrlimit(RLIMIT_AS, &limit);
        bring_there(&st, &twin, 1000000);
        expect(!whole_mapped(FILE_SIZE), "address space is scarce");
        do_read(&st);
        same_state(&st, "with a limit");
        close_them(&st);
        child_done();
    }
    child_wait(child, "a limit on address space");
    report("a limit on address space");
}

/* What is mapped does not count. */
static void limited_later(void)
{
    struct rlimit limit = {(rlim_t)1 << 40, (rlim_t)1 << 40};
    struct streams st;

    for (int how = 0; how < 3; how++) {
        pid_t child = fork();
        if (child == 0) {
            bring_there(&st, &twin, 1000000);
            if (how == 0)
                setrlimit(RLIMIT_AS, &limit);
            else if (how == 1)
                prlimit(0, RLIMIT_AS, &limit, NULL);
            else
                syscall(SYS_prlimit64, 0, RLIMIT_AS, &limit, NULL);
            expect(!whole_mapped(FILE_SIZE), "address space has become scarce");
            do_read(&st);
            same_state(&st, "with a limit");
            close_them(&st);
            child_done();
        }
        child_wait(child, "a limit that is set later");
    }
    report("a limit on address space that is set later");
}

/* What is mapped would be read and locked, all of it. */
static void locked_memory(void)
{
    struct streams st;

    pid_t child = fork();
    if (child == 0) {
        bring_there(&st, &twin, 1000000);
        expect(!tap_active() || whole_mapped(FILE_SIZE), "the stream is in the state in question");
        expect(mlockall(MCL_CURRENT) == 0 || errno == ENOMEM || errno == EPERM, "mlockall");
        expect(!whole_mapped(FILE_SIZE), "it is not when memory is locked");
        do_read(&st);
        same_state(&st, "with locked memory");
        close_them(&st);
        bring_there(&st, &twin, 1000000);
        expect(!whole_mapped(FILE_SIZE), "nor is the next");
        child_done();
    }
    child_wait(child, "memory is locked");
    report("memory is locked");
}

/* Whoever locks streams himself may as well not lock them. */
static void locked_by_caller(void)
{
    struct streams st;

    bring_there(&st, &twin, 1000000);
    for (enum side s = LIBC; s < SIDES; s++)
        __fsetlocking(st.f[s], FSETLOCKING_BYCALLER);
    do_seek_and_read(&st);
    do_seek_and_read(&st);
    same_state(&st, "locked by the caller");
    expect(!whole_mapped(FILE_SIZE), "a stream that is locked by its caller is stdio's");
    close_them(&st);
    report("a stream that is locked by its caller");
}

int main(int argc, char **argv)
{
    setenv("ONECOPY_TEST_FILES", "*.matched,unchanging", 1);
    tap_start(argc, argv);
    if (argc > 1)
        state = strtoull(argv[1], NULL, 0) * 2 + 1;
    twin = twin_make("whole", FILE_SIZE);
    for (enum side s = LIBC; s < SIDES; s++)
        bytes[s] = malloc(BYTES);
    sequences();
    cut();
    closed();
    limited();
    limited_later();
    locked_memory();
    locked_by_caller();
    return tap_done();
}
