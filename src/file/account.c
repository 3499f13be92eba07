#include "file/account.h"

#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"

struct oc_accounts *oc_accounts;

/* The accounts of the files last met, by number: for copies, which know no more. */
static struct {
    _Atomic oc_file_id id;
    struct oc_account *_Atomic account;
} recent[64];

#define RECENT(id) (&recent[(id) % (sizeof recent / sizeof *recent)])

static bool is_table(const struct oc_accounts *table, uint64_t size)
{
    return memcmp(table->magic, OC_ACCOUNT_MAGIC, sizeof table->magic) == 0 &&
           table->record_size == sizeof(struct oc_account) &&
           table->room <= (size - sizeof *table) / sizeof(struct oc_account);
}

static void map_table(int fd)
{
    struct stat st;
    if (oc_sys_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size < (off_t)sizeof(struct oc_accounts))
        return;
    struct oc_accounts *table =
        oc_sys_mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (oc_sys_failed(table))
        return;
    if (is_table(table, (uint64_t)st.st_size))
        oc_accounts = table;
    else
        oc_sys_munmap(table, (size_t)st.st_size);
}

void oc_accounts_open(void)
{
    if (!oc_options.accounts)
        return;
    int fd = oc_own_open(oc_options.accounts, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0)
        return;
    map_table(fd);
    oc_own_close(fd);
}

/* ---- claiming; under oc_lock ---- */

static void write_path(struct oc_account *account, int fd)
{
    char link[32], path[4096];
    size_t room = sizeof account->path - 1;

    oc_format(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = OC_SYS_4(SYS_readlinkat, AT_FDCWD, link, path, sizeof path);
    if (n <= 0)
        return;
    size_t skip = (size_t)n > room ? (size_t)n - room : 0;
    memcpy(account->path, path + skip, (size_t)n - skip);
}

static struct oc_account *claim(const struct oc_file *file, int fd)
{
    struct stat st;
    uint32_t nth = atomic_fetch_add(&oc_accounts->used, 1);
    if (nth >= oc_accounts->room)
        return NULL;
    struct oc_account *account = &oc_accounts->records[nth];
    account->pid = oc_sys_pid();
    account->group = (int)OC_SYS_1(SYS_getpgid, 0);
    account->dev = file->dev;
    account->ino = file->ino;
    account->size = oc_sys_fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    write_path(account, fd);
    atomic_store(&account->ready, 1);
    return account;
}

static struct oc_account *claim_once(struct oc_file *file, int fd)
{
    struct oc_lock_state ls;
    oc_lock(&ls);
    struct oc_account *account = atomic_load(&file->account);
    if (!account && (account = claim(file, fd))) {
        atomic_store(&file->account, account);
        atomic_store(&RECENT(file->id)->id, 0);
        atomic_store(&RECENT(file->id)->account, account);
        atomic_store(&RECENT(file->id)->id, file->id);
    }
    oc_unlock(&ls);
    return account;
}

static struct oc_account *account_of(struct oc_file *file, int fd)
{
    struct oc_account *account = atomic_load_explicit(&file->account, memory_order_acquire);
    return account ? account : claim_once(file, fd);
}

/* ---- counting ---- */

static void add(struct oc_account_sum *sum, unsigned calls, uint64_t bytes)
{
    atomic_fetch_add_explicit(&sum->calls, calls, memory_order_relaxed);
    atomic_fetch_add_explicit(&sum->bytes, bytes, memory_order_relaxed);
}

void oc_account_add(struct oc_file *file, int fd, enum oc_account_way way, uint64_t bytes)
{
    struct oc_account *account = account_of(file, fd);
    if (account)
        add(&account->way[way], 1, bytes);
}

void oc_account_bytes(struct oc_file *file, int fd, enum oc_account_way way, uint64_t bytes)
{
    struct oc_account *account = bytes ? account_of(file, fd) : NULL;
    if (account)
        add(&account->way[way], 0, bytes);
}

void oc_account_copied(oc_file_id id, uint64_t bytes)
{
    struct oc_account *account = atomic_load(&RECENT(id)->account);
    if (account && atomic_load(&RECENT(id)->id) == id)
        add(&account->way[OC_ACCOUNT_COPIED], 1, bytes);
}

static void put_text(char *to, size_t size, const char *text)
{
    size_t n = strlen(text);
    memcpy(to, text, n < size ? n : size - 1);
}

void oc_account_refused(struct oc_file *file, int fd, const char *why, uint64_t bytes)
{
    struct oc_account *account = account_of(file, fd);
    struct oc_lock_state ls;
    if (!account)
        return;
    oc_lock(&ls);
    for (unsigned i = 0; i < OC_ACCOUNT_REFUSALS; i++) {
        char *known = account->refusal[i].why;
        if (!*known)
            put_text(known, sizeof account->refusal[i].why, why);
        if (strncmp(known, why, sizeof account->refusal[i].why - 1) != 0)
            continue;
        add(&account->refusal[i].sum, 1, bytes);
        break;
    }
    oc_unlock(&ls);
}

void oc_account_use(struct oc_file *file, int fd, const char *use, const char *why)
{
    struct oc_account *account = account_of(file, fd);
    struct oc_lock_state ls;
    if (!account || account->use[0])
        return;
    oc_lock(&ls);
    oc_format(account->use, sizeof account->use, "%s (%s)", use, why);
    oc_unlock(&ls);
}
