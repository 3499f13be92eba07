#include "file/fdtable.h"

#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/quick.h"
#include "base/starting.h"
#include "base/sys.h"
#include "base/thread.h"

/* Numbers from here on are never served; Linux's own default ceiling (fs.nr_open). */
#define OC_FD_MAX (1u << 20)
/* As many have room from the start, which is a few pages. */
#define OC_FD_FIRST (1u << 10)

OC_QUICK struct oc_fd_table oc_fds;
void (*oc_fd_streams_end)(const struct oc_desc *only);
static bool shut;
/* One past the highest number that ever had an entry; written under oc_lock. */
static _Atomic unsigned high;

/* Under oc_lock.  Address space for all numbers, and memory for none: what is not accessible
 * stays away when the program locks all that it has (mlockall). */
static bool reserve(void)
{
    if (oc_fds.entry)
        return true;
    void *p = oc_sys_mmap(NULL, OC_FD_MAX * sizeof(oc_fd_entry), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (oc_sys_failed(p))
        return false;
    oc_fds.entry = p;
    return true;
}

/* Under oc_lock: may FD have an entry?  The table grows by doubling. */
static bool has_room(int fd)
{
    unsigned size = atomic_load(&oc_fds.size), wanted = size ? size : OC_FD_FIRST;
    if (shut || (unsigned)fd >= OC_FD_MAX || !reserve())
        return false;
    while (wanted <= (unsigned)fd)
        wanted *= 2;
    if (wanted == size)
        return true;
    if (OC_SYS_3(SYS_mprotect, oc_fds.entry, wanted * sizeof(oc_fd_entry),
                 PROT_READ | PROT_WRITE) != 0)
        return false;
    atomic_store_explicit(&oc_fds.size, wanted, memory_order_release);
    return true;
}

/* Under oc_lock.  The kernel's descriptor FD is still what the entry says, or closed. */
static void drop_entry(int fd)
{
    struct oc_desc *d = atomic_load(&oc_fds.entry[fd]);
    if (!d)
        return;
    atomic_store(&oc_fds.entry[fd], NULL);
    oc_desc_put(d);
}

static void set_entry(int fd, struct oc_desc *d)
{
    atomic_store_explicit(&oc_fds.entry[fd], d, memory_order_release);
    if ((unsigned)fd >= high)
        high = (unsigned)fd + 1;
}

static void stream_ends(int fd)
{
    const struct oc_desc *d = oc_fd_get(fd);
    if (d)
        oc_fd_stream_ends(d);
}

/* (Whether this thread is at home is not to be asked: it may be about to vfork.) */
static void all_streams_end(void)
{
    if (oc_fd_streams_end)
        oc_fd_streams_end(NULL);
}

/* "/proc/self/fd/N" */
static void fd_link(int fd, char out[32])
{
    oc_format(out, 32, "/proc/self/fd/%d", fd);
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The file's rule, asking /proc for the real path only where a rule needs it. */
static const struct oc_rule *find_rule(int fd, const char *name)
{
    const struct oc_rules *rules = &oc_options.rules;
    char link[32], path[1024];
    const char *real = NULL;
    if (rules->by_path || !name) {
        fd_link(fd, link);
        ssize_t n = OC_SYS_4(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
        if (n > 0 && (size_t)n < sizeof path - 1) {
            path[n] = '\0';
            real = path;
        }
    }
    if (!name)
        name = real;
    return name ? oc_rules_match(rules, last_component(name), real) : NULL;
}

/* Only what read() would serve from a regular file's page cache concerns us. */
static const struct oc_rule *match(int fd, const char *name, int flags, struct stat *st)
{
    if ((flags & (O_PATH | O_DIRECT)) || (flags & O_ACCMODE) == O_WRONLY)
        return NULL;
    if (name && !oc_rules_may_match(&oc_options.rules, last_component(name)))
        return NULL;
    if (oc_sys_fstat(fd, st) != 0 || !S_ISREG(st->st_mode) ||
        (uint64_t)st->st_size < oc_options.min_size)
        return NULL;
    return find_rule(fd, name);
}

/* Under oc_lock. */
static bool enter(int fd, struct oc_file *file, bool ours, bool alone)
{
    /* Where it cannot be mapped, a seek may meet limits that we do not know. */
    bool user = ours && alone && file->mappable;
    struct oc_desc *d = oc_desc_new(file, user ? 0 : OC_OFFSET_KERNEL);
    if (!d)
        return false;
    atomic_store(&d->shared, !alone);
    set_entry(fd, d);
    return true;
}

void oc_fd_opened(int fd, const char *name, int flags, bool stdio, uint64_t since)
{
    struct stat st;
    struct oc_lock_state ls;
    oc_fd_forget(fd);
    if ((unsigned)fd >= OC_FD_MAX || shut)
        return;
    const struct oc_rule *rule = match(fd, name, flags, &st);
    if (!rule || !oc_thread_at_home())
        return;
    bool ours = (flags & O_ACCMODE) == O_RDONLY && !stdio;
    oc_lock(&ls);
    struct oc_file *file = has_room(fd) ? oc_file_get(fd, &st, rule) : NULL;
    if (file && !enter(fd, file, ours, oc_starting_none_since(since, flags & O_CLOEXEC)))
        oc_file_put(file);
    oc_unlock(&ls);
}

/* Under oc_lock.  A number that turns out to have been closed unseen is none of D's. */
static bool hand_back(int fd, struct oc_desc *d)
{
    bool done = oc_desc_release(d, fd);
    if (!done)
        drop_entry(fd);
    return done;
}

/* Under oc_lock. */
static void expose(int fd, struct oc_desc *d)
{
    if (hand_back(fd, d))
        atomic_store(&d->shared, true);
}

void oc_fd_duped(int from, int to)
{
    struct oc_lock_state ls;
    if (from == to || (!oc_fd_get(from) && !oc_fd_get(to)) || !oc_thread_at_home())
        return;
    stream_ends(from);
    stream_ends(to);
    oc_lock(&ls);
    struct oc_desc *d = oc_fd_get(from);
    bool follow = d && has_room(to);
    if (follow)
        d->refs++;
    if (oc_fd_has_entry(to))
        drop_entry(to);
    if (follow)
        set_entry(to, d);
    else if (d) /* a number we cannot follow shares the offset */
        expose(from, d);
    oc_unlock(&ls);
}

void oc_fd_forget(int fd)
{
    struct oc_lock_state ls;
    if (!oc_fd_get(fd) || !oc_thread_at_home())
        return;
    oc_lock(&ls);
    drop_entry(fd);
    oc_unlock(&ls);
}

/* Under oc_lock. */
static void drop_closing(int fd)
{
    struct oc_desc *d = oc_fd_get(fd);
    if (!d)
        return;
    oc_desc_release(d, fd);
    drop_entry(fd);
}

void oc_fd_closing(int fd)
{
    oc_fd_closing_range((unsigned)fd, (unsigned)fd);
}

void oc_fd_closing_range(unsigned first, unsigned last)
{
    struct oc_lock_state ls;
    if (!atomic_load(&oc_fds.size) || !oc_thread_at_home())
        return;
    for (unsigned fd = first; fd <= last && fd < high; fd++)
        stream_ends((int)fd);
    oc_lock(&ls);
    for (unsigned fd = first; fd <= last && fd < high; fd++)
        drop_closing((int)fd);
    oc_unlock(&ls);
}

/* Under oc_lock. */
static void abandon(struct oc_desc *d, int fd)
{
    oc_desc_release(d, fd);
    for (unsigned other = 0; other < high; other++)
        if (oc_fd_get((int)other) == d)
            drop_entry((int)other);
}

/* Descriptions of FD's file that may be FD's, too: it was received, or opened by others. */
static void abandon_shared(int fd)
{
    struct stat st;
    if (oc_sys_fstat(fd, &st) != 0)
        return;
    for (unsigned other = 0; other < high; other++) {
        struct oc_desc *d = oc_fd_get((int)other);
        if (!d || !atomic_load(&d->shared))
            continue;
        const struct oc_file *file = atomic_load(&d->file);
        if (file->dev == st.st_dev && file->ino == st.st_ino)
            abandon(d, (int)other);
    }
}

void oc_fd_abandon(int fd)
{
    struct oc_lock_state ls;
    if (!high || !oc_thread_at_home())
        return;
    stream_ends(fd);
    oc_lock(&ls);
    struct oc_desc *d = oc_fd_get(fd);
    if (d)
        abandon(d, fd);
    else
        abandon_shared(fd);
    oc_unlock(&ls);
}

void oc_fd_release(int fd)
{
    struct oc_lock_state ls;
    struct oc_desc *d = oc_fd_get(fd);
    if (!d || !oc_thread_at_home())
        return;
    oc_fd_stream_ends(d);
    if (!oc_word_ours(atomic_load(&d->word)))
        return;
    oc_lock(&ls);
    d = oc_fd_get(fd);
    if (d)
        hand_back(fd, d);
    oc_unlock(&ls);
}

void oc_fd_expose(int fd)
{
    struct oc_lock_state ls;
    if (!oc_fd_get(fd) || !oc_thread_at_home())
        return;
    stream_ends(fd);
    oc_lock(&ls);
    struct oc_desc *d = oc_fd_get(fd);
    if (d)
        expose(fd, d);
    oc_unlock(&ls);
}

void oc_fd_uncloexec(int fd)
{
    if (oc_fd_get(fd) && oc_starting_program())
        oc_fd_expose(fd);
}

void oc_fd_expose_all_locked(void)
{
    for (unsigned fd = 0; fd < high; fd++) {
        struct oc_desc *d = oc_fd_get((int)fd);
        if (d)
            expose((int)fd, d);
    }
}

void oc_fd_expose_all(void)
{
    struct oc_lock_state ls;
    all_streams_end();
    oc_lock(&ls);
    oc_fd_expose_all_locked();
    oc_unlock(&ls);
}

void oc_fd_shut(void)
{
    struct oc_lock_state ls;
    all_streams_end();
    oc_lock(&ls);
    oc_fd_expose_all_locked();
    shut = true;
    atomic_store(&oc_fds.size, 0);
    oc_unlock(&ls);
}
