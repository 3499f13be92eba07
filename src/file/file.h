/*
 * A matched inode that this process has open: the rule for it and what kind of
 * file system it lives on.  One record for each (device, inode), shared by all
 * descriptions on it, gone with the last.  Under oc_lock; a record's memory is
 * never returned, so a reader that lost a race sees an old or a new file, never
 * garbage.
 */
#ifndef OC_FILE_H
#define OC_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/fskind.h"
#include "base/rules.h"
#include "section/run.h"

struct oc_account;

/* A file's number for section keys: never used twice in a process.  0: none. */
typedef uint32_t oc_file_id;

struct oc_hints;

/* File id and number of a section in one word, so that both are compared at once; 0 is
 * that of a section that has none. */
typedef uint64_t oc_section_key;
#define OC_SECTION_INDEX_BITS 36

/* No file's, and with any index nobody's key. */
#define OC_FILE_ID_NONE ((UINT32_C(1) << (64 - OC_SECTION_INDEX_BITS)) - 1)

static inline oc_section_key oc_section_key_of(oc_file_id id, uint64_t index)
{
    return (oc_section_key)id << OC_SECTION_INDEX_BITS | index;
}

/* What each miss looks at comes first. */
struct oc_file {
    const struct oc_rule *rule;
    uint64_t dev, ino;
    oc_file_id id;
    enum oc_fs_kind kind;
    uint64_t fixed;        /* the size, where it never changes; else 0 */
    bool mappable;         /* mappings agree with read() here: sections may be used */
    bool faults_beyond;    /* loads beyond its last page do (base/fskind.h), or it never shrinks */
    bool follow;           /* small steps are to be followed (image/kept.h) */
    _Atomic bool no_lend;  /* found not worth it, or impossible */
    _Atomic bool recalled; /* asked whether this program rewrites it (image/written.h) */
    _Atomic bool kept;     /* what is read is being given to an image: sections are of no use */
    _Atomic bool not_kept; /* nor, found again and again, kept in one piece (image/kept.h) */
    _Atomic bool loaded;   /* a piece of it was no stream's (image/first.h) */
    _Atomic unsigned reused;        /* reads into memory that had been lent other bytes of it */
    _Atomic unsigned misses;        /* the first few, counted by learn.c */
    struct oc_run run;              /* misses of big steps, in order */
    struct oc_hints *_Atomic hints; /* what others found hot; NULL: not asked, or nothing */
    uint64_t lent_total;            /* bytes lent so far, under oc_lock */
    /* What this process is served of it (file/account.h), or NULL. */
    struct oc_account *_Atomic account;
    unsigned descriptions; /* open ones */
    struct oc_file *next;
};

/* The record for an open regular file, made when there is none; NULL when out of memory
 * or ids.  Call under oc_lock; balanced by oc_file_put. */
struct oc_file *oc_file_get(int fd, const struct stat *st, const struct oc_rule *rule);
void oc_file_put(struct oc_file *file);

/* In the child of fork: the accounts are the parent's.  Under oc_lock. */
void oc_file_in_child(void);

#endif
