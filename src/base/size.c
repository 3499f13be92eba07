#include "base/size.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits at *p, up to END: at least one, and no overflow. */
static bool take_digits(const char **p, const char *end, uint64_t *number)
{
    uint64_t n = 0;

    if (*p == end || !is_digit(**p))
        return false;
    for (; *p < end && is_digit(**p); (*p)++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(**p - '0'), &n))
            return false;
    *number = n;
    return true;
}

/* The digits behind a point, in millionths; further ones change no byte worth having. */
static bool take_fraction(const char **p, const char *end, uint64_t *millionths)
{
    uint64_t n = 0, unit = 100000;
    const char *start = *p;

    for (; *p < end && is_digit(**p); (*p)++) {
        n += unit * (uint64_t)(**p - '0');
        unit /= 10;
    }
    *millionths = n;
    return *p > start;
}

/* The factor of a suffix, 0 when it is none. */
static uint64_t factor(char c)
{
    switch (c) {
    case 'k':
    case 'K':
        return 1ULL << 10;
    case 'm':
    case 'M':
        return 1ULL << 20;
    case 'g':
    case 'G':
        return 1ULL << 30;
    case 't':
    case 'T':
        return 1ULL << 40;
    default:
        return 0;
    }
}

bool oc_parse_size_to(const char *text, const char *end, uint64_t *bytes)
{
    const char *p = text;
    uint64_t whole, millionths = 0, unit = 1, n;
    bool point;

    if (!take_digits(&p, end, &whole))
        return false;
    point = p < end && *p == '.';
    if (point && (p++, !take_fraction(&p, end, &millionths)))
        return false;
    if (p < end)
        unit = factor(*p++);
    if (p != end || unit == 0 || (point && unit == 1))
        return false;
    if (__builtin_mul_overflow(whole, unit, &n) ||
        __builtin_add_overflow(n, millionths * unit / 1000000, &n))
        return false;
    *bytes = n;
    return true;
}

bool oc_parse_size(const char *text, uint64_t *bytes)
{
    return oc_parse_size_to(text, text + strlen(text), bytes);
}

bool oc_parse_number(const char *text, uint64_t *number)
{
    const char *p = text, *end = text + strlen(text);

    return take_digits(&p, end, number) && p == end;
}
