/*
 * Static tracepoints (USDT) of the provider "onecopy", for bpftrace, perf and the like;
 * doc/tracing.md has their arguments and examples, which a test compares with what is here.
 * Each is a nop and a note in the ELF file; where <sys/sdt.h> was not there at configure time,
 * or with --disable-usdt, it is nothing.  None is on the way of a read that a section serves.
 */
#ifndef OC_PROBE_H
#define OC_PROBE_H

#ifdef OC_USDT
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define OC_PROBE(name, ...) STAP_PROBEV(onecopy, name, __VA_ARGS__)
#else
static inline void oc_probe_none(int first, ...)
{
    (void)first;
}
/* The arguments are compiled all the same, and never computed. */
#define OC_PROBE(name, ...)                                                                        \
    do {                                                                                           \
        if (0)                                                                                     \
            oc_probe_none(0, __VA_ARGS__);                                                         \
    } while (0)
#endif

#endif
