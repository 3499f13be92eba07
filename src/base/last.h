/*
 * The last character of a string, in a few instructions and without a call: its end is looked for
 * sixteen bytes at a time, which never reach into a page that the string is not in.
 */
#ifndef OC_LAST_H
#define OC_LAST_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(__SANITIZE_ADDRESS__)
#include <emmintrin.h>

/* A bit for each of the sixteen bytes at P, which is aligned, that is zero. */
static inline unsigned oc_last_zeros(const char *p)
{
    __m128i bytes = _mm_load_si128((const __m128i *)(const void *)p);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
}

static inline const char *oc_last_end(const char *s)
{
    const char *at = s - ((uintptr_t)s & 15);
    unsigned zeros = oc_last_zeros(at) & ~0u << (s - at);
    while (!zeros)
        zeros = oc_last_zeros(at += 16);
    return at + __builtin_ctz(zeros);
}
#else
static inline const char *oc_last_end(const char *s)
{
    return s + strlen(s);
}
#endif

/* 0 where there is none. */
static inline unsigned char oc_last(const char *s)
{
    const char *end = oc_last_end(s);
    return end > s ? (unsigned char)end[-1] : 0;
}

#endif
