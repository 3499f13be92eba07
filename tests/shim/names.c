/*
 * Names of libc's that no other test here calls: second names, old ones, and those that programs
 * are built with elsewhere.  Each is looked up as a program's would be, and called for a matched
 * file and for its twin, which is left to libc.
 *
 * The rule says `unchanging`, so that streams come into the state of shim/whole.h.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../newer.h"
#include "base/sys.h"
#include "twin.h"

#define FILE_SIZE (MB + 77)
enum { ROOM = 600 };

extern char **environ;

static struct twin twin;
static char *self;
static char bytes[SIDES][ROOM];

/* The function as a program finds it; NULL: this libc has none of that name, and nobody calls
 * it. */
static void *named(const char *name)
{
    void *at = dlsym(RTLD_DEFAULT, name);
    Dl_info info;

    if (at && tap_active())
        expect(dladdr(at, &info) && strstr(info.dli_fname, "libonecopy-preload"), "%s is not ours",
               name);
    return at;
}

/* ---- streams ---- */

struct streams {
    FILE *f[SIDES];
};

/* Often sought in, so that all of the file is their buffer; at OFF. */
static struct streams sought(long off)
{
    struct streams st;
    char some[100];

    for (enum side s = LIBC; s < SIDES; s++) {
        st.f[s] = fopen(twin.path[s], "r");
        for (int i = 0; i < 30; i++) {
            expect(fread(some, 1, sizeof some, st.f[s]) == sizeof some, "fread");
            expect(fseek(st.f[s], i < 29 ? i * 4100 : off, SEEK_SET) == 0, "fseek");
        }
    }
    expect(!tap_active() || maps_have(twin.path[LIBC]), "the stream's file is not mapped");
    return st;
}

static void close_both(struct streams *st)
{
    same(side_result(fclose(st->f[LIBC])), side_result(fclose(st->f[RAW])), "fclose");
}

/* After a call with results R: bytes, position, flags, and what is read next. */
static void same_after(const struct streams *st, const long r[SIDES], const char *name)
{
    char next[SIDES][50] = {{0}};

    same(r[LIBC], r[RAW], "%s", name);
    expect(memcmp(bytes[LIBC], bytes[RAW], ROOM) == 0, "%s: bytes", name);
    same(ftell(st->f[LIBC]), ftell(st->f[RAW]), "%s: ftell", name);
    same(feof(st->f[LIBC]) != 0, feof(st->f[RAW]) != 0, "%s: feof", name);
    for (enum side s = LIBC; s < SIDES; s++)
        expect(fread(next[s], 1, sizeof next[s], st->f[s]) <= sizeof next[s], "fread");
    expect(memcmp(next[LIBC], next[RAW], sizeof next[0]) == 0, "%s: the next bytes", name);
}

/* One call of NAME, which is AT, for a stream; its result as a number. */
typedef long stream_call(void *at, FILE *f, char *to);

/* The casts of what dlsym gives: each call knows its function's type. */
#define FN(at, ...) ((__VA_ARGS__)(at))

static long as_reader(void *at, FILE *f, char *to)
{
    return (long)FN(at, size_t(*)(void *, size_t, size_t, FILE *))(to, 3, 100, f);
}

static long as_sgetn(void *at, FILE *f, char *to)
{
    return (long)FN(at, size_t(*)(FILE *, void *, size_t))(f, to, 300);
}

static long as_fgets(void *at, FILE *f, char *to)
{
    return FN(at, char *(*)(char *, int, FILE *))(to, 300, f) != NULL;
}

static long as_fgets_chk(void *at, FILE *f, char *to)
{
    return FN(at, char *(*)(char *, size_t, int, FILE *))(to, ROOM, 300, f) != NULL;
}

static long as_getc(void *at, FILE *f, char *to)
{
    (void)to;
    return FN(at, int (*)(FILE *))(f);
}

static long as_ungetc(void *at, FILE *f, char *to)
{
    (void)to;
    return FN(at, int (*)(int, FILE *))('z', f);
}

static long as_getline(void *at, FILE *f, char *to)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = FN(at, ssize_t(*)(char **, size_t *, FILE *))(&line, &room, f);

    if (n > 0)
        memcpy(to, line, n < ROOM ? (size_t)n : ROOM);
    free(line);
    return n;
}

static long as_getdelim(void *at, FILE *f, char *to)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = FN(at, ssize_t(*)(char **, size_t *, int, FILE *))(&line, &room, 'e', f);

    if (n > 0)
        memcpy(to, line, n < ROOM ? (size_t)n : ROOM);
    free(line);
    return n;
}

static long as_fscanf(void *at, FILE *f, char *to)
{
    return FN(at, int (*)(FILE *, const char *, ...))(f, "%20c%1c", to, to + 30);
}

static long by_list(void *at, FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = f ? FN(at, int (*)(FILE *, const char *, va_list))(f, format, args)
              : FN(at, int (*)(const char *, va_list))(format, args);
    va_end(args);
    return n;
}

static long as_vfscanf(void *at, FILE *f, char *to)
{
    return by_list(at, f, "%20c%1c", to, to + 30);
}

static long as_fflush(void *at, FILE *f, char *to)
{
    (void)to;
    return FN(at, int (*)(FILE *))(f);
}

static long as_purge(void *at, FILE *f, char *to)
{
    (void)to;
    fseek(f, 4096, SEEK_SET); /* where nothing is left in a buffer that could be thrown away */
    FN(at, void (*)(FILE *))(f);
    return fseek(f, 5000, SEEK_SET);
}

static long as_setbuf(void *at, FILE *f, char *to)
{
    (void)to;
    fseek(f, 0, SEEK_SET);
    FN(at, void (*)(FILE *, char *))(f, NULL);
    return fseek(f, 5000, SEEK_SET);
}

static long as_setbuffer(void *at, FILE *f, char *to)
{
    static char own[SIDES][999];
    static int turn;

    (void)to;
    fseek(f, 0, SEEK_SET);
    FN(at, void (*)(FILE *, char *, size_t))(f, own[turn++ % SIDES], sizeof own[0]);
    return fseek(f, 5000, SEEK_SET);
}

static long as_setlinebuf(void *at, FILE *f, char *to)
{
    (void)to;
    FN(at, void (*)(FILE *))(f);
    return 0;
}

static long as_setvbuf(void *at, FILE *f, char *to)
{
    (void)to;
    fseek(f, 0, SEEK_SET);
    return FN(at, int (*)(FILE *, char *, int, size_t))(f, NULL, _IONBF, 0);
}

static long as_fsetpos(void *at, FILE *f, char *to)
{
    fpos_t there;

    (void)to;
    fgetpos(f, &there);
    fseek(f, 99, SEEK_SET);
    return FN(at, int (*)(FILE *, const fpos_t *))(f, &there);
}

static long as_fsetpos64(void *at, FILE *f, char *to)
{
    fpos64_t there;

    (void)to;
    fgetpos64(f, &there);
    fseek(f, 99, SEEK_SET);
    return FN(at, int (*)(FILE *, const fpos64_t *))(f, &there);
}

static const struct {
    const char *name;
    stream_call *call;
} of_streams[] = {
    {"_IO_fread", as_reader},
    {"_IO_sgetn", as_sgetn},
    {"_IO_fgets", as_fgets},
    {"fgets_unlocked", as_fgets},
    {"__fgets_unlocked_chk", as_fgets_chk},
    {"_IO_getc", as_getc},
    {"fgetc_unlocked", as_getc},
    {"getc_unlocked", as_getc},
    {"getw", as_getc},
    {"_IO_ungetc", as_ungetc},
    {"getline", as_getline},
    {"__getdelim", as_getdelim},
    {"fscanf", as_fscanf},
    {"__isoc99_fscanf", as_fscanf},
    {"__isoc23_fscanf", as_fscanf},
    {"vfscanf", as_vfscanf},
    {"__isoc99_vfscanf", as_vfscanf},
    {"__isoc23_vfscanf", as_vfscanf},
    {"_IO_fflush", as_fflush},
    {"__fpurge", as_purge},
    {"setbuf", as_setbuf},
    {"setbuffer", as_setbuffer},
    {"_IO_setbuffer", as_setbuffer},
    {"setlinebuf", as_setlinebuf},
    {"_IO_setvbuf", as_setvbuf},
    {"fsetpos64", as_fsetpos64},
    {"_IO_fsetpos", as_fsetpos},
    {"_IO_fsetpos64", as_fsetpos64},
};

static void one_of_streams(const char *name, stream_call *call)
{
    void *at = named(name);
    struct streams st = sought(5000);
    long r[SIDES];

    for (int i = 0; i < 3 && at; i++) {
        memset(bytes, 0x33, sizeof bytes);
        for (enum side s = LIBC; s < SIDES; s++)
            r[s] = call(at, st.f[s], bytes[s]);
        same_after(&st, r, name);
        for (enum side s = LIBC; s < SIDES; s++)
            r[s] = fseek(st.f[s], i ? 70000 : (long)twin.size - 5, SEEK_SET);
        same_after(&st, r, "fseek");
    }
    close_both(&st);
}

static void streams(void)
{
    for (size_t i = 0; i < sizeof of_streams / sizeof of_streams[0]; i++)
        one_of_streams(of_streams[i].name, of_streams[i].call);
    report("streams");
}

/* ---- of standard input, reopened on such a file ---- */

static long as_getchar(void *at, char *to)
{
    (void)to;
    return FN(at, int (*)(void))();
}

static long as_scanf(void *at, char *to)
{
    return FN(at, int (*)(const char *, ...))("%20c%1c", to, to + 30);
}

static long as_vscanf(void *at, char *to)
{
    return by_list(at, NULL, "%20c%1c", to, to + 30);
}

static void input(void)
{
    static const struct {
        const char *name;
        long (*call)(void *at, char *to);
    } of_input[] = {
        {"getchar", as_getchar},        {"getchar_unlocked", as_getchar}, {"scanf", as_scanf},
        {"__isoc99_scanf", as_scanf},   {"__isoc23_scanf", as_scanf},     {"vscanf", as_vscanf},
        {"__isoc99_vscanf", as_vscanf}, {"__isoc23_vscanf", as_vscanf}};
    enum { CALLS = sizeof of_input / sizeof of_input[0] };
    static long r[SIDES][CALLS];
    static char got[SIDES][CALLS][40];

    for (enum side s = LIBC; s < SIDES; s++) {
        expect(freopen(twin.path[s], "r", stdin) == stdin, "freopen");
        for (int i = 0; i < 30; i++)
            expect(fread(bytes[s], 1, 100, stdin) == 100 && fseek(stdin, i * 4100, SEEK_SET) == 0,
                   "fread and fseek");
        for (int i = 0; i < CALLS; i++) {
            void *at = named(of_input[i].name);
            fseek(stdin, 9000 * i, SEEK_SET);
            r[s][i] = at ? of_input[i].call(at, got[s][i]) + 1000 * ftell(stdin) : 0;
        }
    }
    for (int i = 0; i < CALLS; i++) {
        same(r[LIBC][i], r[RAW][i], "%s", of_input[i].name);
        expect(memcmp(got[LIBC][i], got[RAW][i], 40) == 0, "%s: bytes", of_input[i].name);
    }
    expect(freopen("/dev/null", "r", stdin) == stdin, "freopen");
    report("standard input");
}

/* ---- streams that are opened and closed ---- */

static void opened(void)
{
    FILE *(*fopen_old)(const char *, const char *) = named("_IO_fopen");
    FILE *(*fdopen_old)(int, const char *) = named("_IO_fdopen");
    FILE *(*freopen_64)(const char *, const char *, FILE *) = named("freopen64");
    FILE *(*popen_old)(const char *, const char *) = named("_IO_popen");
    int (*fclose_old)(FILE *) = named("_IO_fclose");
    char got[SIDES][4][200] = {{{0}}};

    for (enum side s = LIBC; s < SIDES; s++) {
        FILE *f = fopen_old(twin.path[s], "r");
        expect(fread(got[s][0], 1, 200, f) == 200, "of _IO_fopen");
        f = freopen_64(twin.path[s], "r", f);
        expect(f && fseek(f, 777, SEEK_SET) == 0 && fread(got[s][1], 1, 200, f) == 200,
               "of freopen64");
        int fd = fileno(f);
        same(fclose_old(f), 0, "_IO_fclose");
        same(side_pread(s, fd, got[s][2], 1, 0), -EBADF, "a read after _IO_fclose");
        fd = (int)side_open(s, twin.path[s], O_RDONLY, 0);
        same(side_read(s, fd, got[s][2], 99), 99, "read");
        f = fdopen_old(fd, "r");
        expect(f && ftell(f) == 99 && fread(got[s][2], 1, 200, f) == 200, "of _IO_fdopen");
        same(side_lseek(s, fd, 4000, SEEK_SET), 4000, "lseek");
        FILE *from = popen_old("head -c 100", "r"); /* its input is another */
        expect(from && pclose(from) >= 0, "_IO_popen");
        fclose_old(f);
    }
    expect(memcmp(got[LIBC], got[RAW], sizeof got[0]) == 0, "bytes");
    report("streams that are opened and closed");
}

/* ---- descriptors ---- */

static void descriptors(void)
{
    ssize_t (*preadv_64)(int, const struct iovec *, int, off64_t) = named("preadv64");
    ssize_t (*preadv_64v2)(int, const struct iovec *, int, off64_t, int) = named("preadv64v2");
    off64_t (*seek)(int, off64_t, int) = named("llseek");
    off_t (*seek_under)(int, off_t, int) = named("__lseek");
    int (*lockf_64)(int, int, off64_t) = named("lockf64");
    int (*creat_64)(const char *, mode_t) = named("creat64");
    int (*fcntl_64)(int, int, ...) = named("fcntl64");
    struct buffers b = buffers_make(64 * KB);
    struct pair p = pair_open(&twin, O_RDONLY);
    struct iovec v[SIDES][2];

    for (enum side s = LIBC; s < SIDES; s++) {
        v[s][0] = (struct iovec){b.at[s], 500};
        v[s][1] = (struct iovec){b.at[s] + 1000, 9000};
    }
    for (int i = 0; i < 40; i++) {
        same_read(&p, &b, 64);
        same(side_result(preadv_64(p.fd[LIBC], v[LIBC], 2, 100 * i)),
             side_preadv(RAW, p.fd[RAW], v[RAW], 2, 100 * i), "preadv64");
        same(side_result(preadv_64v2(p.fd[LIBC], v[LIBC], 2, i % 2 ? -1 : 7, 0)),
             side_preadv2(RAW, p.fd[RAW], v[RAW], 2, i % 2 ? -1 : 7, 0), "preadv64v2");
        buffers_same(&b, 0, b.len, "vectors");
        same(side_result(seek_under(p.fd[LIBC], -3 * i, SEEK_END)),
             side_lseek(RAW, p.fd[RAW], -3 * i, SEEK_END), "__lseek");
        if (seek)
            same(side_result(seek(p.fd[LIBC], 50 * i, SEEK_SET)),
                 side_lseek(RAW, p.fd[RAW], 50 * i, SEEK_SET), "llseek");
    }
    int copy = fcntl_64 ? fcntl_64(p.fd[LIBC], F_DUPFD_CLOEXEC, 100) : dup(p.fd[LIBC]);
    expect(copy >= 0, "fcntl64");
    same_read(&p, &b, 64);
    same(side_lseek(LIBC, copy, 0, SEEK_CUR), side_lseek(RAW, p.fd[RAW], 0, SEEK_CUR),
         "the offset of fcntl64's duplicate");
    same(lockf_64(copy, F_TEST, 10), 0, "lockf64");
    same_kernel_offset(&p, "after lockf64");
    close(copy);
    pair_close(&p);
    char path[TWIN_PATH + 10];
    snprintf(path, sizeof path, "%s/new.matched", twin_dir());
    int fd = creat_64(path, 0640);
    expect(fd >= 0, "creat64");
    same(side_pread(LIBC, fd, path, 1, 0), -EBADF, "what creat64 gives is for writing");
    close(fd);
    buffers_free(&b);
    report("descriptors");
}

/* ---- memory and limits ---- */

static void memory(void)
{
    int (*seal)(void *, size_t, unsigned long) = named("mseal");
    ssize_t (*advise)(int, const struct iovec *, size_t, int, unsigned) = named("process_madvise");
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(MB);
    int me = (int)oc_syscall(SYS_pidfd_open, getpid(), 0, 0, 0, 0, 0);

    same_pread(&p, &b, 700000, 50);
    for (int i = 0; i < 2 && advise && me >= 0; i++) {
        int advice = i ? 9999 : MADV_COLD;
        struct iovec v[SIDES] = {{b.at[LIBC] + 8 * 4096, 64 * 4096},
                                 {b.at[RAW] + 8 * 4096, 64 * 4096}};
        same(side_result(advise(me, &v[LIBC], 1, advice, 0)),
             oc_syscall(SYS_process_madvise, me, (long)&v[RAW], 1, advice, 0, 0),
             "process_madvise(%d)", advice);
        buffers_same(&b, 0, b.len, "process_madvise");
    }
    if (seal) {
        same(side_result(seal(b.at[LIBC], MB, 0)),
             oc_syscall(462 /* mseal */, (long)b.at[RAW], (long)MB, 0, 0, 0, 0), "mseal");
        same(side_madvise(LIBC, b.at[LIBC], MB, MADV_DONTNEED),
             side_madvise(RAW, b.at[RAW], MB, MADV_DONTNEED), "MADV_DONTNEED of sealed memory");
    }
    expect(!seal || !tap_active() || !image_mapped(), "sealed memory is lent");
    buffers_same(&b, 0, b.len, "sealed memory");
    side_close(RAW, me);
    pair_close(&p);
    report("memory");
}

static void limits(void)
{
    int (*set)(int, const struct rlimit64 *) = named("setrlimit64");
    int (*both)(pid_t, int, const struct rlimit64 *, struct rlimit64 *) = named("prlimit64");
    struct rlimit64 limit = {(rlim64_t)1 << 41, (rlim64_t)1 << 41}, found = {0, 0};

    for (int how = 0; how < 2; how++) {
        pid_t child = fork();
        if (child == 0) {
            struct streams st = sought(5000);
            long r[SIDES] = {0, 0};
            expect(how ? both(0, RLIMIT_AS, &limit, NULL) == 0 : set(RLIMIT_AS, &limit) == 0,
                   "a limit is set");
            expect(both(0, RLIMIT_AS, NULL, &found) == 0 && found.rlim_cur == limit.rlim_cur,
                   "it is what was set");
            same_after(&st, r, "a limit");
            close_both(&st);
            child_done();
        }
        child_wait(child, "a limit");
    }
    report("limits of 64 bits");
}

/* ---- programs and processes ---- */

static void reads_on(int (*exec_it)(int program, char *const argv[]), const char *name)
{
    struct buffers b = buffers_make(4 * KB);
    struct pair p = pair_open(&twin, O_RDONLY);
    char out[SIDES][300] = {{0}};

    for (int i = 0; i < 40; i++)
        same_read(&p, &b, 64);
    for (enum side s = LIBC; s < SIDES; s++) {
        int ends[2];
        expect(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
        pid_t child = fork();
        if (child == 0) {
            char *argv[] = {self, (char *)(uintptr_t) "--read-on", NULL};
            int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
            dup2(p.fd[s], 0);
            dup2(ends[1], 1);
            same(side_read(s, 0, bytes[s], 33), 33, "read in the child");
            exec_it(program, argv);
            _exit(99);
        }
        int status = -1;
        expect(waitpid(child, &status, 0) == child && status == 0, "%s: ended with %#x", name,
               (unsigned)status);
        expect(side_read(RAW, ends[0], out[s], sizeof out[s]) > 100, "%s: nothing read", name);
        close(ends[0]);
        close(ends[1]);
    }
    expect(memcmp(out[LIBC], out[RAW], sizeof out[0]) == 0, "%s: other bytes", name);
    same_kernel_offset(&p, name);
    same_read(&p, &b, 64);
    pair_close(&p);
    buffers_free(&b);
}

static int by_execle(int program, char *const argv[])
{
    (void)program;
    return execle(argv[0], argv[0], argv[1], NULL, environ);
}

static int by_execvpe(int program, char *const argv[])
{
    (void)program;
    return execvpe(argv[0], argv, environ);
}

static int by_execveat(int program, char *const argv[])
{
    int (*call)(int, const char *, char *const *, char *const *, int) = named("execveat");
    return call ? call(program, "", argv, environ, AT_EMPTY_PATH) : execv(argv[0], argv);
}

static int by_execveat_number(int program, char *const argv[])
{
    return (int)syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
}

static int by_execve_number(int program, char *const argv[])
{
    (void)program;
    return (int)syscall(SYS_execve, argv[0], argv, environ);
}

static int read_on(void)
{
    char line[100];

    for (int i = 0; i < 2; i++)
        if (read(0, line, sizeof line) != sizeof line || write(1, line, sizeof line) < 0)
            return 1;
    return printf("%ld\n", (long)lseek(0, 0, SEEK_CUR)) > 0 ? 0 : 1;
}

static void programs(void)
{
    reads_on(by_execle, "execle");
    reads_on(by_execvpe, "execvpe");
    reads_on(by_execveat, "execveat");
    reads_on(by_execve_number, "execve by number");
    reads_on(by_execveat_number, "execveat by number");
    report("programs that are executed read on");
}

static struct pair cloned_pair;

static int in_clone(void *arg)
{
    char got[SIDES][64];

    (void)arg;
    same_kernel_offset(&cloned_pair, "in the clone");
    for (enum side s = LIBC; s < SIDES; s++)
        side_read(s, cloned_pair.fd[s], got[s], 64);
    expect(memcmp(got[LIBC], got[RAW], 64) == 0, "bytes in the clone");
    child_done();
}

static void clones(void)
{
    static char stack[256 << 10] __attribute__((aligned(64)));
    int (*call)(int (*)(void *), void *, int, void *, ...) = named("__clone");
    struct buffers b = buffers_make(4 * KB);

    cloned_pair = pair_open(&twin, O_RDONLY);
    same_read(&cloned_pair, &b, 300);
    same_read(&cloned_pair, &b, 300);
    child_wait(call(in_clone, stack + sizeof stack, SIGCHLD, NULL), "the clone");
    same_kernel_offset(&cloned_pair, "after the clone");
    same_read(&cloned_pair, &b, 300);
    pair_close(&cloned_pair);
    buffers_free(&b);
    report("__clone");
}

/* Nothing is left, as after exit. */
static void ended(void)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        struct buffers b = buffers_make(MB);
        struct pair p = pair_open(&twin, O_RDONLY);
        same_pread(&p, &b, 700000, 9);
        _Exit(image_mapped() ? 7 : 1);
    }
    expect(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "status %#x",
           (unsigned)status);
    expect(images_in_home() == 0, "an image is left");
    report("_Exit");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--read-on") == 0)
        return read_on();
    setenv("ONECOPY_TEST_FILES", "*.matched,unchanging", 1);
    tap_start(argc, argv);
    self = argv[0];
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("names", FILE_SIZE);
    streams();
    input();
    opened();
    descriptors();
    limits();
    programs();
    clones();
    ended();
    memory();
    return tap_done();
}
