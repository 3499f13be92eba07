/*
 * Copies without a word of bookkeeping.
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

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(__ILP32__)

#define OC_HAVE_SMALL 1

/* Does the word at P, or the byte, hold VALUE?  One comparison with memory, which compilers
 * don't make of a load that is atomic. */
static inline __attribute__((always_inline)) bool oc_small_is(const void *p, uint64_t value)
{
    bool equal;
    __asm__ volatile("cmpq %2, %1"
                     : "=@cce"(equal)
                     : "m"(*(const uint64_t *)p), "er"(value)
                     : "memory");
    return equal;
}

static inline __attribute__((always_inline)) bool oc_small_is_long(const void *p, uint64_t value)
{
    return oc_small_is(p, value);
}

static inline __attribute__((always_inline)) bool oc_small_is_byte(const void *p, uint8_t value)
{
    bool equal;
    __asm__ volatile("cmpb %2, %1"
                     : "=@cce"(equal)
                     : "m"(*(const uint8_t *)p), "iq"(value)
                     : "memory");
    return equal;
}

/* From one byte to this many. */
#define OC_SMALL_MAX ((size_t)256 << 10)

/* How many bytes a register takes: with AVX, with AVX-512. */
enum oc_small_wide { OC_SMALL_16, OC_SMALL_32, OC_SMALL_64 };
extern _Atomic unsigned char oc_small_wide __attribute__((visibility("hidden")));
/* Asks the processor, which takes microseconds on a virtual machine: once, late. */
void oc_small_look(void);

static inline bool oc_small_enough(size_t n)
{
    return __builtin_expect(n - 1 < OC_SMALL_MAX, 1);
}

bool oc_small_copy(void *dst, const void *src, size_t n) __attribute__((visibility("hidden")));

/* What vzeroupper changes, which matters where compilers use all of these registers (-mavx). */
#define OC_SMALL_VECTORS                                                                           \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/*
 * Calls one of the copies below from a function that makes no other call on its way: the compiler
 * is told how few registers change, and what it may keep below the stack pointer is stepped over.
 * The answer is in the zero flag, which costs the caller nothing to look at.
 */
#define OC_SMALL_CALL(name, ok, dst, src, n)                                                       \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"                                                  \
                     "call " name "\n\t"                                                           \
                     "lea 128(%%rsp), %%rsp"                                                       \
                     : "=@ccnz"(ok)                                                                \
                     : "D"(dst), "S"(src), "d"(n)                                                  \
                     : "rax", "rcx", OC_SMALL_VECTORS, "memory")

/* How many bytes behind the source the next one may look at. */
#define OC_SMALL_BEYOND 7

/*
 * The same, but false when the last byte and the seven behind it are zeros, before the copy
 * or after it: only then may the bytes reach beyond the end of file, and the buffer must not
 * change beyond what read returns, so in the former case nothing is copied.
 */
static inline __attribute__((always_inline)) bool oc_small_copy_ending(void *dst, const void *src,
                                                                       size_t n)
{
    bool ok;
    OC_SMALL_CALL("oc_small_copy_ending", ok, dst, src, n);
    return ok;
}

/* Where it looks behind the last byte's page. */
#define OC_SMALL_PAGE 4096

/*
 * The same, but looking at the page that follows the last byte's, which may fault: false, like any
 * fault.
 */
static inline __attribute__((always_inline)) bool oc_small_copy_backed(void *dst, const void *src,
                                                                       size_t n)
{
    bool ok;
    OC_SMALL_CALL("oc_small_copy_backed", ok, dst, src, n);
    return ok;
}

extern const char oc_small_first[] __asm__("oc_small_copy_ending")
    __attribute__((visibility("hidden")));
extern const char oc_small_failed[] __attribute__((visibility("hidden")));
extern const char oc_small_end[] __attribute__((visibility("hidden")));

/* Is the instruction at PC one of the copy's? */
static inline bool oc_small_at(uintptr_t pc)
{
    return pc - (uintptr_t)oc_small_first < (uintptr_t)oc_small_end - (uintptr_t)oc_small_first;
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

#define OC_SMALL_BEYOND 0

static inline bool oc_small_is(const void *p, uint64_t value)
{
    uintptr_t word = __atomic_load_n((const uintptr_t *)p, __ATOMIC_ACQUIRE);
    return word == value;
}

/* Of 64 bits, whatever a word has here. */
static inline bool oc_small_is_long(const void *p, uint64_t value)
{
    return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE) == value;
}

static inline bool oc_small_is_byte(const void *p, uint8_t value)
{
    return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED) == value;
}

static inline void oc_small_look(void)
{
}

static inline bool oc_small_copy_ending(void *dst, const void *src, size_t n)
{
    return oc_small_copy(dst, src, n);
}

#define OC_SMALL_PAGE 1

static inline bool oc_small_copy_backed(void *dst, const void *src, size_t n)
{
    return oc_small_copy(dst, src, n);
}

#endif

#endif
