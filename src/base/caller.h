/*
 * Who called the wrapper whose read is being served, for messages at level debug: it answers
 * "which library reads this file?".  The wrappers note the address where a read has to be
 * looked at anyway, so a read that a section serves pays nothing for it.
 */
#ifndef OC_CALLER_H
#define OC_CALLER_H

#include <stddef.h>

extern __thread const void *oc_caller_now
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* In a function that the wrapper ends in: the program's own place that called. */
#define OC_NOTE_CALLER() (oc_caller_now = __builtin_return_address(0))

/* "/usr/lib/libexample.so+0x1234": the file that is mapped there, and where in the file.
 * Empty when not known.  Returns TEXT. */
const char *oc_caller_text(char *text, size_t size);

#endif
