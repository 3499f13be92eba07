/* Outputs and endings of two batches, compared byte by byte: outcome.h. */
#include "config.h"
#include "outcome.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE (64 * 1024)

uint64_t outcome_output_bytes(const struct instance *instance)
{
    struct stat st;
    return fstat(instance->out, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool same_bytes(int a, int b)
{
    static char x[PIECE], y[PIECE];
    off_t at = 0;
    ssize_t n, m;

    do {
        n = pread(a, x, PIECE, at);
        m = pread(b, y, PIECE, at);
        if (n < 0 || n != m || memcmp(x, y, (size_t)n) != 0)
            return false;
        at += n;
    } while (n > 0);
    return true;
}

static bool failed(const struct instance *it)
{
    return !WIFEXITED(it->status) || WEXITSTATUS(it->status) != 0;
}

struct outcome outcome_of(const struct batch *without, const struct batch *with)
{
    struct outcome outcome = {0};

    for (size_t i = 0; i < without->n; i++) {
        const struct instance *a = &without->instances[i], *b = &with->instances[i];
        outcome.same_output += same_bytes(a->out, b->out);
        outcome.same_ending += a->status == b->status;
        outcome.failed_without += failed(a);
        outcome.failed_with += failed(b);
        outcome.varies = outcome.varies || !same_bytes(without->instances[0].out, a->out);
    }
    outcome.identical = outcome.same_output == without->n && outcome.same_ending == without->n;
    return outcome;
}

void outcome_ending(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

static void show_errors(const struct batch *batch, size_t i)
{
    char ending[80], piece[4096];
    const struct instance *it = &batch->instances[i];
    off_t at = 0;
    ssize_t n;

    outcome_ending(it->status, ending, sizeof ending);
    fprintf(stderr, "onecopy: standard error of instance %zu %s (%s):\n", i + 1,
            batch->with ? "with" : "without", ending);
    while ((n = pread(it->err, piece, sizeof piece, at)) > 0) {
        fwrite(piece, 1, (size_t)n, stderr);
        at += n;
    }
}

void outcome_show_errors(const struct batch *batch, bool all)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (!all && !failed(&batch->instances[i]))
            continue;
        show_errors(batch, i);
        if (!all)
            return;
    }
}
