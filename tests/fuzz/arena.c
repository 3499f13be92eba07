/*
 * In place of base/arena.c: every allocation is one of malloc's, so that a sanitizer
 * sees a step beyond its end, and all are freed between inputs.
 */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"

static struct block {
    struct block *next;
    void *memory;
} * blocks;

void *oc_arena(size_t size)
{
    struct block *b = malloc(sizeof *b);

    b->memory = calloc(1, size ? size : 1);
    b->next = blocks;
    blocks = b;
    return b->memory;
}

char *oc_arena_copy(const char *text, size_t len)
{
    char *p = oc_arena(len + 1);

    memcpy(p, text, len);
    return p;
}

void arena_clear(void)
{
    while (blocks) {
        struct block *b = blocks;

        blocks = b->next;
        free(b->memory);
        free(b);
    }
}
