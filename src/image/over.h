/*
 * Private anonymous memory in the place of pages that are something else.
 */
#ifndef OC_OVER_H
#define OC_OVER_H

#include <stddef.h>
#include <stdint.h>

/* COPY, N bytes of whole pages with protection PROT, takes the place of what is at AT; in any case
 * it is not the caller's any more.  0, or a negated errno: then AT is as it was. */
int oc_over_move(char *copy, uintptr_t at, size_t n, int prot);

/* The same bytes, and protection, in [START, END), whole pages of protection PROT.  0 or a negated
 * errno: then some of it may be as it was. */
int oc_over_copy(uintptr_t start, uintptr_t end, int prot);

/* The same for memory that may be read and written, and that nobody else looks at meanwhile: takes
 * little more memory, and is one mapping with its neighbours again. */
int oc_over_refill(uintptr_t start, uintptr_t end);

#endif
