/*
 * Processes that are being started, by any thread of this one.
 *
 * A new process has all descriptors that were open at one moment of its start.  So a file
 * that another thread was opening meanwhile may be the child's, too, though its
 * description was in no table yet when the others were handed to the kernel.  Whoever
 * opens a file notes the moment before, and afterwards asks whether a start lay in between.
 * Async-signal-safe, thread-safe.
 */
#ifndef OC_STARTING_H
#define OC_STARTING_H

#include <stdbool.h>

unsigned oc_starting_moment(void);

/* Has no process been started since, and is none being started?  Under oc_lock. */
bool oc_starting_none_since(unsigned moment);

/* Before what is open is handed to the kernel, under oc_lock; and after the start. */
void oc_starting_begin(void);
void oc_starting_end(void);

/* A start that held oc_lock throughout (fork) is over. */
void oc_starting_done(void);

/* In a forked child nobody is starting anything. */
void oc_starting_in_child(void);

#endif
