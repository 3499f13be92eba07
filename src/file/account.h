/*
 * Accounts: what each process was served of each file, by which way, and why big reads
 * were not lent.  Kept only where `onecopy compare` asks for it: ONECOPY_REPORT is then
 * "table:" and the name of a table that the command has prepared (struct oc_accounts, in
 * memory that all processes share), so what a process has counted stays whatever ends it.
 *
 * A record belongs to one process and one of its files; it is claimed by the first read.
 * Without a table, or with a full one, nothing is counted.  Async-signal-safe.
 */
#ifndef OC_ACCOUNT_H
#define OC_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "file/file.h"

#define OC_ACCOUNT_MAGIC    "onecopy account1" /* 16 bytes, without its NUL */
#define OC_ACCOUNT_REFUSALS 8

enum oc_account_way {
    OC_ACCOUNT_LENT,     /* mapped over the caller's buffer */
    OC_ACCOUNT_COPIED,   /* from a section */
    OC_ACCOUNT_KERNEL,   /* by the real call */
    OC_ACCOUNT_FILLED,   /* read into an image */
    OC_ACCOUNT_COMPARED, /* with the kernel's bytes before use */
    OC_ACCOUNT_DIFFERED, /* of these, and so read plainly */
    OC_ACCOUNT_TRUSTED,  /* used without comparison */
    OC_ACCOUNT_WAYS
};

struct oc_account_sum {
    _Atomic uint64_t calls, bytes;
};

struct oc_account {
    int32_t pid, group; /* who, and its process group */
    uint64_t dev, ino, size;
    struct oc_account_sum way[OC_ACCOUNT_WAYS];
    struct {
        char why[48];
        struct oc_account_sum sum;
    } refusal[OC_ACCOUNT_REFUSALS]; /* big reads not lent; an empty WHY ends the list */
    char use[96];                   /* of its image: "compared (changed lately)" */
    char path[256];                 /* as /proc/self/fd tells, shortened at its beginning */
    _Atomic uint32_t ready;         /* the rest may be read */
};

struct oc_accounts {
    char magic[16];
    uint32_t record_size, room;
    _Atomic uint32_t used; /* may be more than room */
    struct oc_account records[];
};

extern struct oc_accounts *oc_accounts;

static inline bool oc_accounting(void)
{
    return __builtin_expect(oc_accounts != NULL, 0);
}

/* At start, with the options in force. */
void oc_accounts_open(void);

/* A call that was served: BYTES of FILE, open as FD.  Not under oc_lock. */
void oc_account_add(struct oc_file *file, int fd, enum oc_account_way way, uint64_t bytes);
/* Bytes of no call of their own. */
void oc_account_bytes(struct oc_file *file, int fd, enum oc_account_way way, uint64_t bytes);
/* A copy from a section of the file with this number. */
void oc_account_copied(oc_file_id id, uint64_t bytes);
/* A big read that was not lent. */
void oc_account_refused(struct oc_file *file, int fd, const char *why, uint64_t bytes);
/* How the file's image is used, and why so. */
void oc_account_use(struct oc_file *file, int fd, const char *use, const char *why);

#endif
