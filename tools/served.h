/*
 * What the processes of a batch were served of each file, and how: the accounts that the
 * library keeps for a comparison (file/account.h), added up.
 */
#ifndef SERVED_H
#define SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "file/account.h"

struct served_count {
    uint64_t calls, bytes;
};

struct served_refusal {
    char why[48];
    struct served_count count;
};

struct served_file {
    char *path;
    uint64_t dev, ino, size;
    size_t processes; /* that read it */
    struct served_count way[OC_ACCOUNT_WAYS];
    struct served_refusal refusals[OC_ACCOUNT_REFUSALS];
    size_t refusal_count;
    char *use; /* of its image, as the first process says: "compared (changed lately)" */
};

struct served {
    bool known; /* the accounts could be kept */
    bool full;  /* there were more than there was room for */
    struct served_file *files;
    size_t count;
    /* By instance, in its order; reads of processes that left their instance's process group are
     * only in the files. */
    struct served_count (*instances)[OC_ACCOUNT_WAYS];
};

struct served_table;

/* Room for a batch of N instances.  NULL: not to be had. */
struct served_table *served_begin(size_t n);

/* The value of ONECOPY_REPORT for the instances. */
const char *served_report(const struct served_table *table);

/* Add up and free the table (NULL: nothing is known).  The process group of instance I is
 * GROUPS[I]. */
void served_end(struct served_table *table, const pid_t *groups, size_t n, struct served *served);

#endif
