/* Outputs and endings of two batches, compared byte by byte: outcome.h. */
#include "config.h"
#include "outcome.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instance.h"

#define PIECE (64 * 1024)

uint64_t outcome_output_bytes(const struct instance *instance)
{
    struct stat st;
    return fstat(instance->out, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Two files; with BEGINNING, as far as both go. */
static bool same_bytes(int a, int b, bool beginning)
{
    static char x[PIECE], y[PIECE];
    off_t at = 0;
    ssize_t n, m;

    do {
        n = pread(a, x, PIECE, at);
        m = pread(b, y, PIECE, at);
        if (n < 0 || m < 0 || (n != m && !beginning))
            return false;
        if (memcmp(x, y, (size_t)(n < m ? n : m)) != 0)
            return false;
        at += n;
    } while (n > 0 && n == m);
    return true;
}

static bool same_output(const struct instance *a, const struct instance *b)
{
    return same_bytes(a->out, b->out, a->stopped || b->stopped);
}

struct outcome outcome_of(const struct batch sides[2])
{
    struct outcome outcome = {.n = sides[0].n};
    const struct instance *first = sides[0].instances;

    for (size_t i = 0; i < outcome.n; i++) {
        const struct instance *a = &sides[0].instances[i], *b = &sides[1].instances[i];
        outcome.same_output += same_output(a, b);
        outcome.same_ending += a->status == b->status;
        outcome.failed[0] += instance_failed(a);
        outcome.failed[1] += instance_failed(b);
        outcome.killed[0] += a->killed;
        outcome.killed[1] += b->killed;
        outcome.varies = outcome.varies || !same_output(first, a);
    }
    outcome.identical = outcome.same_output == outcome.n && outcome.same_ending == outcome.n;
    return outcome;
}

void outcome_add(struct outcome *sum, const struct outcome *one)
{
    sum->identical = (sum->n == 0 || sum->identical) && one->identical;
    sum->varies |= one->varies;
    sum->n += one->n;
    sum->same_output += one->same_output;
    sum->same_ending += one->same_ending;
    for (int i = 0; i < 2; i++) {
        sum->failed[i] += one->failed[i];
        sum->killed[i] += one->killed[i];
    }
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
    fprintf(stderr, "onecopy: standard error of instance %zu %s (%s):\n", i + 1, batch->side->name,
            ending);
    while ((n = pread(it->err, piece, sizeof piece, at)) > 0) {
        fwrite(piece, 1, (size_t)n, stderr);
        at += n;
    }
}

void outcome_show_errors(const struct batch *batch, bool all)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (!all && !instance_failed(&batch->instances[i]))
            continue;
        show_errors(batch, i);
        if (!all)
            return;
    }
}
