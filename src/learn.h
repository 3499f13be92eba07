/*
 * What processes learn from each other: which sections of a file are hot.
 *
 * At a file's third miss the ledger is asked (image/hot.h); the hints make the pool map at
 * the first miss what others had mapped.  Written back at exit, and when the number of
 * sections mapped has doubled, so that those that never exit, or are killed, teach as
 * well.  A process that maps few sections writes nothing.
 */
#ifndef OC_LEARN_H
#define OC_LEARN_H

#include "file/file.h"

/* A miss on FILE, open as FD.  No lock may be held. */
void oc_learn_missed(int fd, struct oc_file *file);

/* FILE's last description is about to be closed.  Under oc_lock. */
void oc_learn_closing(const struct oc_file *file);

/* Write what this process has learned.  No lock may be held. */
void oc_learn_store(void);

#endif
