/*
 * Streams on matched files against the same calls on their twins, which are
 * left to glibc: bytes, counts, positions, flags, and where the kernel's offset
 * is when somebody else looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twin.h"

size_t __fread_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);
size_t __fread_unlocked_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);

#define FILE_SIZE (5 * MB + 77)

static struct twin twin;
static struct buffers b;

struct streams {
    FILE *f[SIDES];
};

typedef FILE *open_fn(const char *path, const char *mode);

static struct streams streams_open(open_fn *open_it, const struct twin *of, const char *mode)
{
    struct streams st;

    for (enum side s = LIBC; s < SIDES; s++)
        st.f[s] = open_it(of->path[s], mode);
    expect((st.f[LIBC] != NULL) == (st.f[RAW] != NULL), "fopen(%s)", mode);
    return st;
}

static void streams_close(struct streams *st)
{
    same(side_result(fclose(st->f[LIBC])), side_result(fclose(st->f[RAW])), "fclose");
}

/* What can be asked of a stream without moving it. */
static void same_state(const struct streams *st, const char *what)
{
    same(side_result(ftell(st->f[LIBC])), side_result(ftell(st->f[RAW])), "%s: ftell", what);
    same(feof(st->f[LIBC]) != 0, feof(st->f[RAW]) != 0, "%s: feof", what);
    same(ferror(st->f[LIBC]) != 0, ferror(st->f[RAW]) != 0, "%s: ferror", what);
}

/* The kernel's offset, after what POSIX asks for before somebody else uses it. */
static void same_offset(const struct streams *st, const char *what)
{
    struct pair p;

    for (enum side s = LIBC; s < SIDES; s++) {
        fflush(st->f[s]);
        p.fd[s] = fileno(st->f[s]);
    }
    same_kernel_offset(&p, what);
}

typedef size_t fread_fn(void *buf, size_t size, size_t n, FILE *f);

static size_t by_fread_chk(void *buf, size_t size, size_t n, FILE *f)
{
    return __fread_chk(buf, b.len, size, n, f);
}

static size_t by_fread_unlocked_chk(void *buf, size_t size, size_t n, FILE *f)
{
    return __fread_unlocked_chk(buf, b.len, size, n, f);
}

static bool same_fread(const struct streams *st, fread_fn *how, size_t size, size_t n)
{
    char what[80];
    size_t got[SIDES];

    for (enum side s = LIBC; s < SIDES; s++)
        got[s] = how(b.at[s] + 16, size, n, st->f[s]);
    snprintf(what, sizeof what, "fread of %zu * %zu", size, n);
    size_t looked = size * n + 8192 < b.len ? size * n + 8192 : b.len;
    bool items = same((long)got[LIBC], (long)got[RAW], "%s", what);
    return buffers_same(&b, 0, looked, what) && items;
}

static void straight_through(fread_fn *how, const char *name)
{
    static const size_t sizes[] = {1,     100,    4095,   4096,    4097,
                                   65536, 262144, 300001, 1 << 20, 3 << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct streams st = streams_open(fopen, &twin, "r");
        for (int k = 0; k < 40; k++) {
            same_fread(&st, how, k % 2 ? 1 : sizes[i], k % 2 ? sizes[i] : 1);
            same_state(&st, "after fread");
        }
        same_offset(&st, "after freads");
        streams_close(&st);
    }
    report(name);
}

static void elements(void)
{
    static const size_t shapes[][2] = {{0, 5},      {5, 0},       {7, 100000},  {4096, 300},
                                       {300001, 3}, {1000000, 5}, {3, 1000001}, {SIZE_MAX, 0}};

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct streams st = streams_open(fopen, &twin, "rb");
        for (int k = 0; k < 4; k++) {
            same_fread(&st, fread, shapes[i][0], shapes[i][1]);
            same_state(&st, "after fread");
        }
        same_fread(&st, fread, 1, 50);
        streams_close(&st);
    }
    report("elements of every size, the last one partial");
}

static void step_through_bytes(const struct streams *st, long n)
{
    FILE *m = st->f[LIBC], *t = st->f[RAW];

    switch (n / 3 % 3) {
    case 0:
        same(getc(m), getc(t), "getc");
        break;
    case 1:
        same(ungetc((int)(n & 255), m), ungetc((int)(n & 255), t), "ungetc");
        break;
    default:
        same(fgets(b.at[LIBC], (int)(n % 5000) + 1, m) != NULL,
             fgets(b.at[RAW], (int)(n % 5000) + 1, t) != NULL, "fgets");
        buffers_same(&b, 0, 6000, "fgets");
    }
}

static void step_elsewhere(const struct streams *st, long n)
{
    FILE *m = st->f[LIBC], *t = st->f[RAW];
    long to = n % (long)(FILE_SIZE + 9000), by = n % 9000;

    switch (n / 7 % 4) {
    case 0:
        same(fseek(m, to, SEEK_SET), fseek(t, to, SEEK_SET), "fseek");
        break;
    case 1:
        same(fseeko(m, by - 4500, SEEK_CUR), fseeko(t, by - 4500, SEEK_CUR), "fseeko");
        break;
    case 2:
        same(fseek(m, -by, SEEK_END), fseek(t, -by, SEEK_END), "fseek");
        break;
    default:
        for (enum side s = LIBC; s < SIDES && n % 5 == 0; s++)
            rewind(st->f[s]);
    }
}

static void step_beside(const struct streams *st, long n)
{
    if (n % 3 == 0) {
        same_offset(st, "at some point");
    } else if (n % 3 == 1) {
        for (enum side s = LIBC; s < SIDES; s++)
            clearerr(st->f[s]);
    } else {
        same(side_pread(LIBC, fileno(st->f[LIBC]), b.at[LIBC], 500, n % 100000),
             side_pread(RAW, fileno(st->f[RAW]), b.at[RAW], 500, n % 100000), "pread beside");
        buffers_same(&b, 0, 500, "pread beside the stream");
    }
}

/* One random step on both streams. */
static void step(const struct streams *st, unsigned *seed)
{
    long r = rand_r(seed) % 16, n = rand_r(seed);

    if (r == 0)
        same_fread(st, fread, 1, (size_t)n % 2000000);
    else if (r == 1)
        same_fread(st, fread, 1, 262144 + (size_t)n % 100);
    else if (r < 4)
        same_fread(st, fread, 1, (size_t)n % 9000);
    else if (r < 6)
        same_fread(st, fread_unlocked, 1 + (size_t)n % 50, 30);
    else if (r < 9)
        step_through_bytes(st, n);
    else if (r < 13)
        step_elsewhere(st, n);
    else
        step_beside(st, n);
    same_state(st, "after a step");
}

static void random_steps(const char *mode, int buffering, size_t size, const char *name)
{
    for (unsigned round = 0; round < 12; round++) {
        unsigned seed = round * 1000 + 7;
        struct streams st = streams_open(fopen, &twin, mode);
        static char own[SIDES][1 << 16];
        for (enum side s = LIBC; s < SIDES && buffering >= 0; s++)
            setvbuf(st.f[s], size ? own[s] : NULL, buffering, size);
        for (int k = 0; k < 300; k++)
            step(&st, &seed);
        same_offset(&st, "at the end");
        streams_close(&st);
    }
    report(name);
}

/* Numbers behind the stream used directly, after the synchronisation that POSIX asks for. */
static void beside(void)
{
    for (int k = 0; k < 30; k++) {
        struct streams st = streams_open(fopen, &twin, "r");
        struct pair p = {{fileno(st.f[LIBC]), fileno(st.f[RAW])}};
        same_fread(&st, fread, 1, (size_t)(k % 3 == 0 ? 400000 : k * 313));
        same_offset(&st, "before read");
        same_read(&p, &b, 1000);
        same_lseek(&p, 7777, SEEK_SET);
        same_read(&p, &b, 1000);
        for (enum side s = LIBC; s < SIDES; s++)
            fseek(st.f[s], 0, SEEK_CUR);
        same_fread(&st, fread, 1, 5000);
        for (enum side s = LIBC; s < SIDES; s++)
            fseek(st.f[s], 123 * k, SEEK_SET);
        same_fread(&st, fread, 1, (size_t)(k % 2 ? 300000 : 50));
        same_state(&st, "after mixing");
        streams_close(&st);
    }
    report("fread mixed with read and lseek on fileno");
}

/* Nothing read through the stream yet: its descriptor is a plain one. */
static void unread(void)
{
    for (int k = 0; k < 10; k++) {
        struct streams st = streams_open(fopen64, &twin, "rbe");
        struct pair p = {{fileno(st.f[LIBC]), fileno(st.f[RAW])}};
        for (int i = 0; i < 50; i++) {
            same_read(&p, &b, 100);
            same_lseek(&p, 50, SEEK_CUR);
        }
        same_kernel_offset(&p, "of a stream's descriptor");
        same_fread(&st, fread, 1, (size_t)(k % 2 ? 400000 : 10));
        same_offset(&st, "after all");
        streams_close(&st);
    }
    report("read on the descriptor of a fresh stream, then fread");
}

static void on_a_descriptor(void)
{
    for (int k = 0; k < 20; k++) {
        struct pair p = pair_open(&twin, O_RDONLY), copy;
        struct streams st;
        for (int i = 0; i < 30; i++)
            same_read(&p, &b, 100); /* the offset may live in user space by now */
        for (enum side s = LIBC; s < SIDES; s++) {
            copy.fd[s] =
                (int)(k % 2 ? side_dup(s, p.fd[s]) : side_fcntl(s, p.fd[s], F_DUPFD_CLOEXEC, 0));
            st.f[s] = fdopen(copy.fd[s], "r");
        }
        same_state(&st, "after fdopen");
        same_fread(&st, fread, 1, (size_t)(k % 3 ? 100 : 400000));
        same_fread(&st, fread, 1, (size_t)(k % 5 ? 300000 : 7));
        same_offset(&st, "of a stream over a duplicate");
        same_read(&p, &b, 99);
        streams_close(&st);
        same_kernel_offset(&p, "after fclose of the duplicate");
        same_read(&p, &b, 99);
        pair_close(&p);
    }
    report("fdopen of a duplicate that shares its offset (numpy's way)");
}

static void reopened(void)
{
    struct twin other = twin_make("other", 700000);
    struct streams st = streams_open(fopen, &twin, "r");

    for (int k = 0; k < 12; k++) {
        same_fread(&st, fread, 1, (size_t)(k % 2 ? 333333 : 20));
        struct pair p = {{fileno(st.f[LIBC]), fileno(st.f[RAW])}};
        same_pread(&p, &b, 100, 300);
        for (enum side s = LIBC; s < SIDES; s++)
            st.f[s] = k % 3 == 2 ? freopen(NULL, "r", st.f[s])
                                 : freopen(k % 3 ? twin.path[s] : other.path[s], "r", st.f[s]);
        expect(st.f[LIBC] != NULL && st.f[RAW] != NULL, "freopen");
        same_state(&st, "after freopen");
    }
    for (enum side s = LIBC; s < SIDES; s++)
        st.f[s] = freopen("/dev/null", "r", st.f[s]);
    same_fread(&st, fread, 1, 400000);
    streams_close(&st);
    report("freopen: another file, the same, NULL, a stranger");
    for (enum side s = LIBC; s < SIDES; s++)
        st.f[s] = fopen(twin.path[s], "r");
    same_fread(&st, fread, 1, 10);
    same(freopen("/nonexistent/x.matched", "r", st.f[LIBC]) == NULL,
         freopen("/nonexistent/x", "r", st.f[RAW]) == NULL, "freopen of what is not there");
    report("freopen that fails");
}

static void updated(const char *mode)
{
    struct twin scratch = twin_make("scratch", 500000);
    struct streams st = streams_open(fopen, &scratch, mode);
    char name[60];

    for (int k = 0; k < 60; k++) {
        for (enum side s = LIBC; s < SIDES; s++)
            fseek(st.f[s], k * 5000, SEEK_SET);
        same_fread(&st, fread, 1, (size_t)(k % 10 ? 100 : 270000));
        for (enum side s = LIBC; s < SIDES; s++) {
            fseek(st.f[s], 0, SEEK_CUR);
            fwrite("written", 1, 7, st.f[s]);
            if (k % 2)
                fflush(st.f[s]);
        }
        same_state(&st, "after fwrite");
    }
    streams_close(&st);
    struct pair p = pair_open(&scratch, O_RDONLY);
    same_pread(&p, &b, 600000, 0);
    pair_close(&p);
    snprintf(name, sizeof name, "fopen(\"%s\")", mode);
    report(name);
}

static void bad_modes(void)
{
    static const char *const modes[] = {"", "x", "q", "rx", "r,ccs=UTF-8"};

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        FILE *f[SIDES] = {fopen(twin.path[LIBC], modes[i]), fopen(twin.path[RAW], modes[i])};
        same(f[LIBC] != NULL, f[RAW] != NULL, "fopen(\"%s\")", modes[i]);
        for (enum side s = LIBC; s < SIDES; s++)
            if (f[s] != NULL)
                fclose(f[s]);
    }
    same(fopen("/nonexistent/x.matched", "r") == NULL && errno == ENOENT, 1, "fopen: ENOENT");
    same(fdopen(9999, "r") == NULL && errno == EBADF, 1, "fdopen: EBADF");
    struct pair p = pair_open(&twin, O_RDONLY);
    same(fdopen(p.fd[LIBC], "w") == NULL && errno == EINVAL, 1, "fdopen for writing: EINVAL");
    same_read(&p, &b, 1000);
    report("modes and streams that are refused");
    pair_close(&p);
}

static void mapped_stream(void)
{
    struct streams st = streams_open(fopen, &twin, "rm");

    for (int k = 0; k < 20; k++) {
        same_fread(&st, fread, 1, (size_t)(k % 4 ? 1000 : 300000));
        same_state(&st, "after fread");
    }
    report("fopen(\"rm\"), which maps the file itself");
    streams_close(&st);
}

/* Whatever took the number of a closed stream is read, not the stream's file. */
static void closed(void)
{
    for (int k = 0; k < 50; k++) {
        struct streams st = streams_open(fopen, &twin, "r");
        int fd = fileno(st.f[LIBC]), other;
        char c;
        same_fread(&st, fread, 1, (size_t)(k % 5 ? 10 : 300000));
        for (int i = 0; i < 20; i++)
            side_pread(LIBC, fd, &c, 1, i);
        streams_close(&st);
        same(side_pread(LIBC, fd, &c, 1, 0), -EBADF, "pread after fclose");
        other = open("/dev/null", O_RDONLY);
        expect(other == fd, "the number is reused");
        same(side_pread(LIBC, fd, &c, 1, 0), 0, "pread of /dev/null");
        close(other);
    }
    report("fclose forgets the number");
    struct pair p = pair_open(&twin, O_RDONLY);
    same_read(&p, &b, 10);
    pair_close(&p);
    pid_t child = fork();
    if (child == 0) {
        p = pair_open(&twin, O_RDONLY);
        fcloseall();
        same_read(&p, &b, 100);
        child_done();
    }
    child_wait(child, "fcloseall");
    report("fcloseall");
}

static void big_is_lent(void)
{
    struct streams st = streams_open(fopen, &twin, "r");
    char *mine = malloc(4 * MB);

    same((long)fread(mine, 1, 4 * MB, st.f[LIBC]), (long)(4 * MB), "fread");
    expect(image_mapped(), "a big fread was not lent");
    for (size_t i = 0; i < 4 * MB; i += 61)
        if (!expect((unsigned char)mine[i] == twin_byte(i), "byte %zu", i))
            break;
    free(mine);
    mine = malloc(4 * MB);
    same((long)fread(mine, 1, 4 * MB, st.f[RAW]), (long)(4 * MB), "fread");
    free(mine);
    same_state(&st, "after a big fread");
    same_offset(&st, "after a big fread");
    report("a big fread is lent");
    streams_close(&st);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("stdio", FILE_SIZE);
    b = buffers_make(6 * MB);
    big_is_lent();
    straight_through(fread, "fread to the end");
    straight_through(fread_unlocked, "fread_unlocked to the end");
    straight_through(by_fread_chk, "__fread_chk to the end");
    straight_through(by_fread_unlocked_chk, "__fread_unlocked_chk to the end");
    elements();
    random_steps("r", -1, 0, "random steps");
    random_steps("rb", _IONBF, 0, "random steps, unbuffered");
    random_steps("r", _IOFBF, 100, "random steps, a buffer of 100 bytes");
    random_steps("r", _IOFBF, 1 << 16, "random steps, a buffer of 64 K");
    random_steps("r+", -1, 0, "random steps, opened for update");
    beside();
    unread();
    on_a_descriptor();
    reopened();
    updated("r+");
    updated("a+");
    updated("w+");
    bad_modes();
    mapped_stream();
    closed();
    return tap_done();
}
