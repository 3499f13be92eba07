/*
 * usage: diff [--mode MODE] [--seed N] [--ops N] [--rounds N] [--seconds N]
 *             [--round-ops N] [--scale N] [--density N] [--expect-active] [--minimise [--tries N]]
 * [--verbose]
 *
 * Runs rounds of --round-ops ops, seeds counting up from --seed, until --ops
 * or --seconds are used up; stops at the first difference, and says how to
 * have it again.  --minimise runs one round only, and shrinks it when it fails.
 */
#include "diff.h"

#include <getopt.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const mode_names[MODES] = {"plain",  "forked",  "threads",
                                              "shared", "writers", "signals"};

struct plan {
    int mode;
    uint64_t seed, ops;
    uint32_t round_ops;
    double seconds;
    unsigned scale, density, tries;
    bool expect_active, minimise, verbose, listing;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int find_mode(const char *name)
{
    for (int i = 0; i < MODES; i++)
        if (strcmp(name, mode_names[i]) == 0)
            return i;
    fprintf(stderr, "diff: no mode %s\n", name);
    exit(2);
}

static struct plan read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"mode", 1, NULL, 'm'},    {"seed", 1, NULL, 's'},          {"ops", 1, NULL, 'o'},
        {"seconds", 1, NULL, 't'}, {"round-ops", 1, NULL, 'r'},     {"scale", 1, NULL, 'c'},
        {"density", 1, NULL, 'd'}, {"expect-active", 0, NULL, 'a'}, {"minimise", 0, NULL, 'x'},
        {"tries", 1, NULL, 'y'},   {"verbose", 0, NULL, 'v'},       {"list", 0, NULL, 'l'},
        {NULL, 0, NULL, 0}};
    struct plan p = {.seed = 1,
                     .ops = 20000,
                     .round_ops = 2000,
                     .seconds = 1e9,
                     .scale = 1,
                     .density = 1,
                     .tries = 3};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'm':
            p.mode = find_mode(optarg);
            break;
        case 's':
            p.seed = strtoull(optarg, NULL, 0);
            break;
        case 'o':
            p.ops = strtoull(optarg, NULL, 0);
            break;
        case 't':
            p.seconds = atof(optarg);
            p.ops = UINT64_MAX;
            break;
        case 'r':
            p.round_ops = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'c':
            p.scale = (unsigned)strtoul(optarg, NULL, 0);
            break;
        case 'd':
            p.density = (unsigned)strtoul(optarg, NULL, 0);
            break;
        case 'a':
            p.expect_active = true;
            break;
        case 'x':
            p.minimise = true;
            break;
        case 'y':
            p.tries = (unsigned)strtoul(optarg, NULL, 0);
            break;
        case 'v':
            p.verbose = true;
            break;
        case 'l':
            p.listing = true;
            break;
        default:
            exit(2);
        }
    return p;
}

struct tally {
    uint64_t ops, rounds, with_section, with_image;
    uint64_t calls[64];
};

static void report_failure(const struct round *r, const struct plan *p)
{
    printf("DIFFERENCE mode %s seed %llu op %u actor %u: %s\n", mode_names[r->mode],
           (unsigned long long)r->seed, r->failed_op, r->failed_actor, r->text);
    if (r->mode != WRITERS && r->failed_op < r->count)
        op_print(stdout, r->failed_op, &r->ops[r->failed_op]);
    printf("again: diff --mode %s --seed %llu --ops %u --round-ops %u --scale %u --density %u "
           "--minimise\n",
           mode_names[r->mode], (unsigned long long)r->seed, r->count, p->round_ops, r->scale,
           p->density);
}

static void prepare(struct round *r, const struct plan *p, const char *dir, uint64_t seed)
{
    struct statfs fs;

    r->mode = (enum mode)p->mode;
    r->seed = seed;
    r->scale = p->scale;
    r->density = p->density;
    r->in_memory = statfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
    snprintf(r->dir, sizeof r->dir, "%s", dir);
    if (r->mode != WRITERS)
        ops_draw(r->ops, r->count, &(struct drawing){r->mode, seed, p->scale, p->density});
}

static bool one_round(const struct plan *p, const char *dir, uint64_t seed, struct tally *tally)
{
    uint32_t count = p->ops < p->round_ops ? (uint32_t)p->ops : p->round_ops;
    struct round *r = round_new(count);
    bool good;

    if (r == NULL) {
        perror("diff: memory");
        exit(2);
    }
    prepare(r, p, dir, seed);
    for (uint32_t i = 0; p->listing && i < count; i++)
        op_print(stdout, i, &r->ops[i]);
    good = round_run(r);
    if (!good)
        report_failure(r, p);
    if (!good && p->minimise && r->mode != WRITERS)
        minimise(r, p->tries);
    tally->ops += count;
    tally->rounds++;
    tally->with_section += atomic_load(&r->saw_section);
    tally->with_image += atomic_load(&r->saw_image);
    for (unsigned i = 0; i < 64; i++)
        tally->calls[i] += atomic_load(&r->calls[i]);
    round_free(r);
    return good;
}

static void print_tally(const struct plan *p, const struct tally *t, double took)
{
    printf("mode %s: %llu ops in %llu rounds, %.1f s, %.0f a second; sections in %llu, "
           "images in %llu\n",
           mode_names[p->mode], (unsigned long long)t->ops, (unsigned long long)t->rounds, took,
           (double)t->ops / took, (unsigned long long)t->with_section,
           (unsigned long long)t->with_image);
    for (unsigned i = 0; p->verbose && i < op_kind_count; i++)
        printf("  %-14s %llu\n", op_kinds[i].name, (unsigned long long)t->calls[i]);
}

static void clean(const char *dir)
{
    pid_t child = fork();

    if (child == 0) {
        execlp("rm", "rm", "-rf", dir, NULL);
        _exit(1);
    }
    while (wait(NULL) > 0)
        ;
}

static int many_rounds(const struct plan *p)
{
    const char *tmp = getenv("TMPDIR");
    struct tally tally = {0};
    char dir[PATH - 40];
    double start = now();
    bool good = true;

    snprintf(dir, sizeof dir, "%.80s/diff-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 2;
    }
    for (uint64_t seed = p->seed; good && tally.ops < p->ops && now() - start < p->seconds; seed++)
        good = one_round(p, dir, seed, &tally);
    print_tally(p, &tally, now() - start);
    clean(dir);
    if (good && p->expect_active && (tally.with_section == 0 || tally.with_image == 0)) {
        printf("INERT: no section or no image was ever seen mapped\n");
        return 1;
    }
    return good ? 0 : 1;
}

/* For programs built with a sanitizer, and started with an empty environment: faults are the
 * guard's, and a copy to where the caller says is not checked, as the kernel's is not. */
#define RUNTIME_OPTIONS                                                                            \
    "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:use_sigaltstack=0:exitcode=66"
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return RUNTIME_OPTIONS ":replace_intrin=0:detect_leaks=0:allocator_may_return_null=1"
                           ":detect_stack_use_after_return=0";
}

__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return RUNTIME_OPTIONS ":die_after_fork=0:report_signal_unsafe=0";
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--resume") == 0)
        return round_resume(atoi(argv[2]), (unsigned)atoi(argv[3]));
    if (argc == 5 && strcmp(argv[1], "--peek") == 0)
        return peek(atoi(argv[2]), atoi(argv[3]), (unsigned)strtoul(argv[4], NULL, 10));
    struct plan p = read_options(argc, argv);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    return many_rounds(&p);
}
