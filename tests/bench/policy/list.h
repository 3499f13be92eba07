/* Doubly linked lists of keys, by index into one array of links. */
#ifndef SIM_LIST_H
#define SIM_LIST_H

#include "sim.h"

struct sim_link {
    uint32_t newer, older;
    uint8_t where; /* the policy's own: which list holds it, 0 none */
    uint8_t freq;
};

struct sim_list {
    struct sim_link *links; /* shared by all lists of a policy */
    uint32_t head, tail;    /* newest, oldest */
    size_t n;
    uint8_t id;
};

static inline struct sim_list sim_list(struct sim_link *links, uint8_t id)
{
    return (struct sim_list){links, SIM_NONE, SIM_NONE, 0, id};
}

static inline void sim_list_push(struct sim_list *l, uint32_t key)
{
    struct sim_link *k = &l->links[key];

    k->newer = SIM_NONE;
    k->older = l->head;
    k->where = l->id;
    if (l->head != SIM_NONE)
        l->links[l->head].newer = key;
    else
        l->tail = key;
    l->head = key;
    l->n++;
}

static inline void sim_list_remove(struct sim_list *l, uint32_t key)
{
    struct sim_link *k = &l->links[key];

    if (k->newer != SIM_NONE)
        l->links[k->newer].older = k->older;
    else
        l->head = k->older;
    if (k->older != SIM_NONE)
        l->links[k->older].newer = k->newer;
    else
        l->tail = k->newer;
    k->where = 0;
    l->n--;
}

static inline uint32_t sim_list_pop(struct sim_list *l)
{
    uint32_t key = l->tail;

    sim_list_remove(l, key);
    return key;
}

#endif
