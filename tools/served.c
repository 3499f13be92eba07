/* Adding up the accounts of a batch: served.h. */
#include "config.h"
#include "served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

struct served_table {
    struct oc_accounts *accounts;
    size_t size;
    int fd;
    char report[64];
};

/* The limit of file sizes is one of memory files as well, and enforced by a signal. */
static bool may_grow_to(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && size <= limit.rlim_cur;
}

struct served_table *served_begin(size_t n)
{
    size_t room = 1024 + 16 * n;
    size_t size = sizeof(struct oc_accounts) + room * sizeof(struct oc_account);
    int fd = may_grow_to(size) ? memfd_create("onecopy-accounts", MFD_CLOEXEC) : -1;
    struct oc_accounts *accounts = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        accounts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct served_table *table = malloc(sizeof *table);
    if (!table)
        abort();
    if (accounts == MAP_FAILED) {
        if (fd >= 0)
            close(fd);
        free(table);
        return NULL;
    }
    *table = (struct served_table){.accounts = accounts, .size = size, .fd = fd};
    snprintf(table->report, sizeof table->report, "table:/proc/%d/fd/%d", (int)getpid(), fd);
    accounts->record_size = sizeof(struct oc_account);
    accounts->room = (uint32_t)room;
    memcpy(accounts->magic, OC_ACCOUNT_MAGIC, sizeof accounts->magic);
    return table;
}

const char *served_report(const struct served_table *table)
{
    return table->report;
}

static struct served_file *file_of(struct served *served, const struct oc_account *account)
{
    for (size_t i = 0; i < served->count; i++)
        if (served->files[i].dev == account->dev && served->files[i].ino == account->ino)
            return &served->files[i];
    served->files = reallocarray(served->files, served->count + 1, sizeof *served->files);
    if (!served->files)
        abort();
    struct served_file *file = &served->files[served->count++];
    *file = (struct served_file){.path = strndup(account->path, sizeof account->path),
                                 .dev = account->dev,
                                 .ino = account->ino};
    return file;
}

static void add(struct served_count *to, const struct oc_account_sum *from)
{
    to->calls += from->calls;
    to->bytes += from->bytes;
}

static void add_refusals(struct served_file *file, const struct oc_account *account)
{
    for (size_t i = 0; i < OC_ACCOUNT_REFUSALS && account->refusal[i].why[0]; i++) {
        size_t j = 0;
        while (j < file->refusal_count &&
               strncmp(file->refusals[j].why, account->refusal[i].why, 47) != 0)
            j++;
        if (j == OC_ACCOUNT_REFUSALS)
            continue;
        if (j == file->refusal_count) {
            file->refusal_count++;
            snprintf(file->refusals[j].why, sizeof file->refusals[j].why, "%.47s",
                     account->refusal[i].why);
        }
        add(&file->refusals[j].count, &account->refusal[i].sum);
    }
}

static void add_to_file(struct served *served, const struct oc_account *account)
{
    struct served_file *file = file_of(served, account);

    file->processes++;
    file->size = account->size > file->size ? account->size : file->size;
    for (size_t way = 0; way < OC_ACCOUNT_WAYS; way++)
        add(&file->way[way], &account->way[way]);
    add_refusals(file, account);
    if (!file->use && account->use[0])
        file->use = strndup(account->use, sizeof account->use);
}

static void add_to_instance(struct served *served, const struct oc_account *account,
                            const pid_t *groups, size_t n)
{
    size_t i = 0;

    while (i < n && groups[i] != account->group)
        i++;
    for (size_t way = 0; i < n && way < OC_ACCOUNT_WAYS; way++)
        add(&served->instances[i][way], &account->way[way]);
}

void served_end(struct served_table *table, const pid_t *groups, size_t n, struct served *served)
{
    *served = (struct served){.known = table != NULL};
    served->instances = calloc(n + 1, sizeof *served->instances);
    if (!served->instances)
        abort();
    if (!table)
        return;
    uint32_t used = table->accounts->used, room = table->accounts->room;
    served->full = used > room;
    for (uint32_t i = 0; i < used && i < room; i++) {
        const struct oc_account *account = &table->accounts->records[i];
        if (!account->ready)
            continue;
        add_to_file(served, account);
        add_to_instance(served, account, groups, n);
    }
    munmap(table->accounts, table->size);
    close(table->fd);
    free(table);
}
