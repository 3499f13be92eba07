/*
 * Numbers as people write them.  Async-signal-safe, no errno, no locale.
 */
#ifndef OC_SIZE_H
#define OC_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* "32M", "1.5G", "4096": bytes, with suffixes K M G T (powers of 1024, either case).
 * False when it is not a size, is negative, or does not fit. */
bool oc_parse_size(const char *text, uint64_t *bytes);

/* The same for the text up to END. */
bool oc_parse_size_to(const char *text, const char *end, uint64_t *bytes);

/* A plain decimal number. */
bool oc_parse_number(const char *text, uint64_t *number);

#endif
