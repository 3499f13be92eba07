/*
 * Small copies without a word of bookkeeping.
 *
 * The guard's portable copy notes in thread-local memory what it copies and where
 * to go on after a fault: about forty instructions, more than the rest of a hit
 * altogether.  Where we can write the few instructions of a small copy ourselves,
 * nothing has to be noted: they touch no memory but source and destination, and
 * neither the stack nor a register that the caller wants back.  So a fault at one
 * of them is ours, and the copy ends by going on at oc_small_failed.
 */
#ifndef OC_SMALL_H
#define OC_SMALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(__ILP32__)

#define OC_HAVE_SMALL 1

/* From one byte to this many; beyond, memcpy is better at it. */
#define OC_SMALL_MAX 256

static inline bool oc_small_enough(size_t n)
{
    return __builtin_expect(n - 1 < OC_SMALL_MAX, 1);
}

bool oc_small_copy(void *dst, const void *src, size_t n) __attribute__((visibility("hidden")));

/* The same, but false, with nothing copied, when the last byte is zero: only then may the
 * bytes reach beyond the end of file, and the buffer must not change beyond what read
 * returns. */
bool oc_small_copy_ending(void *dst, const void *src, size_t n)
    __attribute__((visibility("hidden")));

/*
 * The latter for a function that makes no other call on its way: the compiler is told how
 * few registers change, and what it may keep below the stack pointer is stepped over.
 */
static inline bool oc_small_copy_ending_inline(void *dst, const void *src, size_t n)
{
    bool ok;
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                     "call oc_small_copy_ending\n\t"
                     "lea 128(%%rsp), %%rsp"
                     : "=a"(ok)
                     : "D"(dst), "S"(src), "d"(n)
                     : "rcx", "xmm0", "xmm1", "xmm2", "xmm3", "memory", "cc");
    return ok;
}

extern const char oc_small_failed[] __attribute__((visibility("hidden")));
extern const char oc_small_end[] __attribute__((visibility("hidden")));

/* Is the instruction at PC one of the copy's? */
static inline bool oc_small_at(uintptr_t pc)
{
    return pc - (uintptr_t)oc_small_copy_ending <
           (uintptr_t)oc_small_end - (uintptr_t)oc_small_copy_ending;
}

#else

#define OC_HAVE_SMALL 0

static inline bool oc_small_enough(size_t n)
{
    (void)n;
    return false;
}

static inline bool oc_small_copy(void *dst, const void *src, size_t n)
{
    (void)dst, (void)src, (void)n;
    return false;
}

static inline bool oc_small_copy_ending_inline(void *dst, const void *src, size_t n)
{
    return oc_small_copy(dst, src, n);
}

#endif

#endif
