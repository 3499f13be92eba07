/* Shrink a failing sequence: leave out ever smaller parts, as long as it still fails. */
#include "diff.h"

#include <stdlib.h>
#include <string.h>

/* What has to be met again: how often a sequence is tried, as what depends on time or on
 * other threads does not fail every time, and which kind of op must fail: another kind
 * is another story. */
struct aim {
    unsigned tries;
    int kind;
};

static int failing_kind(const struct round *r)
{
    return r->failed_op < r->count ? r->ops[r->failed_op].kind : -1;
}

static bool fails(struct round *r, const struct aim *aim)
{
    for (unsigned i = 0; i < aim->tries; i++)
        if (!round_run(r) && failing_kind(r) == aim->kind)
            return true;
    return false;
}

/* Does the sequence still fail without ops [from, to)?  Then it is shortened. */
static bool try_without(struct round *r, const struct aim *aim, uint32_t from, uint32_t to)
{
    uint32_t whole = r->count;
    size_t size = whole * sizeof r->ops[0];
    struct op *kept = malloc(size);

    memcpy(kept, r->ops, size);
    memmove(r->ops + from, r->ops + to, (whole - to) * sizeof r->ops[0]);
    r->count = whole - (to - from);
    if (fails(r, aim)) {
        free(kept);
        return true;
    }
    r->count = whole;
    memcpy(r->ops, kept, size);
    free(kept);
    return false;
}

void minimise(struct round *r, unsigned tries)
{
    const struct aim aim = {tries, failing_kind(r)};

    if (r->failed_op + 1 < r->count)
        try_without(r, &aim, r->failed_op + 1, r->count);
    for (uint32_t part = r->count / 2; part > 0; part /= 2) {
        fprintf(stderr, "%u ops, leaving out %u at a time\n", r->count, part);
        for (uint32_t from = 0; from + part <= r->count;)
            if (!try_without(r, &aim, from, from + part))
                from += part;
    }
    if (!fails(r, &aim))
        printf("the shortened sequence does not fail every time\n");
    printf("%u ops are left, op %u fails: %s\n", r->count, r->failed_op, r->text);
    for (uint32_t i = 0; i < r->count; i++)
        op_print(stdout, i, &r->ops[i]);
}
