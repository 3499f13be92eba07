/*
 * Accounts: tables that are one and tables that only look so, and what is counted in whose
 * record.  Each case in a process of its own, as a process opens its table once.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/options.h"
#include "base/own.h"
#include "file/account.h"
#include "scratch.h"
#include "tap.h"

enum { ROOM = 3 };

static char dir[200], path[300], data[2][300];
static struct oc_file file[2];
static int fd[2];

/* A table as the command makes it, but for what a case spoils. */
static void write_table(const char *magic, uint32_t record_size, uint32_t room, size_t size)
{
    struct oc_accounts head = {.record_size = record_size, .room = room};
    int to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    memcpy(head.magic, magic, sizeof head.magic);
    CU_ASSERT_FATAL(to >= 0 && pwrite(to, &head, sizeof head, 0) == (ssize_t)sizeof head);
    CU_ASSERT_FATAL(ftruncate(to, (off_t)size) == 0);
    close(to);
}

static size_t size_for(uint32_t room)
{
    return sizeof(struct oc_accounts) + room * sizeof(struct oc_account);
}

static struct oc_accounts *good_table(void)
{
    write_table(OC_ACCOUNT_MAGIC, sizeof(struct oc_account), ROOM, size_for(ROOM));
    oc_options.accounts = path;
    oc_accounts_open();
    return oc_accounts;
}

static void prepare(void)
{
    struct stat st;

    snprintf(dir, sizeof dir, "%s", scratch_make("/tmp"));
    snprintf(path, sizeof path, "%s/table", dir);
    for (int i = 0; i < 2; i++) {
        snprintf(data[i], sizeof data[i], "%s/data%d", dir, i);
        fd[i] = open(data[i], O_RDWR | O_CREAT, 0600);
        CU_ASSERT_FATAL(fd[i] >= 0 && ftruncate(fd[i], 1000 * (i + 1)) == 0);
        fstat(fd[i], &st);
        memset(&file[i], 0, sizeof file[i]);
        file[i].dev = st.st_dev;
        file[i].ino = st.st_ino;
        file[i].id = (oc_file_id)(i + 7);
    }
}

static void in_process(int (*body)(void *))
{
    prepare();
    CU_ASSERT_EQUAL(oc_tap_child(body, NULL), 0);
    for (int i = 0; i < 2; i++)
        close(fd[i]);
    scratch_remove(dir);
}

/* In children: a failed one is the status. */
#define SHOW(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "# line %d: %s\n", __LINE__, #cond);                                   \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static bool refused(void)
{
    oc_options.accounts = path;
    oc_accounts_open();
    return !oc_accounting() && !oc_own_any();
}

static int no_table(void *arg)
{
    static const char other[] = "onecopy account0";
    const uint32_t record = sizeof(struct oc_account);

    (void)arg;
    oc_accounts_open(); /* none is asked for */
    SHOW(!oc_accounting());
    SHOW(refused()); /* there is none */
    write_table(other, record, ROOM, size_for(ROOM));
    SHOW(refused());
    write_table(OC_ACCOUNT_MAGIC, record - 8, ROOM, size_for(ROOM));
    SHOW(refused());
    write_table(OC_ACCOUNT_MAGIC, record + 8, ROOM, size_for(ROOM));
    SHOW(refused());
    write_table(OC_ACCOUNT_MAGIC, record, ROOM + 1, size_for(ROOM + 1) - 1);
    SHOW(refused());
    write_table(OC_ACCOUNT_MAGIC, record, UINT32_MAX, size_for(ROOM));
    SHOW(refused());
    write_table(OC_ACCOUNT_MAGIC, record, 0, sizeof(struct oc_accounts) - 1);
    SHOW(refused());
    write_table(OC_ACCOUNT_MAGIC, record, 0, 0);
    SHOW(refused());
    unlink(path);
    SHOW(mkfifo(path, 0600) == 0);
    SHOW(refused());
    unlink(path);
    SHOW(mkdir(path, 0700) == 0);
    SHOW(refused());
    SHOW(rmdir(path) == 0);
    return 0;
}

static bool sums(const struct oc_account_sum *sum, uint64_t calls, uint64_t bytes)
{
    return atomic_load(&sum->calls) == calls && atomic_load(&sum->bytes) == bytes;
}

static int counted(void *arg)
{
    struct oc_accounts *table = good_table();
    const struct oc_account *r = table ? table->records : NULL;

    (void)arg;
    SHOW(oc_accounting() && r);
    oc_account_copied(file[0].id, 99); /* of a file that nobody has met */
    oc_account_bytes(&file[0], fd[0], OC_ACCOUNT_FILLED, 0);
    SHOW(atomic_load(&table->used) == 0);
    for (int i = 0; i < 3; i++)
        oc_account_add(&file[0], fd[0], OC_ACCOUNT_LENT, 1000);
    oc_account_add(&file[1], fd[1], OC_ACCOUNT_KERNEL, 5);
    oc_account_bytes(&file[0], fd[0], OC_ACCOUNT_FILLED, 4096);
    oc_account_copied(file[0].id, 64);
    oc_account_copied(file[1].id, 65);
    oc_account_copied(file[0].id + 64, 66); /* another file with the same place */
    SHOW(atomic_load(&table->used) == 2);
    for (int i = 0; i < 2; i++) {
        SHOW(atomic_load(&r[i].ready) == 1 && r[i].pid == getpid() && r[i].group == getpgrp());
        SHOW(r[i].dev == file[i].dev && r[i].ino == file[i].ino);
        SHOW(r[i].size == 1000 * (uint64_t)(i + 1) && strcmp(r[i].path, data[i]) == 0);
        SHOW(sums(&r[i].way[OC_ACCOUNT_COPIED], 1, 64 + (uint64_t)i));
        SHOW(sums(&r[i].way[OC_ACCOUNT_TRUSTED], 0, 0));
    }
    SHOW(sums(&r[0].way[OC_ACCOUNT_LENT], 3, 3000) && sums(&r[1].way[OC_ACCOUNT_LENT], 0, 0));
    SHOW(sums(&r[0].way[OC_ACCOUNT_KERNEL], 0, 0) && sums(&r[1].way[OC_ACCOUNT_KERNEL], 1, 5));
    SHOW(sums(&r[0].way[OC_ACCOUNT_FILLED], 0, 4096));
    return 0;
}

static int refusals(void *arg)
{
    struct oc_accounts *table = good_table();
    const struct oc_account *r = table->records;
    static const char lengthy[] = "a reason that is longer than the room that there is for reasons";

    (void)arg;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < OC_ACCOUNT_REFUSALS + 2; i++) {
            char why[20];

            snprintf(why, sizeof why, "reason %d", i);
            oc_account_refused(&file[0], fd[0], i == 2 ? lengthy : why, 100 + (uint64_t)i);
        }
    for (int i = 0; i < OC_ACCOUNT_REFUSALS; i++)
        SHOW(sums(&r[0].refusal[i].sum, 2, 2 * (100 + (uint64_t)i)));
    SHOW(strcmp(r[0].refusal[0].why, "reason 0") == 0);
    SHOW(strlen(r[0].refusal[2].why) == sizeof r[0].refusal[2].why - 1);
    SHOW(strncmp(r[0].refusal[2].why, lengthy, sizeof r[0].refusal[2].why - 1) == 0);
    oc_account_use(&file[0], fd[0], "compared", "changed lately");
    oc_account_use(&file[0], fd[0], "trusted", "old"); /* the first one stays */
    SHOW(strcmp(r[0].use, "compared (changed lately)") == 0);
    return 0;
}

/* More files than the table has room for: the rest is not counted. */
static int full(void *arg)
{
    struct oc_accounts *table = good_table();
    struct oc_file many[ROOM + 2];

    (void)arg;
    memset(many, 0, sizeof many);
    for (int i = 0; i < ROOM + 2; i++) {
        many[i].id = (oc_file_id)(100 + i);
        many[i].ino = 1000 + (unsigned)i;
        for (int k = 0; k < 2; k++) {
            oc_account_add(&many[i], fd[0], OC_ACCOUNT_LENT, 10);
            oc_account_bytes(&many[i], fd[0], OC_ACCOUNT_FILLED, 10);
            oc_account_refused(&many[i], fd[0], "why", 10);
            oc_account_use(&many[i], fd[0], "use", "why");
            oc_account_copied(many[i].id, 10);
        }
        SHOW((atomic_load(&many[i].account) != NULL) == (i < ROOM));
    }
    for (unsigned i = 0; i < ROOM; i++)
        SHOW(table->records[i].ino == 1000 + i &&
             sums(&table->records[i].way[OC_ACCOUNT_LENT], 2, 20));
    return 0;
}

/* The end of a long path is what tells files apart. */
static int long_path(void *arg)
{
    char deep[3][120], lengthy[700];
    struct oc_accounts *table = good_table();

    (void)arg;
    snprintf(lengthy, sizeof lengthy, "%s", dir);
    for (int i = 0; i < 3; i++) {
        memset(deep[i], 'a' + i, sizeof deep[i] - 1);
        deep[i][sizeof deep[i] - 1] = 0;
        strcat(strcat(lengthy, "/"), deep[i]);
        SHOW(mkdir(lengthy, 0700) == 0);
    }
    strcat(lengthy, "/data");
    int far = open(lengthy, O_RDWR | O_CREAT, 0600);
    oc_account_add(&file[0], far, OC_ACCOUNT_LENT, 1);
    SHOW(strlen(table->records[0].path) == sizeof table->records[0].path - 1);
    SHOW(strcmp(table->records[0].path,
                lengthy + strlen(lengthy) - sizeof table->records[0].path + 1) == 0);
    close(far);
    unlink(lengthy);
    for (int i = 0; i < 3; i++) {
        *strrchr(lengthy, '/') = 0;
        SHOW(rmdir(lengthy) == 0);
    }
    return 0;
}

/* A forked child has records of its own. */
static int in_child(void *arg)
{
    static const struct oc_rule rule = {.glob = "*"};
    struct oc_accounts *table = good_table();
    struct oc_lock_state ls;
    struct oc_file *met[2];
    struct stat st;

    (void)arg;
    oc_lock(&ls);
    for (int i = 0; i < 2; i++)
        met[i] = fstat(fd[i], &st) == 0 ? oc_file_get(fd[i], &st, &rule) : NULL;
    oc_unlock(&ls);
    SHOW(met[0] && met[1]);
    for (int i = 0; i < 2; i++)
        oc_account_add(met[i], fd[i], OC_ACCOUNT_LENT, 10);
    oc_lock(&ls);
    oc_file_in_child();
    oc_unlock(&ls);
    SHOW(!atomic_load(&met[0]->account) && !atomic_load(&met[1]->account));
    oc_account_add(met[0], fd[0], OC_ACCOUNT_LENT, 1);
    SHOW(atomic_load(&table->used) == 3 && sums(&table->records[2].way[OC_ACCOUNT_LENT], 1, 1));
    return 0;
}

static void test_in_child(void)
{
    in_process(in_child);
}

static void test_tables(void)
{
    in_process(no_table);
}

static void test_counted(void)
{
    in_process(counted);
}

static void test_refusals(void)
{
    in_process(refusals);
}

static void test_full(void)
{
    in_process(full);
}

static void test_long_path(void)
{
    in_process(long_path);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"what is no table is not used", test_tables},
        {"calls and bytes, by file and way", test_counted},
        {"reasons, and how the image is used", test_refusals},
        {"a full table", test_full},
        {"a long path", test_long_path},
        {"a forked child", test_in_child},
        {NULL, NULL},
    };
    return oc_tap_suite("account", tests);
}
