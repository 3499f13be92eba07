/*
 * The configuration: the ONECOPY_ environment variables, read once at start
 * and frozen.  One table in options.c names each variable, its default, its
 * parser and what is expected of it; the manual's table is compared with it by
 * a test.
 */
#ifndef OC_OPTIONS_H
#define OC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rules.h"
#include "base/size.h"

struct oc_options {
    struct oc_rules rules; /* ONECOPY_FILES, ONECOPY_EXCLUDE */
    uint64_t min_size;     /* ONECOPY_MIN_SIZE, bytes */
    uint64_t pool;         /* ONECOPY_POOL, bytes of address space for sections */
    uint64_t section;      /* ONECOPY_SECTION, bytes, a power of two >= the page size */
    bool lend;             /* ONECOPY_LEND */
    uint64_t lend_min;     /* ONECOPY_LEND_MIN, bytes */
    const char *dir;       /* ONECOPY_DIR, or NULL: choose (image/home.h) */
    uint64_t image_max;    /* ONECOPY_IMAGE_MAX, bytes; 0: half of the machine's memory */
    uint64_t linger;       /* ONECOPY_LINGER, seconds */
    int log_level;         /* ONECOPY_LOG, enum oc_log_level */
    const char *log_file;  /* ONECOPY_LOG's file, or NULL */
    const char *report;    /* ONECOPY_REPORT: a path, "stderr", or NULL */
    const char *accounts;  /* the same, "table:PATH": file/account.h */
    bool disable;          /* ONECOPY_DISABLE */
};

/* What is in force; all defaults until oc_options_read succeeded. */
extern struct oc_options oc_options;

/* Look a variable up; NULL when unset.  oc_options_read takes it as given. */
typedef const char *oc_getenv_fn(const char *name);

/*
 * Read every variable into oc_options, and tell base/log.h where messages go.  An
 * empty variable is as good as an unset one.  True: in force.  False: some value
 * was malformed; one line on descriptor 2 has named the variable, the value and
 * what is expected, and the caller must stay inert.  Without ONECOPY_FILES, or
 * with ONECOPY_DISABLE=1, nobody asked for anything: rules.rules is 0 or disable
 * true, malformed values count as unset, and nothing is said.  A set-user-ID
 * program (AT_SECURE) only has disable set.  Called once, before any other thread;
 * allocates only from oc_arena.
 */
bool oc_options_read(oc_getenv_fn *get);

/* For `onecopy` and the tests that compare tables: row I, false past the end. */
struct oc_option_text {
    const char *name;     /* "ONECOPY_POOL" */
    const char *fallback; /* the default as text, "" for none */
    const char *text;     /* one line for --help */
};
bool oc_options_text(size_t i, struct oc_option_text *row);

/* Would one variable with this value be understood?  False: OUT tells why not, as one line. */
bool oc_option_check(const char *name, const char *value, char *out, size_t size);

#endif
