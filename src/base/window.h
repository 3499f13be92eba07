/*
 * The window: where in this process's memory its counters are, for `onecopy stat`, which
 * finds it by its first words among the data of the library and reads what it points to with
 * process_vm_readv(2).  So counting costs nobody a file, a system call or a moment.
 *
 * What it says is enough to be read by a command of another version.
 */
#ifndef OC_WINDOW_H
#define OC_WINDOW_H

#include <stdint.h>

#define OC_WINDOW_MAGIC "onecopy\1window\1" /* with its NUL 16 bytes, and nowhere else */

struct oc_window {
    char magic[16];
    uint32_t pointer;               /* sizeof(void *), before anything that depends on it */
    uint32_t counters;              /* how many; each a uint64_t */
    uint32_t thread_size, count_at; /* of a thread's record, and where its counters begin */
    uint32_t reasons;
    uint32_t names_size; /* with its NUL */
    const struct oc_window *self;
    const char *names; /* of the counters, in order, a blank between them */
    const void *threads;
    const void *threads_used; /* unsigned: how many records were ever used */
    const void *reason;       /* struct oc_reason [reasons] */
};

extern const struct oc_window oc_window;

#endif
