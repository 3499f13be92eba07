/* Every way to read, in sizes that are copied, cross sections, and are lent. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twin.h"

/* What _FORTIFY_SOURCE makes of read and pread; glibc declares them only then. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t room);
/* Exported by glibc beside the public names. */
ssize_t __read(int fd, void *buf, size_t n);
ssize_t __pread64(int fd, void *buf, size_t n, off64_t off);

#define FILE_SIZE (6 * MB + 123)

static struct twin twin;
static long page;

static const size_t sizes[] = {
    0,     1,     2,      7,      64,     511,    4095,   4096,    4097,           8191,   10000,
    65535, 65536, 200001, 262143, 262144, 262145, 300000, 1 << 20, (1 << 20) + 13, 3 << 20};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void straight_through(void)
{
    for (size_t i = 1; i < SIZES; i++) {
        struct pair p = pair_open(&twin, O_RDONLY);
        struct buffers b = buffers_make(4 * MB);
        size_t limit = sizes[i] < 100 ? 3000 : 2 * FILE_SIZE / sizes[i] + 3;
        if (limit > 200)
            limit = 200;
        for (size_t k = 0; k < limit; k++)
            if (!same_read(&p, &b, sizes[i]))
                break;
        buffers_free(&b);
        pair_close(&p);
    }
    report("read of every size, one after another, to the end and beyond");
}

static void anywhere(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(4 * MB);
    unsigned seed = 1;

    for (int k = 0; k < 600; k++) {
        size_t n = sizes[(unsigned)rand_r(&seed) % SIZES];
        if (n > 70000 && k % 8 != 0)
            n %= 70000;
        same_pread(&p, &b, n, rand_r(&seed) % (int)(FILE_SIZE + 5000));
        same_lseek(&p, rand_r(&seed) % (int)(FILE_SIZE + 5000), SEEK_SET);
        same_read(&p, &b, n / 2);
    }
    report("pread and lseek + read at random places");
    buffers_free(&b);
    pair_close(&p);
}

static void same_place_again(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(16 * KB);

    for (int k = 0; k < 3000; k++)
        if (!same_pread(&p, &b, (size_t)k % 777, 8000 + k % 300))
            break;
    if (tap_active())
        expect(maps_have(twin.path[LIBC]), "no section of the file is mapped");
    report("hot small preads, from a mapped section");
    buffers_free(&b);
    pair_close(&p);
    if (tap_active())
        expect(!maps_have(twin.path[LIBC]), "a section outlives its descriptor");
    report("closing the last descriptor unmaps the sections");
}

static void ends(void)
{
    static const size_t file_sizes[] = {0, 1, 4095, 4096, 4097, 8192, 12288, 16384, 20480, 20481};

    for (size_t i = 0; i < sizeof file_sizes / sizeof file_sizes[0]; i++) {
        struct twin small = twin_make("ends", file_sizes[i]);
        struct pair p = pair_open(&small, O_RDONLY);
        struct buffers b = buffers_make(64 * KB);
        for (int round = 0; round < 8; round++)
            for (int64_t off = (int64_t)file_sizes[i] - 3; off < (int64_t)file_sizes[i] + 3; off++)
                for (size_t n = 0; n < 6; n++)
                    same_pread(&p, &b, n, off);
        for (size_t n = 0; n < 30000; n += 1001)
            same_pread(&p, &b, n, 0);
        buffers_free(&b);
        pair_close(&p);
    }
    report("reads at, across and beyond the end, zero bytes at the end included");
}

static void odd_numbers(void)
{
    static const int64_t offs[] = {-1,
                                   INT64_MIN,
                                   INT64_MAX,
                                   INT64_MAX - 5,
                                   (int64_t)1 << 48,
                                   ((int64_t)1 << 44) - 4,
                                   ((int64_t)1 << 44)};
    static const size_t counts[] = {0,
                                    1,
                                    100,
                                    INT_MAX,
                                    (size_t)INT_MAX + 1,
                                    SSIZE_MAX,
                                    (size_t)SSIZE_MAX + 1,
                                    SIZE_MAX,
                                    SIZE_MAX - 4095};
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(8 * MB);

    for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++)
        for (size_t n = 0; n <= 100; n += 50)
            same_pread(&p, &b, n, offs[i]);
    report("negative and huge offsets");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        same_pread(&p, &b, counts[i], 5);
        same_lseek(&p, 7, SEEK_SET);
        same_read(&p, &b, counts[i]);
        same_read(&p, &b, counts[i]);
        same_pread(&p, &b, counts[i], (int64_t)twin.size - 100);
    }
    report("counts up to and beyond what the kernel takes");
    buffers_free(&b);
    pair_close(&p);
}

/* Buffers whose page AT is unmapped, unreadable or read-only. */
static struct buffers with_bad_page(size_t len, size_t at, int prot)
{
    struct buffers b = buffers_make(len);

    for (enum side s = LIBC; s < SIDES; s++)
        if (mprotect(b.at[s] + at, (size_t)page, prot) < 0)
            expect(false, "mprotect");
    return b;
}

static void read_into(const struct pair *p, const struct buffers *b, size_t from, size_t n,
                      size_t bad)
{
    long m = side_pread(LIBC, p->fd[LIBC], b->at[LIBC] + from, n, 4096 * 2);
    long t = side_pread(RAW, p->fd[RAW], b->at[RAW] + from, n, 4096 * 2);

    same(m, t, "pread of %zu at %zu over a bad page", n, from);
    buffers_same(b, 0, bad, "before the bad page");
    same_lseek(p, 8100, SEEK_SET);
    m = side_read(LIBC, p->fd[LIBC], b->at[LIBC] + from, n);
    t = side_read(RAW, p->fd[RAW], b->at[RAW] + from, n);
    same(m, t, "read of %zu at %zu over a bad page", n, from);
    buffers_same(b, 0, bad, "before the bad page");
    same_lseek(p, 0, SEEK_CUR);
}

static void bad_page(int prot, const char *name)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    size_t len = 1 * MB, bad = 512 * KB;
    struct buffers b = with_bad_page(len, bad, prot), warm = buffers_make(64 * KB);
    static const size_t befores[] = {0, 1, 8, 100, 4000, 4096, 5000, 300000};

    for (int k = 0; k < 100; k++)
        same_pread(&p, &warm, 100, 8000 + k);
    for (size_t i = 0; i < sizeof befores / sizeof befores[0]; i++) {
        read_into(&p, &b, bad - befores[i], befores[i] + 1, bad);
        read_into(&p, &b, bad - befores[i], befores[i] + 300, bad);
        read_into(&p, &b, bad - befores[i], befores[i] + 400000, bad);
    }
    read_into(&p, &b, bad + 10, 50, bad);
    report(name);
    buffers_free(&b);
    buffers_free(&warm);
    pair_close(&p);
}

/* Low in the address space, where nothing is put that does not ask for it: what is unmapped there
 * stays so. */
static bool low_buffers(struct buffers *b, size_t len)
{
    b->len = len;
    for (enum side s = LIBC; s < SIDES; s++) {
        char *low = (char *)((uintptr_t)(s + 3) << (sizeof(long) == 8 ? 34 : 28));
        b->at[s] = mmap(low, len, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (b->at[s] != low)
            return false;
    }
    return true;
}

static void half_mapped(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    size_t len = 512 * KB;
    struct buffers b, warm = buffers_make(64 * KB);
    static const size_t befores[] = {0, 1, 8, 100, 4000, 4096, 5000, 300000};
    const char *name = "buffers that end where nothing is mapped";

    if (!low_buffers(&b, len)) {
        skip(name, "the address is taken");
        return;
    }
    for (int k = 0; k < 100; k++)
        same_pread(&p, &warm, 100, 8000 + k);
    for (size_t i = 0; i < sizeof befores / sizeof befores[0]; i++) {
        read_into(&p, &b, len - befores[i], befores[i] + 1, len);
        read_into(&p, &b, len - befores[i], befores[i] + 300, len);
        read_into(&p, &b, len - befores[i], befores[i] + 400000, len);
    }
    read_into(&p, &b, len + 10, 50, len);
    read_into(&p, &b, len + 10, 500000, len);
    report(name);
    buffers_free(&b);
    buffers_free(&warm);
    pair_close(&p);
}

/* A bad page at the start.  What the good ones hold after EFAULT is nobody's promise. */
static void bad_start(int prot, const char *name)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    static const size_t sizes_over[] = {100, 5000, 20000, 500000};
    static const size_t ats[] = {1, 3000, 4090};

    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++) {
            struct buffers b = with_bad_page(1 * MB, 0, prot);
            same(side_pread(LIBC, p.fd[LIBC], b.at[LIBC] + ats[k], sizes_over[i], 777),
                 side_pread(RAW, p.fd[RAW], b.at[RAW] + ats[k], sizes_over[i], 777),
                 "pread of %zu that starts in a bad page", sizes_over[i]);
            buffers_free(&b);
        }
    report(name);
    pair_close(&p);
}

static void bad_pointers(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    char *const bad[] = {NULL, (char *)1, (char *)-1, (char *)(UINTPTR_MAX / 2),
                         (char *)(UINTPTR_MAX - 10000)};
    static const size_t counts[] = {0, 1, 64, 5000, 300000};
    struct buffers warm = buffers_make(64 * KB);

    for (int k = 0; k < 100; k++)
        same_pread(&p, &warm, 100, 8000 + k);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (size_t k = 0; k < 5; k++) {
            same(side_pread(LIBC, p.fd[LIBC], bad[i], counts[k], 8000),
                 side_pread(RAW, p.fd[RAW], bad[i], counts[k], 8000), "pread into %p", bad[i]);
            same(side_read(LIBC, p.fd[LIBC], bad[i], counts[k]),
                 side_read(RAW, p.fd[RAW], bad[i], counts[k]), "read into %p", bad[i]);
            same_lseek(&p, 0, SEEK_CUR);
        }
    same_lseek(&p, 0, SEEK_END);
    same(side_read(LIBC, p.fd[LIBC], NULL, 10), side_read(RAW, p.fd[RAW], NULL, 10),
         "read into NULL at the end");
    report("NULL and impossible buffers");
    buffers_free(&warm);
    pair_close(&p);
}

/* A vector of COUNT elements of varied sizes inside a buffer. */
static int vector(struct iovec *iov, char *base, int count, size_t unit)
{
    for (int i = 0; i < count; i++) {
        iov[i].iov_base = base;
        iov[i].iov_len = unit * (size_t)(i % 4) + (size_t)i % 3;
        base += iov[i].iov_len + 5;
    }
    return count;
}

static void vectors(size_t unit, const char *name)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(24 * MB);
    struct iovec iov[SIDES][40];

    for (int count = 0; count <= 40; count += 1 + count / 4) {
        for (enum side s = LIBC; s < SIDES; s++)
            vector(iov[s], b.at[s], count, unit);
        same(side_readv(LIBC, p.fd[LIBC], iov[LIBC], count),
             side_readv(RAW, p.fd[RAW], iov[RAW], count), "readv of %d", count);
        buffers_same(&b, 0, b.len, "readv");
        same_lseek(&p, 0, SEEK_CUR);
        for (int64_t off = -1; off < (int64_t)FILE_SIZE + 10; off += 1000001) {
            same(side_preadv(LIBC, p.fd[LIBC], iov[LIBC], count, off),
                 side_preadv(RAW, p.fd[RAW], iov[RAW], count, off), "preadv of %d at %lld", count,
                 (long long)off);
            same(side_preadv2(LIBC, p.fd[LIBC], iov[LIBC], count, off, 0),
                 side_preadv2(RAW, p.fd[RAW], iov[RAW], count, off, 0), "preadv2 of %d at %lld",
                 count, (long long)off);
            buffers_same(&b, 0, b.len, "preadv");
            same_lseek(&p, 0, SEEK_CUR);
        }
    }
    report(name);
    buffers_free(&b);
    pair_close(&p);
}

static void odd_vectors(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(64 * KB);
    static const int counts[] = {-1, 0, 1024, 1025, INT_MAX, INT_MIN};
    static const int flags[] = {0x1 /* RWF_HIPRI */, 0x8 /* RWF_NOWAIT */, 0x7fffffff};
    struct iovec iov[SIDES][3];

    for (enum side s = LIBC; s < SIDES; s++) {
        iov[s][0] = (struct iovec){b.at[s], 10};
        iov[s][1] = (struct iovec){NULL, 10};
        iov[s][2] = (struct iovec){b.at[s] + 100, SSIZE_MAX};
    }
    for (int n = 1; n <= 3; n++)
        same(side_preadv(LIBC, p.fd[LIBC], iov[LIBC], n, 0),
             side_preadv(RAW, p.fd[RAW], iov[RAW], n, 0), "preadv with a bad element, %d", n);
    /* What follows a bad one is left alone, however big the first was. */
    for (enum side s = LIBC; s < SIDES; s++) {
        iov[s][0] = (struct iovec){b.at[s], 50 * KB};
        iov[s][2] = (struct iovec){b.at[s] + 60 * KB, 100};
    }
    for (int i = 0; i < 3; i++) {
        same(side_preadv(LIBC, p.fd[LIBC], iov[LIBC], 3, 7),
             side_preadv(RAW, p.fd[RAW], iov[RAW], 3, 7), "preadv with a bad element in it");
        same(side_readv(LIBC, p.fd[LIBC], iov[LIBC], 3), side_readv(RAW, p.fd[RAW], iov[RAW], 3),
             "readv with a bad element in it");
        buffers_same(&b, 0, b.len, "around a bad element");
        same_lseek(&p, 0, SEEK_CUR);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        same(side_readv(LIBC, p.fd[LIBC], NULL, counts[i]),
             side_readv(RAW, p.fd[RAW], NULL, counts[i]), "readv of NULL, %d", counts[i]);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        same(side_preadv2(LIBC, p.fd[LIBC], iov[LIBC], 1, 5, flags[i]),
             side_preadv2(RAW, p.fd[RAW], iov[RAW], 1, 5, flags[i]), "preadv2, flags %#x",
             (unsigned)flags[i]);
    for (int k = 0; k < 5; k++) {
        same(side_preadv2(LIBC, p.fd[LIBC], iov[LIBC], 1, -1, 0),
             side_preadv2(RAW, p.fd[RAW], iov[RAW], 1, -1, 0), "preadv2 at -1 is readv");
        same_lseek(&p, 0, SEEK_CUR);
    }
    report("vectors with bad elements, counts, flags; preadv2 at the offset");
    buffers_free(&b);
    pair_close(&p);
}

/* Together more than one call transfers (MAX_RW_COUNT), over the same memory again and again;
 * and more than a count can say, which is an error. */
static void huge_vectors(void)
{
    enum { MANY = 1024 };
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(4 * MB);
    static struct iovec iov[SIDES][MANY];

    for (int round = 0; round < 3; round++) {
        size_t each = round == 2 ? SSIZE_MAX / 1000 : 4 * MB;
        for (enum side s = LIBC; s < SIDES; s++)
            for (int i = 0; i < MANY; i++)
                iov[s][i] = (struct iovec){b.at[s], each};
        same_lseek(&p, round * 100, SEEK_SET);
        same(side_readv(LIBC, p.fd[LIBC], iov[LIBC], MANY),
             side_readv(RAW, p.fd[RAW], iov[RAW], MANY), "readv of %d times %zu", MANY, each);
        same_lseek(&p, 0, SEEK_CUR);
        same(side_preadv(LIBC, p.fd[LIBC], iov[LIBC], MANY, 33),
             side_preadv(RAW, p.fd[RAW], iov[RAW], MANY, 33), "preadv of %d times %zu", MANY, each);
        buffers_same(&b, 0, b.len, "a huge vector");
    }
    report("vectors of more bytes than the kernel takes at once");
    buffers_free(&b);
    pair_close(&p);
}

static void fortified_size(const struct pair *p, struct buffers *b, size_t n)
{
    same(side_result(__read_chk(p->fd[LIBC], b->at[LIBC], n, b->len)),
         side_read(RAW, p->fd[RAW], b->at[RAW], n), "__read_chk of %zu", n);
    same(side_result(__read(p->fd[LIBC], b->at[LIBC] + 9, n / 2)),
         side_read(RAW, p->fd[RAW], b->at[RAW] + 9, n / 2), "__read of %zu", n / 2);
    same_lseek(p, 0, SEEK_CUR);
    buffers_same(b, 0, b->len, "__read_chk");
    same(side_result(__pread_chk(p->fd[LIBC], b->at[LIBC], n, 11, b->len)),
         side_pread(RAW, p->fd[RAW], b->at[RAW], n, 11), "__pread_chk of %zu", n);
    same(side_result(__pread64_chk(p->fd[LIBC], b->at[LIBC] + 1, n, 4090, b->len)),
         side_pread(RAW, p->fd[RAW], b->at[RAW] + 1, n, 4090), "__pread64_chk of %zu", n);
    same(side_result(__pread64(p->fd[LIBC], b->at[LIBC] + 2, n, 5090)),
         side_pread(RAW, p->fd[RAW], b->at[RAW] + 2, n, 5090), "__pread64 of %zu", n);
    same(side_result(pread64(p->fd[LIBC], b->at[LIBC] + n / 2, n / 2, 3)),
         side_pread(RAW, p->fd[RAW], b->at[RAW] + n / 2, n / 2, 3), "pread64 of %zu", n / 2);
    buffers_same(b, 0, b->len, "pread under its other names");
}

static void other_names(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    struct buffers b = buffers_make(4 * MB);

    for (size_t i = 0; i < SIZES; i++)
        fortified_size(&p, &b, sizes[i]);
    report("fortified, 64-bit and underscored names");
    buffers_free(&b);
    pair_close(&p);
}

/* Memory of other kinds than private anonymous, where nothing may be lent. */
static void other_memory(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    static char still[SIDES][400000];
    char stack[SIDES][100000];
    size_t n = 300000;

    for (int k = 0; k < 3; k++) {
        same(side_pread(LIBC, p.fd[LIBC], still[LIBC] + k, n, 77),
             side_pread(RAW, p.fd[RAW], still[RAW] + k, n, 77), "pread into static memory");
        same(side_pread(LIBC, p.fd[LIBC], stack[LIBC] + k, 90000, 77),
             side_pread(RAW, p.fd[RAW], stack[RAW] + k, 90000, 77), "pread onto the stack");
        expect(memcmp(still[LIBC], still[RAW], sizeof still[0]) == 0, "static memory");
        expect(memcmp(stack[LIBC] + k, stack[RAW] + k, 90000) == 0, "stack");
    }
    report("static memory and the stack as buffers");
    pair_close(&p);
}

/* Memory that another process shares must be written, not replaced. */
static void shared_memory(void)
{
    struct pair p = pair_open(&twin, O_RDONLY);
    size_t len = 1 * MB;
    char *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();

    if (child == 0) {
        same(side_pread(LIBC, p.fd[LIBC], shared, len, 300), (long)len, "pread into shared memory");
        child_done();
    }
    child_wait(child, "reader");
    for (size_t i = 0; i < len; i++)
        if (!expect((unsigned char)shared[i] == twin_byte(300 + i), "shared byte %zu", i))
            break;
    report("shared memory is written, not replaced");
    munmap(shared, len);
    pair_close(&p);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    page = sysconf(_SC_PAGESIZE);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    twin = twin_make("reads", FILE_SIZE);
    straight_through();
    anywhere();
    same_place_again();
    ends();
    odd_numbers();
    bad_page(PROT_NONE, "buffers that end at an unreadable page");
    bad_page(PROT_READ, "buffers that end at a read-only page");
    half_mapped();
    bad_start(PROT_NONE, "buffers that start in an unreadable page");
    bad_start(PROT_READ, "buffers that start in a read-only page");
    bad_pointers();
    vectors(50, "vectors of small elements");
    vectors(3000, "vectors of medium elements");
    vectors(200000, "vectors of big elements");
    odd_vectors();
    huge_vectors();
    other_names();
    other_memory();
    shared_memory();
    return tap_done();
}
