/*
 * Files of zeros, and of integers, whose last byte before the end is as zero as what a mapping
 * shows behind it: they are cut off and grown, holes are punched and ranges taken out, by
 * this process between reads, and by another one meanwhile.  How many bytes a read gives, and
 * which, is the kernel's to say.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

#define PAGE   4096
#define SIZE   (160 * (size_t)PAGE) /* two sections and a half */
#define MOST   9000                 /* bytes of a read */
#define STEPS  400
#define READS  40
#define ROUNDS 40

static char path[TWIN_PATH];
static int fd, writer; /* both of the matched file: read by libc, changed behind its back */

/* Small integers: seven bytes of eight are zeros, and sometimes all. */
static void integers(char *bytes, size_t n, unsigned *seed)
{
    memset(bytes, 0, n);
    for (size_t i = 0; i < n; i += 8)
        bytes[i] = (char)(rand_r(seed) % 8 ? rand_r(seed) : 0);
}

static void fill(bool zeros)
{
    static char bytes[SIZE];
    unsigned seed = 5;
    memset(bytes, 0, SIZE);
    if (!zeros)
        integers(bytes, SIZE, &seed);
    side_ftruncate(RAW, writer, 0);
    side_pwrite(RAW, writer, bytes, SIZE, 0);
}

static void open_both(const char *name, bool zeros)
{
    struct twin twin = twin_make(name, 1);
    strcpy(path, twin.path[LIBC]);
    writer = (int)side_open(RAW, path, O_RDWR, 0);
    fill(zeros);
    fd = open(path, O_RDONLY);
}

static void close_both(void)
{
    close(fd);
    side_close(RAW, writer);
}

/* Often enough that all of it is mapped. */
static void warm(void)
{
    static char buf[512];
    for (int i = 0; i < 4000; i++)
        side_pread(LIBC, fd, buf, sizeof buf, i * 37 % (int)(SIZE / 512) * 512);
}

/* ---- changed between reads ---- */

/* A size somewhere, most often near a page's end. */
static size_t some_size(unsigned *seed)
{
    size_t size = (size_t)rand_r(seed) % (SIZE / PAGE) * PAGE;
    switch (rand_r(seed) % 4) {
    case 0:
        return size;
    case 1:
        return size + (size_t)rand_r(seed) % 9;
    case 2:
        return size + PAGE - 1 - (size_t)rand_r(seed) % 9;
    default:
        return size + (size_t)rand_r(seed) % PAGE;
    }
}

static void change(unsigned *seed)
{
    static const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_ZERO_RANGE,
                                FALLOC_FL_INSERT_RANGE};
    char bytes[600];
    size_t at = some_size(seed);
    switch (rand_r(seed) % 8) {
    case 0: /* some file systems know only the first */
        syscall(SYS_fallocate, writer, modes[rand_r(seed) % 4], (off_t)(at / PAGE * PAGE),
                (off_t)(1 + rand_r(seed) % 4) * PAGE);
        break;
    case 1:
        side_ftruncate(RAW, writer, (int64_t)SIZE);
        break;
    case 2:
        integers(bytes, sizeof bytes, seed);
        side_pwrite(RAW, writer, bytes, sizeof bytes, (int64_t)at);
        break;
    case 3: /* cut off, and grown again at once */
        side_ftruncate(RAW, writer, (int64_t)at);
        side_ftruncate(RAW, writer, (int64_t)(at + (size_t)rand_r(seed) % (2 * PAGE)));
        break;
    default:
        side_ftruncate(RAW, writer, (int64_t)at);
    }
}

/* From before the end to it, to the page's end, beyond: anywhere near. */
static bool reads_agree(unsigned *seed)
{
    static __thread unsigned char ours[MOST], kernels[MOST];
    size_t end = (size_t)side_lseek(RAW, writer, 0, SEEK_END);
    size_t around = rand_r(seed) % 4 ? end : some_size(seed);
    size_t n = 1 + (size_t)rand_r(seed) % (rand_r(seed) % 4 ? 200 : MOST);
    size_t off = around > n ? around - n : 0;
    off += rand_r(seed) % 2 ? 0 : (size_t)rand_r(seed) % (rand_r(seed) % 2 ? 9 : 2 * PAGE);
    memset(ours, 0xa5, n);
    memset(kernels, 0xa5, n);
    long got = side_pread(LIBC, fd, ours, n, (int64_t)off);
    long right = side_pread(RAW, fd, kernels, n, (int64_t)off);
    return expect(got == right, "%zu bytes at %zu of %zu: %ld, not %ld", n, off, end, got, right) &&
           expect(!memcmp(ours, kernels, n), "%zu bytes at %zu of %zu differ", n, off, end);
}

static void between_reads(const char *name, bool zeros)
{
    unsigned seed = 3;
    open_both(name, zeros);
    for (int step = 0; step < STEPS; step++) {
        if (step % 8 == 0) {
            close(fd);
            fill(zeros);
            fd = open(path, O_RDONLY);
            warm();
        }
        change(&seed);
        for (int i = 0; i < READS; i++)
            if (!reads_agree(&seed))
                step = STEPS;
    }
    close_both();
    report(name);
}

/* ---- changed meanwhile ---- */

/* Sizes, one after the other: a read that saw DONE = a before and BEGUN = b after it may have
 * met sizes a to b. */
static struct {
    _Atomic unsigned done, begun;
    _Atomic size_t size[1 << 16];
} * shared;

static void resize_for_ever(void)
{
    unsigned seed = 11;
    for (unsigned i = 1; getppid() != 1; i++) {
        size_t size = i % 2 ? some_size(&seed) : SIZE;
        shared->size[i % (1 << 16)] = size;
        shared->begun = i;
        side_ftruncate(RAW, writer, (int64_t)size);
        shared->done = i;
        usleep((unsigned)rand_r(&seed) % 100);
    }
    _exit(0);
}

static size_t left(size_t size, size_t off, size_t n)
{
    return size <= off ? 0 : size - off < n ? size - off : n;
}

static bool read_is_possible(unsigned *seed)
{
    static __thread unsigned char buf[MOST];
    unsigned from = shared->done;
    size_t n = 1 + (size_t)rand_r(seed) % (rand_r(seed) % 4 ? 200 : MOST);
    size_t around = rand_r(seed) % 4 ? shared->size[from % (1 << 16)] : some_size(seed);
    size_t off = around > n ? around - n + (size_t)rand_r(seed) % n : 0;
    size_t least = n, most = 0;
    memset(buf, 0xa5, n);
    from = shared->done;
    long got = side_pread(LIBC, fd, buf, n, (int64_t)off);
    unsigned to = shared->begun;
    for (unsigned i = from; i <= to; i++) {
        size_t bytes = left(shared->size[i % (1 << 16)], off, n);
        least = bytes < least ? bytes : least;
        most = bytes > most ? bytes : most;
    }
    bool good = expect(got >= (long)least && got <= (long)most,
                       "%zu bytes at %zu: %ld, not %zu to %zu", n, off, got, least, most);
    for (long i = 0; good && i < got; i++)
        good = expect(buf[i] == 0, "byte %ld of %ld is %d", i, got, buf[i]);
    for (size_t i = (size_t)got; good && from == to && i < n; i++)
        good = expect(buf[i] == 0xa5, "byte %zu was written, beyond %ld", i, got);
    return good;
}

static void *reader(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < STEPS && read_is_possible(&seed); i++)
        ;
    return NULL;
}

/* A fault is met once in each section: so it is mapped anew, again and again. */
static void meanwhile(void)
{
    pthread_t thread;
    open_both("meanwhile", true);
    shared->done = shared->begun = 0;
    shared->size[0] = SIZE;
    pid_t child = fork();
    if (child == 0)
        resize_for_ever();
    for (uintptr_t round = 0; round < ROUNDS; round++) {
        warm();
        pthread_create(&thread, NULL, reader, (void *)(2 * round + 1));
        reader((void *)(2 * round + 2));
        pthread_join(thread, NULL);
        close(fd);
        fd = open(path, O_RDONLY);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close_both();
    report("another process cuts and grows a file of zeros");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    between_reads("zeros", true);
    between_reads("integers", false);
    meanwhile();
    return tap_done();
}
