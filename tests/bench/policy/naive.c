/*
 * Sequences as plain arrays, oldest first; everything by searching and shifting.
 * None of it shares a line with what it checks.
 */
#include "naive.h"

#include <stdbool.h>
#include <string.h>

enum { MOST = 256, NOT = -1 };

struct seq {
    int key[MOST], mark[MOST];
    int n;
};

static int find(const struct seq *s, int key)
{
    for (int i = 0; i < s->n; i++)
        if (s->key[i] == key)
            return i;
    return NOT;
}

static void append(struct seq *s, int key, int mark)
{
    s->key[s->n] = key;
    s->mark[s->n++] = mark;
}

static int cut(struct seq *s, int i)
{
    int key = s->key[i];

    memmove(&s->key[i], &s->key[i + 1], (size_t)(s->n - i - 1) * sizeof s->key[0]);
    memmove(&s->mark[i], &s->mark[i + 1], (size_t)(s->n - i - 1) * sizeof s->mark[0]);
    s->n--;
    return key;
}

static size_t lru(const unsigned char *keys, size_t n, int slots)
{
    struct seq s = {.n = 0};
    size_t misses = 0;

    for (size_t i = 0; i < n; i++) {
        int at = find(&s, keys[i]);

        misses += at == NOT;
        if (at != NOT)
            cut(&s, at);
        else if (s.n == slots)
            cut(&s, 0);
        append(&s, keys[i], 0);
    }
    return misses;
}

/* A clock is a queue in which the marked go round. */
static size_t clock(const unsigned char *keys, size_t n, int slots)
{
    struct seq s = {.n = 0};
    size_t misses = 0;

    for (size_t i = 0; i < n; i++) {
        int at = find(&s, keys[i]);

        if (at != NOT) {
            s.mark[at] = 1;
            continue;
        }
        misses++;
        while (s.n == slots) {
            int mark = s.mark[0], key = cut(&s, 0);

            if (mark)
                append(&s, key, 0);
        }
        append(&s, keys[i], 0);
    }
    return misses;
}

static size_t sieve(const unsigned char *keys, size_t n, int slots)
{
    struct seq s = {.n = 0};
    size_t misses = 0;
    int hand = 0;

    for (size_t i = 0; i < n; i++) {
        int at = find(&s, keys[i]);

        if (at != NOT) {
            s.mark[at] = 1;
            continue;
        }
        misses++;
        if (s.n == slots) {
            hand %= s.n;
            while (s.mark[hand]) {
                s.mark[hand] = 0;
                hand = (hand + 1) % s.n;
            }
            cut(&s, hand);
            if (hand == s.n) /* that was the newest: begin again with the oldest */
                hand = 0;
        }
        append(&s, keys[i], 0);
    }
    return misses;
}

static size_t twoq(const unsigned char *keys, size_t n, int slots)
{
    struct seq in = {.n = 0}, out = {.n = 0}, am = {.n = 0};
    int in_max = slots / 4 ? slots / 4 : 1, out_max = slots / 2 ? slots / 2 : 1;
    size_t misses = 0;

    for (size_t i = 0; i < n; i++) {
        int key = keys[i], ghost;

        if (find(&am, key) != NOT) {
            cut(&am, find(&am, key));
            append(&am, key, 0);
            continue;
        }
        if (find(&in, key) != NOT)
            continue;
        misses++;
        ghost = find(&out, key);
        if (ghost != NOT)
            cut(&out, ghost);
        if (in.n + am.n == slots) {
            if (in.n > in_max || !am.n) {
                append(&out, cut(&in, 0), 0);
                if (out.n > out_max)
                    cut(&out, 0);
            } else {
                cut(&am, 0);
            }
        }
        append(ghost != NOT ? &am : &in, key, 0);
    }
    return misses;
}

static void arc_replace(struct seq *t1, struct seq *b1, struct seq *t2, struct seq *b2, int p,
                        bool in_b2)
{
    if (t1->n && ((in_b2 && t1->n == p) || t1->n > p || !t2->n))
        append(b1, cut(t1, 0), 0);
    else
        append(b2, cut(t2, 0), 0);
}

static void arc_new(struct seq *t1, struct seq *b1, struct seq *t2, struct seq *b2, int p, int c)
{
    if (t1->n + b1->n == c) {
        if (t1->n < c) {
            cut(b1, 0);
            arc_replace(t1, b1, t2, b2, p, false);
        } else {
            cut(t1, 0);
        }
    } else if (t1->n + t2->n + b1->n + b2->n >= c) {
        if (t1->n + t2->n + b1->n + b2->n == 2 * c)
            cut(b2, 0);
        arc_replace(t1, b1, t2, b2, p, false);
    }
}

static size_t arc(const unsigned char *keys, size_t n, int c)
{
    struct seq t1 = {.n = 0}, t2 = {.n = 0}, b1 = {.n = 0}, b2 = {.n = 0};
    size_t misses = 0;
    int p = 0;

    for (size_t i = 0; i < n; i++) {
        int key = keys[i];
        struct seq *in = find(&t1, key) != NOT ? &t1 : find(&t2, key) != NOT ? &t2 : NULL;
        struct seq *ghost = find(&b1, key) != NOT ? &b1 : find(&b2, key) != NOT ? &b2 : NULL;

        if (in) {
            cut(in, find(in, key));
            append(&t2, key, 0);
            continue;
        }
        misses++;
        if (!ghost) {
            arc_new(&t1, &b1, &t2, &b2, p, c);
            append(&t1, key, 0);
            continue;
        }
        if (ghost == &b1)
            p += b2.n > b1.n ? b2.n / b1.n : 1;
        else
            p -= b1.n > b2.n ? b1.n / b2.n : 1;
        p = p < 0 ? 0 : p > c ? c : p;
        if (t1.n + t2.n == c)
            arc_replace(&t1, &b1, &t2, &b2, p, ghost == &b2);
        cut(ghost, find(ghost, key));
        append(&t2, key, 0);
    }
    return misses;
}

static bool s3_evict_small(struct seq *small, struct seq *main, struct seq *ghost, int ghosts)
{
    while (small->n) {
        int mark = small->mark[0], key = cut(small, 0);

        if (mark > 1) {
            append(main, key, 0);
            continue;
        }
        append(ghost, key, 0);
        if (ghost->n > ghosts)
            cut(ghost, 0);
        return true;
    }
    return false;
}

static void s3_evict_main(struct seq *main)
{
    for (;;) {
        int mark = main->mark[0], key = cut(main, 0);

        if (!mark)
            return;
        append(main, key, mark - 1);
    }
}

static size_t s3fifo(const unsigned char *keys, size_t n, int slots)
{
    struct seq small = {.n = 0}, main = {.n = 0}, ghost = {.n = 0};
    int few = slots / 10 ? slots / 10 : 1, ghosts = slots - few ? slots - few : 1;
    size_t misses = 0;

    for (size_t i = 0; i < n; i++) {
        int key = keys[i], back = find(&ghost, key);
        struct seq *in = find(&small, key) != NOT ? &small : find(&main, key) != NOT ? &main : NULL;

        if (in) {
            int *mark = &in->mark[find(in, key)];

            *mark += *mark < 3;
            continue;
        }
        misses++;
        if (back != NOT)
            cut(&ghost, back);
        if (small.n + main.n == slots &&
            !(small.n >= few && s3_evict_small(&small, &main, &ghost, ghosts))) {
            if (main.n)
                s3_evict_main(&main);
            else
                s3_evict_small(&small, &main, &ghost, ghosts);
        }
        append(back != NOT ? &main : &small, key, 0);
    }
    return misses;
}

size_t naive_misses(const char *name, const unsigned char *keys, size_t n, size_t slots)
{
    static const struct {
        const char *name;
        size_t (*misses)(const unsigned char *keys, size_t n, int slots);
    } all[] = {{"lru", lru}, {"clock", clock}, {"2q", twoq},
               {"arc", arc}, {"sieve", sieve}, {"s3-fifo", s3fifo}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(all[i].name, name))
            return all[i].misses(keys, n, (int)slots);
    return 0;
}

/* ---- every choice ---- */

enum { SETS = 1 << 10 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* cost[set]: the least so far with exactly these mapped. */
static void step(const size_t *cost, size_t *next, int key, size_t slots, size_t price)
{
    for (int set = 0; set < SETS; set++)
        next[set] = SETS * SETS;
    for (int set = 0; set < SETS; set++) {
        size_t missed = cost[set] + 1;
        int with = set | 1 << key;

        if (set >> key & 1) {
            next[set] = least(next[set], cost[set]);
            continue;
        }
        next[set] = least(next[set], missed);
        if ((size_t)__builtin_popcount((unsigned)with) <= slots)
            next[with] = least(next[with], missed + price);
        for (int k = 0; k < 10; k++)
            if (set >> k & 1)
                next[with & ~(1 << k)] = least(next[with & ~(1 << k)], missed + price);
    }
}

size_t naive_least_time(const unsigned char *keys, size_t n, size_t slots, size_t price)
{
    static size_t cost[2][SETS];
    size_t best = SETS * SETS;

    for (int set = 0; set < SETS; set++)
        cost[0][set] = set ? SETS * SETS : 0;
    for (size_t i = 0; i < n; i++)
        step(cost[i % 2], cost[1 - i % 2], keys[i], slots, price);
    for (int set = 0; set < SETS; set++)
        if ((size_t)__builtin_popcount((unsigned)set) <= slots)
            best = least(best, cost[n % 2][set]);
    return best;
}

size_t naive_least_misses(const unsigned char *keys, size_t n, size_t slots)
{
    return naive_least_time(keys, n, slots, 0);
}
