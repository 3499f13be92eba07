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

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A program that is started alone has none of what was opened with O_CLOEXEC.  Nobody tells when
 * the shell of system() has begun, and it may run for hours. */
enum oc_start { OC_START_ANY, OC_START_PROGRAM };

extern _Atomic uint64_t oc_starting_count __attribute__((visibility("hidden")));
static inline uint64_t oc_starting_moment(void)
{
    return atomic_load(&oc_starting_count);
}

/* Has no process been started since, and is none being started, that has a descriptor opened with
 * O_CLOEXEC (or without)?  Under oc_lock. */
bool oc_starting_none_since(uint64_t moment, bool cloexec);

/* Is a program being started that has nothing that was opened with O_CLOEXEC, as long as that
 * stays so? */
bool oc_starting_program(void);

/* Before what is open is handed to the kernel, under oc_lock; and after the start. */
void oc_starting_begin(enum oc_start kind);
void oc_starting_end(enum oc_start kind);

/* A start that held oc_lock throughout (fork) is over. */
void oc_starting_done(void);

/* In a forked child nobody is starting anything. */
void oc_starting_in_child(void);

#endif
