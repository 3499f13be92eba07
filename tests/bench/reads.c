/*
 * Reads of one size and pattern: under the preloaded library, by libc's own call, and by
 * memcpy from a mapping.  Prints the three medians in ns a read (onecopy, kernel, memcpy).
 *
 *   reads FILE CALL PATTERN SIZE SET [ROUNDS [MS]]
 *
 * CALL: pread; seek, an lseek and a read; read, at the offset.  PATTERN: random, in all
 * of the first SET bytes; sequential, round and round.  To be run with LD_PRELOAD and
 * rules that match FILE.
 *
 *   reads FILE pass CALL SIZE SET     one pass in a process of its own: prints ns a read
 *   reads FILE threads SIZE SET       ns a read in two threads, and in one, of pread and
 *                                     memcpy; of read() on one descriptor by us and the kernel
 */
#include "bench.h"

#include <pthread.h>

enum { WAYS = 3, MOST_ROUNDS = 101 };

struct job {
    int fd, plain; /* the second was opened behind the library's back */
    char *map, *buf;
    size_t size, set;
    bool seek, moving, random;
    uint64_t state, at;
};

static ssize_t (*kernels_pread)(int, void *, size_t, off_t);
static ssize_t (*kernels_read)(int, void *, size_t);
static off_t (*kernels_lseek)(int, off_t, int);
static int (*kernels_open)(const char *, int, ...);

static uint64_t next_offset(struct job *job)
{
    uint64_t at = job->at;
    if (job->random)
        return next_random(&job->state) % (job->set - job->size + 1);
    job->at = at + 2 * job->size > job->set ? 0 : at + job->size;
    return at;
}

static void complain(ssize_t n, const struct job *job)
{
    if (n != (ssize_t)job->size)
        die("read");
}

static void by_us(struct job *job, uint64_t off)
{
    if (job->seek || (job->moving && off == 0))
        lseek(job->fd, (off_t)off, SEEK_SET);
    complain(job->seek || job->moving ? read(job->fd, job->buf, job->size)
                                      : pread(job->fd, job->buf, job->size, (off_t)off),
             job);
}

static void by_kernel(struct job *job, uint64_t off)
{
    if (job->seek || (job->moving && off == 0))
        kernels_lseek(job->plain, (off_t)off, SEEK_SET);
    complain(job->seek || job->moving ? kernels_read(job->plain, job->buf, job->size)
                                      : kernels_pread(job->plain, job->buf, job->size, (off_t)off),
             job);
}

static void by_memcpy(struct job *job, uint64_t off)
{
    memcpy(job->buf, job->map + off, job->size);
}

static void (*const ways[WAYS])(struct job *, uint64_t) = {by_us, by_kernel, by_memcpy};

static double round_of(struct job *job, int way, size_t reads)
{
    double begin = cpu_ns();
    for (size_t i = 0; i < reads; i++) {
        ways[way](job, next_offset(job));
        used(job->buf);
    }
    return (cpu_ns() - begin) / (double)reads;
}

/* So many reads as take MS; warms up on the way.  Each way goes on where it was. */
static size_t calibrate(struct job *job, int way, double ms)
{
    size_t reads = 1;
    for (;;) {
        double took = round_of(job, way, reads) * (double)reads;
        if (took > ms * 1e6 / 2)
            return reads;
        reads *= took < ms * 1e6 / 8 ? 4 : 2;
    }
}

static void warm(struct job *job, int way)
{
    double begin = wall_ns();
    size_t reads = 4 * job->set / job->size + 64;
    for (size_t i = 0; i < reads && wall_ns() - begin < 2e8; i++)
        round_of(job, way, 16);
}

static void open_file(struct job *job, const char *path)
{
    struct stat st;
    job->fd = open(path, O_RDONLY);
    job->plain = kernels_open(path, O_RDONLY);
    if (job->fd < 0 || job->plain < 0 || fstat(job->fd, &st) != 0)
        die(path);
    job->map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, job->plain, 0);
    job->buf = malloc(job->size);
    if (job->map == MAP_FAILED || !job->buf || job->set > (size_t)st.st_size ||
        job->size > job->set)
        die("job");
    memset(job->buf, 1, job->size);
}

/* Nobody reads what another has just brought into the processor's cache. */
static void start_apart(struct job *job, int way)
{
    job->state = (uint64_t)way * 977 + 1;
    job->at = job->set / WAYS * (size_t)way / job->size * job->size;
    if (way == 0)
        lseek(job->fd, (off_t)job->at, SEEK_SET);
    else if (way == 1)
        kernels_lseek(job->plain, (off_t)job->at, SEEK_SET);
}

static void bench(const struct job *base, size_t rounds, double ms)
{
    static double ns[WAYS][MOST_ROUNDS];
    struct job job[WAYS];
    size_t reads[WAYS];
    for (int way = 0; way < WAYS; way++) {
        job[way] = *base;
        start_apart(&job[way], way);
        warm(&job[way], way);
        reads[way] = calibrate(&job[way], way, ms);
    }
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < WAYS; i++) {
            int way = (i + (int)r) % WAYS;
            ns[way][r] = round_of(&job[way], way, reads[way]);
        }
    printf("%.2f %.2f %.2f\n", median(ns[0], rounds), median(ns[1], rounds), median(ns[2], rounds));
}

/* ---- one pass ---- */

/* The same program with and without the library: with, the calls are ours. */
static int pass(const char *path, const char *call, size_t size, size_t set)
{
    char *buf = malloc(size);
    size_t reads = set / size;
    double begin = cpu_ns();
    int fd = open(path, O_RDONLY);
    bool moving = !strcmp(call, "read");
    if (fd < 0 || !buf)
        die(path);
    for (size_t i = 0; i < reads; i++) {
        if ((moving ? read(fd, buf, size) : pread(fd, buf, size, (off_t)(i * size))) !=
            (ssize_t)size)
            die("read");
        used(buf);
    }
    close(fd);
    printf("%.2f\n", (cpu_ns() - begin) / (double)reads);
    return 0;
}

/* ---- two threads ---- */

struct worker {
    struct job job;
    int way;
    size_t reads;
    pthread_barrier_t *start;
    double took;
} __attribute__((aligned(256))); /* each writes to its own lines, and their neighbours */

static void *work(void *arg)
{
    struct worker *w = arg;
    pthread_barrier_wait(w->start);
    double begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < w->reads; i++) {
        ways[w->way](&w->job, next_offset(&w->job));
        used(w->job.buf);
    }
    w->took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
    return NULL;
}

/* What a read of THREADS together takes, of the slowest one's processor time: whoever else runs
 * does not count, but waiting for each other's cache lines does. */
static double together(const struct job *job, int way, int threads, size_t reads)
{
    pthread_barrier_t start;
    pthread_t id[2];
    struct worker w[2];
    double took = 0;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        w[i] = (struct worker){*job, way, reads, &start, 0};
        w[i].job.buf = aligned_alloc(4096, (job->size + 4095) & ~(size_t)4095);
        w[i].job.state = (uint64_t)i + 1;
        if (pthread_create(&id[i], NULL, work, &w[i]) != 0)
            die("thread");
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        free(w[i].job.buf);
        if (w[i].took > took)
            took = w[i].took;
    }
    return took / (double)(reads * (size_t)threads);
}

static void threads_of(const struct job *base, size_t rounds)
{
    static double ns[6][MOST_ROUNDS];
    static const struct {
        int way, threads;
        bool moving;
    } row[6] = {{0, 2, false}, {0, 1, false}, {2, 2, false},
                {2, 1, false}, {0, 2, true},  {1, 2, true}};
    for (size_t r = 0; r <= rounds; r++) /* the first one warms up */
        for (int i = 0; i < 6; i++) {
            struct job job = *base;
            job.moving = row[i].moving;
            if (job.moving) { /* on one descriptor: no end is reached */
                lseek(job.fd, 0, SEEK_SET);
                kernels_lseek(job.plain, 0, SEEK_SET);
                job.random = true;
            }
            ns[i][r ? r - 1 : 0] = together(&job, row[i].way, row[i].threads,
                                            job.moving ? job.set / job.size / 4 : 200000);
        }
    for (int i = 0; i < 6; i++)
        printf("%.2f%c", median(ns[i], rounds), i < 5 ? ' ' : '\n');
}

int main(int argc, char **argv)
{
    kernels_pread = libcs("pread64");
    kernels_read = libcs("read");
    kernels_lseek = libcs("lseek64");
    kernels_open = libcs("open64");
    if (argc < 5)
        return 2;
    if (!strcmp(argv[2], "pass") && argc > 5)
        return pass(argv[1], argv[3], strtoul(argv[4], NULL, 0), strtoul(argv[5], NULL, 0));
    bool two = !strcmp(argv[2], "threads");
    if (!two && argc < 6)
        return 2;
    char **numbers = argv + (two ? 3 : 4);
    struct job job = {.size = strtoul(numbers[0], NULL, 0), .set = strtoul(numbers[1], NULL, 0)};
    size_t rounds = numbers[2] ? strtoul(numbers[2], NULL, 0) : 11;
    double ms = numbers[2] && numbers[3] ? strtod(numbers[3], NULL) : 4;
    job.seek = !strcmp(argv[2], "seek");
    job.moving = !strcmp(argv[2], "read");
    job.random = two || !strcmp(argv[3], "random");
    job.state = 1;
    open_file(&job, argv[1]);
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return 2;
    if (two)
        threads_of(&job, rounds);
    else
        bench(&job, rounds, ms);
    return 0;
}
