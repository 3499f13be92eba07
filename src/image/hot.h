/*
 * Which parts of a file are hot?  A small table in the home, `hot`, shared by the processes
 * of all its users: a file's state -> up to OC_HINTS_MAX sections that processes had mapped,
 * each with a score that grows with every process that had it and fades with every one that
 * had not.  Least recently used files give way.
 *
 * Nothing in it is believed but as a hint: a missing, foreign, short or garbled table
 * gives none or wrong ones.  Read with pread and written with pwrite under a record lock of the
 * open file description, never waited for.  Async-signal-safe; no lock of ours is
 * needed.
 */
#ifndef OC_HOT_H
#define OC_HOT_H

#include <stdint.h>

#include "section/hints.h"

/* The table's name in a home: never an image's. */
#define OC_HOT_NAME "hot"

/* The sections of 2^SHIFT bytes known of KEY in the home DIR (a descriptor). */
void oc_hot_load(int dir, const uint64_t key[2], unsigned shift, struct oc_hot *hot);

/* This process had these. */
void oc_hot_store(int dir, const uint64_t key[2], unsigned shift, const struct oc_hot *mine);

#endif
