/*
 * A program with functions of libc's names of its own, which pass the calls on to libc's other
 * names for the same (Erlang's virtual machine does so with sigaction): each of ours does what
 * its name says, and does not come back to the program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "twin.h"

/* How deep we are in functions of our own, and whether one was called out of another. */
static int inside, came_back, passed;

/* The function to pass the call on to, or NULL: this one was called by it. */
static void *pass_on(const char *other, const char *name)
{
    void *f = NULL;
    if (inside++ == 0) {
        f = dlsym(RTLD_NEXT, other);
        if (!f)
            f = dlsym(RTLD_NEXT, name);
        passed++;
    } else {
        came_back++;
        errno = ELOOP;
    }
    return f;
}

/* clang-format off */
int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
    int (*f)(int, const struct sigaction *, struct sigaction *) = pass_on("__sigaction", "sigaction");
    int result = f ? f(sig, act, old) : -1;
    inside--;
    return result;
}

ssize_t read(int fd, void *buf, size_t n)
{
    ssize_t (*f)(int, void *, size_t) = pass_on("__read", "read");
    ssize_t result = f ? f(fd, buf, n) : -1;
    inside--;
    return result;
}

off_t lseek(int fd, off_t off, int whence)
{
    off_t (*f)(int, off_t, int) = pass_on("__lseek", "lseek");
    off_t result = f ? f(fd, off, whence) : -1;
    inside--;
    return result;
}

int close(int fd)
{
    int (*f)(int) = pass_on("__close", "close");
    int result = f ? f(fd) : -1;
    inside--;
    return result;
}

int dup2(int fd, int to)
{
    int (*f)(int, int) = pass_on("__dup2", "dup2");
    int result = f ? f(fd, to) : -1;
    inside--;
    return result;
}

int pipe(int fds[2])
{
    int (*f)(int *) = pass_on("__pipe", "pipe");
    int result = f ? f(fds) : -1;
    inside--;
    return result;
}

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*f)(const char *, const char *) = pass_on("_IO_fopen", "fopen");
    FILE *result = f ? f(path, mode) : NULL;
    inside--;
    return result;
}

size_t fread(void *buf, size_t size, size_t n, FILE *file)
{
    size_t (*f)(void *, size_t, size_t, FILE *) = pass_on("_IO_fread", "fread");
    size_t result = f ? f(buf, size, n, file) : 0;
    inside--;
    return result;
}

char *fgets(char *s, int n, FILE *file)
{
    char *(*f)(char *, int, FILE *) = pass_on("_IO_fgets", "fgets");
    char *result = f ? f(s, n, file) : NULL;
    inside--;
    return result;
}

#undef getc
int getc(FILE *file)
{
    int (*f)(FILE *) = pass_on("_IO_getc", "getc");
    int result = f ? f(file) : EOF;
    inside--;
    return result;
}

int ungetc(int c, FILE *file)
{
    int (*f)(int, FILE *) = pass_on("_IO_ungetc", "ungetc");
    int result = f ? f(c, file) : EOF;
    inside--;
    return result;
}
/* clang-format on */

/* All that went on since the last time went to libc, and stayed there. */
static void went_on(int calls, const char *name)
{
    expect(passed == calls, "%d of %d calls went on", passed, calls);
    expect(came_back == 0, "%d came back", came_back);
    passed = came_back = 0;
    report(name);
}

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
    caught = sig;
}

static void signals(void)
{
    static const int all[] = {SIGUSR1, SIGSEGV, SIGBUS};

    passed = came_back = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct sigaction act = {.sa_handler = on_signal}, old;
        sigemptyset(&act.sa_mask);
        expect(sigaction(all[i], &act, NULL) == 0, "sigaction of %d", all[i]);
        raise(all[i]);
        expect(caught == all[i], "%d was caught, not %d", caught, all[i]);
        expect(sigaction(all[i], NULL, &old) == 0 && old.sa_handler == on_signal, "it is told");
        act.sa_handler = SIG_DFL;
        expect(sigaction(all[i], &act, NULL) == 0, "default again");
    }
    went_on(9, "sigaction passed on to __sigaction");
}

static void descriptors(const struct twin *twin)
{
    struct buffers buffers = buffers_make(MB);
    struct pair pair = pair_open(twin, O_RDONLY);
    int copy[SIDES], ends[2];

    passed = came_back = 0;
    same_read(&pair, &buffers, 1000);
    same_read(&pair, &buffers, MB);
    same_lseek(&pair, 77, SEEK_SET);
    same_read(&pair, &buffers, 4096);
    for (enum side s = LIBC; s < SIDES; s++)
        copy[s] = (int)side_dup2(s, pair.fd[s], pair.fd[s] + 20);
    struct pair copies = {{copy[LIBC], copy[RAW]}};
    same_read(&copies, &buffers, 333);
    expect(pipe(ends) == 0 && read(ends[0], buffers.at[0], 0) == 0, "a pipe");
    expect(close(ends[0]) == 0 && close(ends[1]) == 0, "closed");
    expect(came_back == 0 && passed >= 9, "%d went on, %d came back", passed, came_back);
    passed = came_back = 0;
    pair_close(&copies);
    pair_close(&pair);
    buffers_free(&buffers);
    report("read, lseek, dup2, pipe and close passed on to their other names");
}

static void streams(const struct twin *twin)
{
    enum { BIG = 700000, LINE = 50 };
    char *big = malloc(BIG), line[LINE + 1], whole[LINE + 1];

    passed = came_back = 0;
    FILE *file = fopen(twin->path[LIBC], "r");
    expect(big && file, "opened");
    if (!big || !file)
        return;
    expect(fread(big, 1, BIG, file) == BIG, "read");
    for (size_t i = 0; i < BIG; i++)
        if ((unsigned char)big[i] != twin_byte(i)) {
            expect(false, "byte %zu", i);
            break;
        }
    expect(getc(file) == twin_byte(BIG), "a character");
    expect(ungetc('x', file) == 'x' && getc(file) == 'x', "a character given back");
    memset(line, 0, sizeof line);
    expect(fgets(line, sizeof line, file) == line, "a line");
    size_t n = 0;
    while (n < LINE && (n == 0 || whole[n - 1] != '\n')) {
        whole[n] = (char)twin_byte(BIG + 1 + n);
        n++;
    }
    expect(memcmp(line, whole, n) == 0, "the line's bytes");
    went_on(6, "fopen, fread, getc, ungetc and fgets passed on to their other names");
    fclose(file);
    free(big);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    struct twin twin = twin_make("shadows", 2 * MB);

    signals();
    descriptors(&twin);
    streams(&twin);
    return tap_done();
}
