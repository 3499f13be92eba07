/*
 * A fuzzer without libFuzzer: replay the files of a corpus, then ROUNDS mutations
 * of them, chosen by SEED.  Speaks TAP: one result for the corpus, one for the rest.
 * A breach aborts the child that ran it; the input that did it is left in a file.
 *
 * usage: FUZZER CORPUS-DIRECTORY ROUNDS [SEED]
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

enum { ENTRIES = 1024, LONGEST = 4096 };

static struct {
    uint8_t *data;
    size_t size;
} corpus[ENTRIES];
static size_t entries;

/* What is being tried, seen by the parent when the child dies of it. */
static struct trial {
    size_t size;
    uint8_t data[LONGEST];
} * trial;

/* Numerical Recipes' 64-bit linear congruential generator; the high bits are used. */
static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

static void load(const char *dir)
{
    struct dirent *e;
    DIR *d = opendir(dir);

    MUST(d);
    while ((e = readdir(d)) != NULL && entries < ENTRIES) {
        uint8_t buf[LONGEST];
        int fd = openat(dirfd(d), e->d_name, O_RDONLY);
        ssize_t n = e->d_name[0] == '.' ? -1 : read(fd, buf, sizeof buf);

        close(fd);
        if (n < 0)
            continue;
        corpus[entries].data = malloc((size_t)n + 1);
        memcpy(corpus[entries].data, buf, (size_t)n);
        corpus[entries++].size = (size_t)n;
    }
    closedir(d);
}

/* An own allocation of the exact size, so that a sanitizer sees a step beyond it. */
static void try(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + !size);

    trial->size = size;
    memcpy(trial->data, data, size);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t insert(uint8_t *data, size_t size, size_t at, const uint8_t *from, size_t n)
{
    if (n > LONGEST - size)
        n = LONGEST - size;
    memmove(data + at + n, data + at, size - at);
    memmove(data + at, from, n);
    return size + n;
}

static size_t mutate(uint8_t *data, size_t size)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, ':', ',', '*', '[', '\\', '/', '='};
    size_t at = size ? draw((uint32_t)size) : 0;

    if (size == 0 || draw(8) == 0)
        return insert(data, size, at, &telling[draw(sizeof telling)], 1);
    switch (draw(6)) {
    case 0:
        data[at] ^= (uint8_t)(1 << draw(8));
        break;
    case 1:
        data[at] = telling[draw(sizeof telling)];
        break;
    case 2:
        data[at] = (uint8_t)draw(256);
        break;
    case 3: {
        size_t n = 1 + draw((uint32_t)(size - at));
        memmove(data + at, data + at + n, size - at - n);
        return size - n;
    }
    case 4: {
        size_t other = draw((uint32_t)entries), n = corpus[other].size;
        size_t from = n ? draw((uint32_t)n) : 0;
        return insert(data, size, at, corpus[other].data + from, n - from);
    }
    default: {
        uint8_t piece[64];
        size_t n = 1 + draw(size - at < sizeof piece ? (uint32_t)(size - at) : sizeof piece);
        memcpy(piece, data + at, n);
        return insert(data, size, draw((uint32_t)size + 1), piece, n);
    }
    }
    return size;
}

static void replay(void)
{
    for (size_t i = 0; i < entries; i++)
        try(corpus[i].data, corpus[i].size);
}

static unsigned long rounds;

static void mutations(void)
{
    for (unsigned long r = 0; r < rounds; r++) {
        uint8_t data[LONGEST];
        size_t from = draw((uint32_t)entries), size = corpus[from].size;

        memcpy(data, corpus[from].data, size);
        for (uint32_t k = draw(5); k + 1 > 0 && k < 5; k--)
            size = mutate(data, size);
        try(data, size);
    }
}

static void keep_trial(void)
{
    char path[] = "/tmp/onecopy-fuzz-XXXXXX";
    int fd = mkstemp(path);

    if (fd >= 0 && write(fd, trial->data, trial->size) == (ssize_t)trial->size)
        printf("# the input is in %s\n", path);
    close(fd);
}

/* In a child, with its standard error (the library's messages) thrown away. */
static void report(int number, void (*part)(void), const char *what)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();

    if (child == 0) {
        char name[] = "fuzz", *args[] = {name, NULL}, **argv = args;
        int argc = 1, null = open("/dev/null", O_WRONLY);
        if (!getenv("FUZZ_VERBOSE"))
            dup2(null, 2);
        LLVMFuzzerInitialize(&argc, &argv);
        part();
        exit(0);
    }
    waitpid(child, &status, 0);
    if (status)
        keep_trial();
    printf("%sok %d - %s\n", status ? "not " : "", number, what);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY ROUNDS [SEED]\n", argv[0]);
        return 2;
    }
    trial = mmap(NULL, sizeof *trial, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(trial != MAP_FAILED);
    load(argv[1]);
    MUST(entries > 0);
    rounds = strtoul(argv[2], NULL, 10);
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    printf("1..2\n# %zu inputs, %lu mutations of them, seed %s\n", entries, rounds,
           argc > 3 ? argv[3] : "1");
    report(1, replay, "the corpus");
    report(2, mutations, "mutations of it");
    return 0;
}
