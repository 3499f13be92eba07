/*
 * fseek and fread of 64 bytes at random: ns each, for a FILE of the library's and one of libc's
 * own, and so for FILEs with a small buffer.
 *
 *   streams FILE [ROUNDS]      prints ours, libc's, libc's with mode "rm"
 */
#include "bench.h"

enum { READS = 20000, MOST_ROUNDS = 101, WAYS = 3 };

static double round_of(FILE *f, size_t size, uint64_t *state)
{
    char buf[64];
    double begin = cpu_ns();
    for (int i = 0; i < READS; i++) {
        if (fseek(f, (long)(next_random(state) % (size - sizeof buf)), SEEK_SET) != 0 ||
            fread(buf, 1, sizeof buf, f) != sizeof buf)
            die("fread");
        used(buf);
    }
    return (cpu_ns() - begin) / READS;
}

int main(int argc, char **argv)
{
    static double ns[WAYS][MOST_ROUNDS];
    FILE *(*libcs_fopen)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) libcs("fopen64");
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 11;
    struct stat st;
    if (argc < 2 || rounds < 1 || rounds > MOST_ROUNDS || stat(argv[1], &st) != 0)
        return 2;
    FILE *f[WAYS] = {fopen(argv[1], "r"), libcs_fopen(argv[1], "r"), libcs_fopen(argv[1], "rm")};
    uint64_t state[WAYS] = {1, 2, 3};
    for (size_t r = 0; r <= rounds; r++) /* the first one warms up */
        for (int i = 0; i < WAYS; i++) {
            int way = (i + (int)r) % WAYS;
            if (!f[way])
                die(argv[1]);
            ns[way][r ? r - 1 : 0] = round_of(f[way], (size_t)st.st_size, &state[way]);
        }
    printf("%.2f %.2f %.2f\n", median(ns[0], rounds), median(ns[1], rounds), median(ns[2], rounds));
    return 0;
}
