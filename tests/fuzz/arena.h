/* Frees all that oc_arena gave out, where arena.c stands in for it. */
#ifndef OC_TEST_ARENA_H
#define OC_TEST_ARENA_H

void arena_clear(void);

#endif
