/*
 * One sequence, dealt out to threads: each has a world of its own, with its own
 * files and descriptors, so what it sees does not depend on the others; the
 * library's tables, sections, images and heap are common to all.
 */
#include "diff.h"

#include <pthread.h>

static void *thread_main(void *arg)
{
    struct world *w = arg;
    struct round *r = w->round;

    for (uint32_t i = 0; i < r->count && !atomic_load(&r->failed); i++) {
        if (r->ops[i].actor % ACTORS != w->index)
            continue;
        w->now = i;
        op_kinds[r->ops[i].kind].run(w, &r->ops[i]);
        atomic_fetch_add(&r->calls[r->ops[i].kind], 1);
        atomic_fetch_add(&r->turn, 1); /* a sign of life */
        if (w->failed)
            return NULL;
    }
    w->now = r->count;
    world_end(w);
    return NULL;
}

void threads_run(struct round *r)
{
    static struct world worlds[ACTORS];
    pthread_t threads[ACTORS];

    for (unsigned i = 0; i < ACTORS; i++)
        world_start(&worlds[i], r, i);
    for (enum side s = LIBC; s < SIDES; s++)
        for (unsigned i = 1; i < ACTORS; i++)
            worlds[i].common[s] = worlds[0].common[s];
    for (unsigned i = 0; i < ACTORS; i++)
        if (pthread_create(&threads[i], NULL, thread_main, &worlds[i]) != 0)
            fail(&worlds[0], "pthread_create");
    for (unsigned i = 0; i < ACTORS; i++)
        pthread_join(threads[i], NULL);
    for (enum side s = LIBC; s < SIDES; s++)
        side_close(s, worlds[0].common[s]);
    if (!atomic_load(&r->failed))
        round_look_empty(&worlds[0]);
}
