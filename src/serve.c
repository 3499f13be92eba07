#include "serve.h"

#include <string.h>

#include "base/caller.h"
#include "base/counters.h"
#include "base/guard.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/own.h"
#include "base/probe.h"
#include "base/quick.h"
#include "base/reasons.h"
#include "base/report.h"
#include "base/starting.h"
#include "base/sys.h"
#include "base/thread.h"
#include "file/account.h"
#include "file/fdtable.h"
#include "hit.h"
#include "image/home.h"
#include "image/image.h"
#include "image/kept.h"
#include "image/lend.h"
#include "learn.h"
#include "section/pool.h"

OC_QUICK bool oc_serving;
static int owner_pid;
static struct oc_lock_state fork_lock;

bool oc_serve_is_owner(void)
{
    return oc_sys_pid() == owner_pid;
}

static void count(size_t calls_at, size_t bytes_at, size_t bytes)
{
    struct oc_thread *t = oc_thread();
    if (!t)
        return;
    oc_count((_Atomic uint64_t *)((char *)&t->count + calls_at), 1);
    oc_count((_Atomic uint64_t *)((char *)&t->count + bytes_at), bytes);
}
#define COUNT(what, bytes)                                                                         \
    count(offsetof(struct oc_counters, what##_calls), offsetof(struct oc_counters, what##_bytes),  \
          (bytes))

/* ---- copy ---- */

/* Is there anything but zeros in what follows LAST in its page?  Then the file goes on there. */
static bool goes_on_in_page(const char *last)
{
    char after[64];
    size_t n = (size_t)(-(uintptr_t)(last + 1) & (oc_page - 1));
    if (n > sizeof after)
        n = sizeof after;
    if (n && oc_guard_copy(after, last + 1, n)) {
        for (size_t i = 0; i < n; i++)
            if (after[i])
                return true;
    }
    return false;
}

/* Is the page that follows byte END - 1's mapped, and not beyond the end of file? */
static bool goes_on_beyond(const struct oc_file *file, uint64_t end)
{
    struct oc_hold hold = {0};
    char byte;
    uint64_t next = oc_page_up(end);
    bool ok = false;
    if (!file->faults_beyond || !oc_pool_enter(&hold, file->id, next))
        return false;
    struct oc_section *s = hold.section;
    if (next - s->from < s->limit && s->faults_beyond) {
        ok = oc_guard_copy(&byte, hold.at, 1);
        if (!ok) /* a fault takes longer than to ask: once is enough */
            atomic_store(&s->faults_beyond, false);
    }
    oc_pool_leave(&hold);
    return ok;
}

static bool before_end(int fd, const struct oc_file *file, uint64_t end)
{
    struct stat st;
    return goes_on_beyond(file, end) || (oc_sys_fstat(fd, &st) == 0 && end <= (uint64_t)st.st_size);
}

/* Do the bytes up to END lie before the end of file?  See hit.h; where neither page tells, the
 * file has to be asked.  Before anything is copied: the buffer must not change beyond what
 * read returns. */
static bool reaches(int fd, const struct oc_file *file, uint64_t end, char *last)
{
    struct oc_hold hold = {0};
    *last = 0;
    if (end <= file->fixed)
        return true;
    if (!oc_pool_enter(&hold, file->id, end - 1))
        return false;
    bool ok = oc_guard_copy(last, hold.at, 1);
    bool known = ok && (*last || goes_on_in_page(hold.at));
    oc_pool_leave(&hold);
    return ok && (known || before_end(fd, file, end));
}

/* Section by section. */
static bool copy(int fd, struct oc_desc *d, char *buf, size_t n, uint64_t off)
{
    struct oc_file *file = atomic_load_explicit(&d->file, memory_order_acquire);
    struct oc_hold hold = {0};
    char last;
    if (!file || !file->mappable || !oc_guard_ready() || !reaches(fd, file, off + n, &last))
        return false;
    atomic_thread_fence(memory_order_acquire); /* what follows is read after that */
    oc_file_id id = file->id;
    for (size_t at = 0, some; at < n; at += some) {
        if (!oc_pool_enter(&hold, id, off + at))
            return false;
        some = n - at < hold.room ? n - at : hold.room;
        /* The section is held: what the descriptor stands for now, it stood for at some
         * moment of the call. */
        bool ok = oc_fd_is(fd, d) && oc_guard_copy(buf + at, hold.at, some);
        oc_pool_leave(&hold);
        if (!ok)
            return false;
    }
    if (last && !buf[n - 1])
        return false; /* truncated meanwhile */
    oc_hit_count(hold.thread, n);
    if (oc_accounting())
        oc_account_add(file, fd, OC_ACCOUNT_COPIED, n);
    return true;
}

/* ---- lend ---- */

bool oc_serve_lendable(struct oc_desc *d, size_t n)
{
    const struct oc_file *file = atomic_load(&d->file);
    return n >= oc_options.lend_min && oc_options.lend && file && file->rule->lend &&
           !atomic_load(&file->no_lend);
}

/* Once for each change of file or caller: the same place reads again and again. */
static void log_caller(const struct oc_file *file)
{
    static const void *_Atomic last_caller, *_Atomic last_file;
    char text[512];

    if (oc_log_level < OC_LOG_DEBUG)
        return;
    bool same_file = atomic_exchange(&last_file, file) == file;
    if (atomic_exchange(&last_caller, oc_caller_now) == oc_caller_now && same_file)
        return;
    if (*oc_caller_text(text, sizeof text))
        oc_log(OC_LOG_DEBUG, "file %llu:%llu is read by %s", (unsigned long long)file->dev,
               (unsigned long long)file->ino, text);
}

static void tell_refusal(int fd, struct oc_file *file, const struct oc_lend_request *request,
                         const char *why)
{
    uint64_t dev = file ? file->dev : 0, ino = file ? file->ino : 0;

    oc_reasons_count(why);
    if (oc_accounting() && file)
        oc_account_refused(file, fd, why, request->len);
    oc_log(OC_LOG_DEBUG, "file %llu:%llu, descriptor %d: %zu bytes at %llu, shift %u, not lent: %s",
           (unsigned long long)dev, (unsigned long long)ino, fd, request->len,
           (unsigned long long)request->off, oc_image_shift_for(request->buf, request->off), why);
    OC_PROBE(fallback, dev, ino, request->off, request->len, request->buf, why);
}

ssize_t oc_serve_lend(int fd, struct oc_desc *d, void *buf, size_t n, uint64_t off)
{
    const char *why = "closed meanwhile";
    ssize_t got = -1;
    struct oc_file *file = atomic_load(&d->file);
    struct oc_lend_request request = {.file = file, .fd = fd, .buf = buf, .len = n, .off = off};
    if (file) {
        log_caller(file);
        got = oc_lend_read(&request, &why);
    }
    if (got < 0)
        tell_refusal(fd, file, &request, why);
    else
        oc_kept_lent(file, buf, (size_t)got, off);
    return got;
}

/* ---- pread ---- */

enum oc_served oc_serve_pread(int fd, struct oc_desc *d, void *buf, size_t n, int64_t off,
                              ssize_t *result)
{
    if (__builtin_expect(n == 0 || off < 0 || (uint64_t)off > OC_OFFSET_LIMIT, 0))
        return OC_KERNEL;
    if (__builtin_expect(n <= OC_COPY_MAX, 1) && copy(fd, d, buf, n, (uint64_t)off)) {
        *result = (ssize_t)n;
        return OC_SERVED;
    }
    if (!oc_serve_lendable(d, n))
        return OC_KERNEL;
    *result = oc_serve_lend(fd, d, buf, n, (uint64_t)off);
    return *result >= 0 ? OC_SERVED : OC_KERNEL;
}

/* On tmpfs a hole that is looked at through a mapping becomes memory for good, which read()
 * does not make of it. */
static bool has_holes(int fd)
{
    struct stat st;
    return oc_sys_fstat(fd, &st) == 0 && (int64_t)st.st_blocks * 512 < st.st_size;
}

/* Under oc_lock, which all changes to the tables take.  In a vfork child the number may be
 * another file's. */
static bool still_valid(const struct oc_pool_source *source)
{
    const struct oc_desc *d = source->owner;
    const struct oc_file *file = atomic_load(&d->file);
    return oc_fd_is(source->fd, d) && file && file->id == source->id && oc_serve_is_owner() &&
           !(file->kind == OC_FS_TMPFS && has_holes(source->fd));
}

static struct oc_pool_source source_of(int fd, const struct oc_desc *d, const struct oc_file *file)
{
    return (struct oc_pool_source){.id = file->id,
                                   .fd = fd,
                                   .owner = d,
                                   .faults_beyond = file->faults_beyond,
                                   .pins = file->rule->pins,
                                   .hints =
                                       atomic_load_explicit(&file->hints, memory_order_acquire),
                                   .valid = still_valid};
}

void oc_serve_opened(int fd)
{
    struct oc_desc *d = oc_fd_get(fd);
    const struct oc_file *file = d ? atomic_load(&d->file) : NULL;
    if (!file || !file->rule->pins || !file->mappable)
        return;
    struct oc_pool_source source = source_of(fd, d, file);
    oc_pool_pin(&source);
}

/* The file is read through stdio, or its end is reached. */
void oc_serve_kept(int fd, struct oc_desc *d, const void *buf, size_t n, uint64_t end, size_t held)
{
    struct oc_file *file = atomic_load(&d->file);
    if (file)
        oc_kept_read(file, fd, buf, n, end, held);
}

void oc_serve_closing(int fd, struct oc_desc *d)
{
    struct oc_file *file = atomic_load(&d->file);
    if (file)
        oc_kept_close(file, fd);
}

void oc_serve_missed(int fd, struct oc_desc *d, const void *buf, uint64_t off, ssize_t n)
{
    struct oc_file *file = atomic_load(&d->file);
    if (n < 0 || !file)
        return;
    uint64_t end = off == OC_OFFSET_KERNEL ? off : off + (uint64_t)n;
    if (file->follow)
        oc_kept_read(file, fd, buf, (size_t)n, end, 0);
    if (n == 0)
        return;
    COUNT(kernel, (size_t)n);
    OC_PROBE(miss, file->dev, file->ino, off, n);
    if (oc_accounting())
        oc_account_add(file, fd, OC_ACCOUNT_KERNEL, (uint64_t)n);
    bool small = file->mappable && (size_t)n <= OC_COPY_MAX && off != OC_OFFSET_KERNEL &&
                 !atomic_load_explicit(&file->kept, memory_order_relaxed);
    uint32_t misses = small ? oc_run_weight(&file->run, off, (size_t)n, oc_options.section) : 1;
    if (misses == 0 || (misses == 1 && small && oc_pool_overlooks()))
        return;
    oc_learn_missed(fd, file);
    struct oc_pool_source source = source_of(fd, d, file);
    if (small)
        oc_pool_missed(&source, off, (size_t)n, misses);
    if (oc_pool_has_grown())
        oc_learn_store();
}

/* ---- read: the offset is ours ---- */

/* Lent first and claimed afterwards: whoever comes in between (another reader, a fork that
 * hands the offset back) makes the claim fail, and the read is done anew. */
static bool lend_at_ours(int fd, struct oc_desc *d, void *buf, size_t n, uint64_t word,
                         ssize_t *result)
{
    *result = oc_serve_lend(fd, d, buf, n, oc_word_offset(word));
    return *result >= 0 && oc_serve_moved(d, word, (size_t)*result);
}

static enum oc_served read_at_ours(int fd, struct oc_desc *d, void *buf, size_t n, ssize_t *result,
                                   uint64_t *word)
{
    if (oc_word_offset(*word) > OC_OFFSET_LIMIT) {
        oc_fd_release(fd);
        return OC_KERNEL;
    }
    if (n <= OC_COPY_MAX && copy(fd, d, buf, n, oc_word_offset(*word))) {
        *result = (ssize_t)n;
        if (oc_serve_moved(d, *word, n))
            return OC_SERVED;
    } else if (oc_serve_lendable(d, n) && lend_at_ours(fd, d, buf, n, *word, result)) {
        return OC_SERVED;
    }
    *word = atomic_load(&d->word);
    return OC_KERNEL_AT;
}

/* ---- read: the kernel has the offset, and nobody else uses it ---- */

/*
 * Of a FILE, or a writable description.
 *
 * Lent first and claimed afterwards, by lseek, which is as atomic as read: until then
 * nobody can tell that it has begun.  When the offset has moved meanwhile, the bytes that
 * were claimed are others, and are read; what is missing of them at the end of file is given
 * back.
 */
ssize_t oc_serve_lend_at_kernels(int fd, struct oc_desc *d, void *buf, size_t n)
{
    int64_t off = oc_sys_lseek(fd, 0, SEEK_CUR);
    ssize_t lent = off >= 0 ? oc_serve_lend(fd, d, buf, n, (uint64_t)off) : -1;
    if (lent <= 0)
        return -1;
    int64_t end = oc_sys_lseek(fd, lent, SEEK_CUR);
    if (end == off + lent)
        return lent;
    if (end < 0)
        return -1;
    ssize_t got = oc_sys_pread_all(fd, buf, (size_t)lent, (uint64_t)(end - lent));
    if (got < lent)
        oc_sys_lseek(fd, (got > 0 ? got : 0) - lent, SEEK_CUR);
    return got > 0 ? got : -1;
}

enum oc_served oc_serve_read(int fd, struct oc_desc *d, void *buf, size_t n, ssize_t *result,
                             uint64_t *word)
{
    *word = atomic_load_explicit(&d->word, memory_order_acquire);
    if (n == 0)
        return OC_KERNEL;
    if (oc_word_ours(*word))
        return read_at_ours(fd, d, buf, n, result, word);
    oc_fd_stream_ends(d);
    if (!oc_serve_lendable(d, n) || atomic_load(&d->shared))
        return OC_KERNEL;
    *result = oc_serve_lend_at_kernels(fd, d, buf, n);
    return *result > 0 ? OC_SERVED : OC_KERNEL;
}

/* ---- lseek ---- */

bool oc_serve_lseek(int fd, struct oc_desc *d, int64_t off, int whence, int64_t *result)
{
    uint64_t word = atomic_load_explicit(&d->word, memory_order_acquire);
    struct stat st;
    if (!oc_thread_at_home())
        return false;
    while (oc_word_ours(word)) {
        int64_t to = -1, base = 0;
        if (whence == SEEK_CUR)
            base = (int64_t)oc_word_offset(word);
        else if (whence == SEEK_END && oc_sys_fstat(fd, &st) == 0)
            base = st.st_size;
        else if (whence != SEEK_SET)
            break; /* SEEK_DATA, SEEK_HOLE, nonsense */
        if (__builtin_add_overflow(base, off, &to) || (uint64_t)to > OC_SEEK_LIMIT)
            break; /* an error, or far away: the kernel's */
        uint64_t new = (word & ~OC_OFFSET_MASK) | (uint64_t)to;
        if (atomic_compare_exchange_weak(&d->word, &word, new)) {
            *result = to;
            return true;
        }
    }
    oc_fd_release(fd);
    return false;
}

/* ---- life ---- */

void oc_serve_start(void)
{
    owner_pid = oc_sys_pid();
    oc_thread_prepare();
    oc_accounts_open();
    oc_kept_start();
    char path[OC_HOME_PATH];
    struct oc_sweep sweep;
    /* What users that were killed left behind. */
    for (unsigned i = 0; oc_home_candidate(i, path); i++)
        if (oc_home_has_images(path))
            oc_home_sweep(path, false, &sweep, NULL, NULL);
    oc_serving = true;
}

void oc_serve_stop(void)
{
    if (!oc_serving || !oc_serve_is_owner())
        return;
    oc_learn_store();
    oc_fd_shut();
    oc_serving = false;
    oc_lent_look_at_all();
    oc_image_leave_all();
    oc_report();
}

void oc_serve_fork_before(void)
{
    struct oc_lock_state ls;
    if (oc_fd_streams_end)
        oc_fd_streams_end(NULL);
    oc_lock(&ls);
    fork_lock = ls;
    oc_own_replace(OC_OWN_ANY); /* the child shall know all of ours, to close them */
    oc_fd_expose_all_locked();
    oc_image_before_fork();
}

void oc_serve_fork_parent(void)
{
    struct oc_lock_state ls = fork_lock;
    oc_own_replaced();
    oc_starting_done();
    oc_unlock(&ls);
}

void oc_serve_fork_child(void)
{
    owner_pid = oc_sys_pid();
    oc_lock_reset_in_child();
    oc_thread_in_child();
    oc_reasons_in_child();
    oc_file_in_child();
    oc_guard_in_child();
    oc_pool_in_child();
    oc_own_in_child();
    oc_image_in_child();
    oc_kept_start();
    oc_serve_fork_parent();
}
