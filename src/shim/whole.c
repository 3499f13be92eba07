#include "shim/whole.h"

#include <sys/resource.h>

#include "base/guard.h"
#include "base/lock.h"
#include "base/options.h"
#include "base/sys.h"
#include "base/thread.h"
#include "hit.h"

/* Of a FILE's _flags; part of glibc's ABI. */
enum {
    IO_USER_BUF = 0x1,
    IO_UNBUFFERED = 0x2,
    IO_NO_WRITES = 0x8,
    IO_EOF_SEEN = 0x10,
    IO_ERR_SEEN = 0x20,
    IO_DELETE_DONT_CLOSE = 0x40, /* made by fdopen */
    IO_IN_BACKUP = 0x100,        /* what was pushed back is read first, from another buffer */
    IO_LINE_BUF = 0x200,
    IO_CURRENTLY_PUTTING = 0x800,
    IO_IS_APPENDING = 0x1000,
    IO_USER_LOCK = 0x8000, /* __fsetlocking: whoever uses it keeps others out */
};

#define UNKNOWN ((off64_t)-1) /* stdio's, for _offset */

/* Once a stream has been sought in so often it is worth a mapping, and after so many times in
 * the state that were worth nothing it is not. */
enum { SEEKS = 8, VAIN = 4, SERVED = 4, STREAMS = 64 };

/*
 * Of one stream.  Records stay where they are: another thread may look at one that it has found
 * in a description, and has not locked yet, when it is the next stream's already.
 */
struct oc_whole {
    FILE *_Atomic f; /* NULL: free; changed under oc_lock */
    struct oc_desc *d;
    int fd;
    int pid;                  /* of the process that it was prepared in */
    const void *_Atomic user; /* the thread that was here last */
    _Atomic int tid;          /* its number; 0: unknown */
    atomic_bool unwanted;     /* that thread is to end it, when it comes here again */
    char *map;                /* of the file, or as good as */
    size_t size;
    char *expected; /* where we have left the pointer; elsewhere: somebody else has read */
    /* The stream's own buffer, to which it returns; meanwhile it holds these bytes of the file. */
    char *buf, *buf_end;
    bool user_buf;
    size_t from, to;
    size_t last; /* where the last read ended; none since the seek: SIZE_MAX */
    unsigned served, vain;
    bool busy; /* its owner is at work: not to be touched by a signal handler's call */
};

_Atomic unsigned oc_wholes;
static struct oc_whole streams[STREAMS];
/* What is mapped would be locked, and so read, or count against a limit: no more of it. */
static atomic_bool given_up;
static __thread char self __attribute__((tls_model("initial-exec")));

static bool is_in(const struct oc_whole *w, const FILE *f)
{
    return f->_IO_buf_base == w->map;
}

/* As libc's own getc: with one thread there is nobody to be kept out. */
static bool lock(FILE *f)
{
    if (&__libc_single_threaded && __libc_single_threaded)
        return false;
    flockfile(f);
    return true;
}

static void unlock(FILE *f, bool locked)
{
    if (locked)
        funlockfile(f);
}

static struct oc_desc *desc_of(const FILE *f)
{
    struct oc_desc *d = OC_ACTIVE() ? oc_fd_get(f->_fileno) : NULL;
    return d && oc_thread_at_home() ? d : NULL;
}

static struct oc_whole *whole_of(struct oc_desc *d, const FILE *f)
{
    struct oc_whole *w = atomic_load_explicit(&d->stream, memory_order_acquire);
    return w && atomic_load_explicit(&w->f, memory_order_acquire) == f ? w : NULL;
}

/* ---- whose it is ---- */

static void used_by_us(struct oc_whole *w)
{
    const struct oc_thread *t = oc_thread_self;
    int tid = t ? atomic_load_explicit(&t->tid, memory_order_relaxed) : 0;
    if (atomic_load_explicit(&w->user, memory_order_relaxed) != &self ||
        atomic_load_explicit(&w->tid, memory_order_relaxed) != tid) {
        atomic_store(&w->tid, tid);
        atomic_store(&w->user, &self);
    }
}

static bool is_used_by(const struct oc_whole *w, const void *thread)
{
    return atomic_load_explicit(&w->user, memory_order_relaxed) == thread;
}

/*
 * May another thread be in the middle of it?  It need not lock what is its alone, and compilers put
 * getc_unlocked into programs: so nobody else touches its stream.  Where the pointer has been moved
 * in that way, nobody knows by whom: the thread that was here last may have passed the stream on.
 */
static bool is_anothers(const struct oc_whole *w, const FILE *f)
{
    if (&__libc_single_threaded && __libc_single_threaded)
        return false;
    if (is_in(w, f) && f->_IO_read_ptr != w->expected)
        return true;
    if (is_used_by(w, &self))
        return false;
    int tid = atomic_load(&w->tid);
    return tid == 0 || OC_SYS_3(SYS_tgkill, oc_sys_pid(), tid, 0) == 0;
}

/* ---- leaving ---- */

static void set_buffer(FILE *f, char *from, char *at, char *end)
{
    f->_IO_read_base = from;
    f->_IO_read_ptr = at;
    f->_IO_read_end = end;
    f->_IO_write_base = f->_IO_write_ptr = f->_IO_write_end = f->_IO_buf_base;
}

/* Where the stream stands in the file, what was pushed back aside. */
static off64_t position(const struct oc_whole *w, const FILE *f)
{
    bool backup = f->_flags & IO_IN_BACKUP;
    const char *at = backup ? f->_IO_save_base : f->_IO_read_ptr;
    const char *end = backup ? f->_IO_save_end : f->_IO_read_end;
    off64_t kernels = f->_offset != UNKNOWN ? f->_offset : oc_sys_lseek(w->fd, 0, SEEK_CUR);
    return kernels - (end - at);
}

/* What _IO_new_file_seekoff does for a place beyond the buffer: the aligned block, read up to its
 * end. */
static void seek_as_stdio(const struct oc_whole *w, FILE *f, off64_t to)
{
    size_t room = (size_t)(w->buf_end - w->buf);
    off64_t block = to & ~(off64_t)(room - 1);
    if (to - block > (off64_t)room)
        block = to;
    ssize_t got = to > block ? oc_sys_pread(w->fd, w->buf, room, (uint64_t)block) : 0;
    if (got <= to - block) {
        block = to;
        got = 0;
    }
    set_buffer(f, w->buf, w->buf + (to - block), w->buf + got);
    f->_offset = oc_sys_lseek(w->fd, block + got, SEEK_SET);
}

static void leave(struct oc_whole *w, FILE *f)
{
    if (!is_in(w, f))
        return;
    w->busy = true;
    off64_t at = position(w, f);
    f->_IO_buf_base = w->buf;
    f->_IO_buf_end = w->buf_end;
    if (!w->user_buf)
        f->_flags &= ~IO_USER_BUF;
    if (!oc_fd_is(w->fd, w->d)) {
        set_buffer(f, w->buf, w->buf, w->buf); /* another file's number by now */
        f->_offset = UNKNOWN;
    } else if (f->_flags & IO_IN_BACKUP) {
        f->_IO_save_base = f->_IO_save_end = w->buf;
        f->_offset = oc_sys_lseek(w->fd, at, SEEK_SET);
    } else {
        seek_as_stdio(w, f, at);
    }
    w->vain = w->served < SERVED ? w->vain + 1 : 0;
    w->busy = false;
}

/* Under oc_lock. */
static void drop(struct oc_whole *w)
{
    if (atomic_load(&w->d->stream) == w) {
        atomic_store(&w->d->stream, NULL);
        w->d->seeks = UINT8_MAX; /* never again */
    }
    oc_sys_munmap(w->map, (size_t)oc_page_up(w->size));
    atomic_fetch_sub(&oc_wholes, 1);
    atomic_store(&w->f, NULL);
}

/* The stream is locked. */
static void end(struct oc_whole *w, FILE *f)
{
    struct oc_lock_state ls;
    leave(w, f);
    oc_lock(&ls);
    drop(w);
    oc_unlock(&ls);
}

void oc_whole_leave_now(FILE *f)
{
    struct oc_desc *d = desc_of(f);
    struct oc_whole *w = d ? whole_of(d, f) : NULL;
    if (!w || !is_in(w, f))
        return;
    flockfile(f);
    w = whole_of(d, f);
    if (w && atomic_load(&w->unwanted))
        end(w, f);
    else if (w)
        leave(w, f);
    funlockfile(f);
}

void oc_whole_end_now(FILE *f)
{
    flockfile(f);
    for (unsigned i = 0; i < STREAMS; i++) {
        if (atomic_load(&streams[i].f) == f && oc_serve_is_owner())
            end(&streams[i], f);
    }
    funlockfile(f);
}

/*
 * Locked, if it can be: who has locked it is at work, and nobody can tell what its offset is just
 * now.  What a thread had locked while another forked is in the child as it was in the middle of
 * that, and its offset is still that thread's: it is left alone there.  Under oc_lock.
 */
static FILE *try_to_lock(struct oc_whole *w)
{
    FILE *f = atomic_load(&w->f);
    if (f && w->pid == oc_sys_pid() && is_anothers(w, f)) {
        atomic_store(&w->unwanted, true);
        return NULL;
    }
    return f && w->pid == oc_sys_pid() && !w->busy && ftrylockfile(f) == 0 ? f : NULL;
}

static void all(bool (*wanted)(const struct oc_whole *w, const void *what), const void *what,
                void (*then)(struct oc_whole *w, FILE *f))
{
    struct oc_lock_state ls;
    if (!atomic_load(&oc_wholes) || !oc_serve_is_owner())
        return;
    for (unsigned i = 0; i < STREAMS; i++) {
        oc_lock(&ls);
        struct oc_whole *w = &streams[i];
        FILE *f = atomic_load(&w->f) && wanted(w, what) ? try_to_lock(w) : NULL;
        oc_unlock(&ls);
        if (f) {
            then(w, f);
            funlockfile(f);
        }
    }
}

static bool is_of(const struct oc_whole *w, const void *d)
{
    return w->d == d;
}

static bool is_any(const struct oc_whole *w, const void *unused)
{
    (void)w, (void)unused;
    return true;
}

/* Of a stream that another thread uses nobody can tell where its descriptor stands, with stdio
 * either; and that thread need not lock what is its alone (getc_unlocked). */
void oc_whole_end_all(const struct oc_desc *only)
{
    if (only)
        all(is_of, only, end);
    else
        all(is_used_by, &self, end);
}

void oc_whole_leave_all_now(void)
{
    all(is_used_by, &self, leave);
}

void oc_whole_give_up(void)
{
    atomic_store(&given_up, true);
    all(is_any, NULL, end);
}

/* ---- entering ---- */

/* libc's own functions serve it, and not those for cookies, memory or wide characters. */
static bool is_files(const FILE *f)
{
    static const void *files;
    const void *functions;
    if (!files)
        files = dlsym(RTLD_NEXT, "_IO_file_jumps");
    memcpy(&functions, (const char *)f + sizeof *f, sizeof functions);
    return files && functions == files && f->_vtable_offset == 0;
}

/* Is it one of ours, opened by name to be read, with bytes in a buffer of its own? */
static bool is_plain(const FILE *f)
{
    const int not = IO_UNBUFFERED | IO_LINE_BUF | IO_IN_BACKUP | IO_CURRENTLY_PUTTING |
                    IO_IS_APPENDING | IO_DELETE_DONT_CLOSE | IO_ERR_SEEN | IO_USER_LOCK;
    return (f->_flags & (not | IO_NO_WRITES)) == IO_NO_WRITES && f->_mode < 0 &&
           !(f->_flags2 & OC_IO_MMAP) && !f->_IO_save_base && !f->_markers && f->_IO_buf_base &&
           f->_IO_buf_end - f->_IO_buf_base > 1;
}

/* Only who cannot change, and nobody else has. */
static bool may_enter(struct oc_desc *d)
{
    const struct oc_file *file = atomic_load(&d->file);
    return file && file->fixed && file->mappable && !file->follow && !atomic_load(&d->shared) &&
           !oc_word_ours(atomic_load(&d->word)) && !atomic_load(&given_up);
}

static bool enter(struct oc_whole *w, FILE *f)
{
    if (w->vain >= VAIN || !may_enter(w->d) || !is_plain(f))
        return false;
    off64_t at = position(w, f);
    if (at < 0 || (uint64_t)at > w->size || oc_sys_lseek(w->fd, (int64_t)w->size, SEEK_SET) < 0)
        return false;
    w->user_buf = f->_flags & IO_USER_BUF;
    w->buf = f->_IO_buf_base;
    w->buf_end = f->_IO_buf_end;
    w->from = w->to = w->served = 0;
    f->_IO_buf_base = w->map;
    f->_IO_buf_end = w->map + w->size;
    f->_flags |= IO_USER_BUF; /* never to be freed */
    set_buffer(f, w->map, w->map + at, w->map + w->size);
    f->_offset = (off64_t)w->size;
    w->expected = f->_IO_read_ptr;
    return true;
}

/* A limit on address space is meant for the program. */
static bool has_space(uint64_t size)
{
    struct rlimit limit;
    if (sizeof(void *) == 4 && size > (64u << 20))
        return false;
    return OC_SYS_4(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit) == 0 &&
           limit.rlim_cur == RLIM_INFINITY;
}

/* With no rights at first, so that nothing of it is populated where future mappings are locked. */
static char *map(int fd, uint64_t size)
{
    size_t bytes = (size_t)oc_page_up(size);
    char *at =
        has_space(size) ? oc_sys_mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE, fd, 0) : (void *)-1L;
    if (oc_sys_failed(at))
        return NULL;
    if (OC_SYS_3(SYS_mprotect, at, bytes, PROT_READ) != 0) {
        oc_sys_munmap(at, bytes);
        return NULL;
    }
    return at;
}

/* Under oc_lock. */
static struct oc_whole *enlist(FILE *f, struct oc_desc *d, char *at, size_t size)
{
    struct oc_whole *w = streams;
    while (w < streams + STREAMS && atomic_load(&w->f))
        w++;
    if (w == streams + STREAMS || !oc_fd_is(f->_fileno, d))
        return NULL;
    w->d = d;
    w->fd = f->_fileno;
    w->pid = oc_sys_pid();
    used_by_us(w);
    atomic_store(&w->unwanted, false);
    w->map = at;
    w->size = size;
    w->vain = w->served = 0;
    w->busy = false;
    atomic_store_explicit(&w->f, f, memory_order_release);
    atomic_fetch_add(&oc_wholes, 1);
    atomic_store_explicit(&d->stream, w, memory_order_release);
    return w;
}

static struct oc_whole *prepare(FILE *f, struct oc_desc *d)
{
    struct oc_lock_state ls;
    d->seeks = UINT8_MAX; /* whatever comes of it, once is enough */
    if (!may_enter(d) || !is_plain(f) || !is_files(f))
        return NULL;
    size_t size = (size_t)atomic_load(&d->file)->fixed;
    char *at = map(f->_fileno, size);
    if (!at)
        return NULL;
    oc_lock(&ls);
    struct oc_whole *w = enlist(f, d, at, size);
    oc_unlock(&ls);
    if (!w)
        oc_sys_munmap(at, (size_t)oc_page_up(size));
    return w;
}

/* ---- seeking ---- */

static bool target(const struct oc_whole *w, const FILE *f, off64_t off, int whence, size_t *to)
{
    off64_t base = whence == SEEK_CUR ? f->_IO_read_ptr - w->map : 0;
    if (whence == SEEK_END)
        base = (off64_t)w->size;
    else if (whence != SEEK_SET && whence != SEEK_CUR)
        return false;
    if (__builtin_add_overflow(base, off, &off) || off < 0 || (uint64_t)off >= w->size)
        return false;
    *to = (size_t)off;
    return true;
}

/* Is the stream as we have left it?  Where somebody has read from the mapping, it is none of ours
 * any more. */
static bool is_as_left(struct oc_whole *w, FILE *f)
{
    if (f->_IO_read_ptr == w->expected && f->_IO_read_end == w->map + w->size &&
        f->_offset == (off64_t)w->size && !atomic_load(&w->unwanted) &&
        !(f->_flags & (IO_IN_BACKUP | IO_USER_LOCK)) && !f->_IO_save_base)
        return true;
    end(w, f);
    return false;
}

static bool seek_locked(FILE *f, struct oc_desc *d, off64_t off, int whence)
{
    size_t to;
    struct oc_whole *w = whole_of(d, f);
    if (!w)
        w = d->seeks == SEEKS ? prepare(f, d) : NULL;
    if (w && !is_in(w, f) && atomic_load(&w->unwanted)) {
        end(w, f);
        return false;
    }
    if (!w || (!is_in(w, f) && !enter(w, f)) || !is_as_left(w, f))
        return false;
    if (!target(w, f, off, whence, &to)) {
        leave(w, f);
        return false;
    }
    w->busy = true;
    used_by_us(w);
    f->_flags &= ~IO_EOF_SEEN;
    f->_IO_read_base = w->map;
    f->_IO_read_ptr = w->expected = w->map + to;
    w->last = SIZE_MAX;
    w->busy = false;
    oc_hit_prefetch(d, to);
    return true;
}

bool oc_whole_seek(FILE *f, off64_t off, int whence)
{
    struct oc_desc *d = desc_of(f);
    if (!d || (d->seeks == UINT8_MAX && !atomic_load_explicit(&d->stream, memory_order_relaxed)))
        return false;
    bool locked = lock(f);
    if (d->seeks < SEEKS)
        d->seeks++;
    bool done = seek_locked(f, d, off, whence);
    unlock(f, locked);
    return done;
}

/* ---- reading ---- */

static bool from_pool(const struct oc_whole *w, char *to, size_t n, size_t at)
{
    struct oc_section *s = oc_hit(oc_fd_entry_of(w->fd), w->d, to, n, at);
    if (!oc_hit_is(s))
        return false;
    if (oc_pool_is_unusual(s))
        oc_pool_left(s, n);
    return true;
}

/* Not by libc's pread: nobody is to be cancelled while the stream is locked. */
static bool from_file(const struct oc_whole *w, char *to, size_t n, size_t at)
{
    ssize_t got;
    if (n < oc_options.lend_min &&
        oc_serve_pread(w->fd, w->d, to, n, (int64_t)at, &got) == OC_SERVED)
        return got == (ssize_t)n;
    got = oc_sys_pread(w->fd, to, n, at);
    if (got >= 0)
        oc_serve_missed(w->fd, w->d, to, at, got);
    return got == (ssize_t)n;
}

/* N bytes at AT into the stream's own buffer. */
static bool fill(struct oc_whole *w, size_t at, size_t n)
{
    w->from = w->to = 0;
    if (!from_pool(w, w->buf, n, at) && !from_file(w, w->buf, n, at))
        return false;
    w->from = at;
    w->to = at + n;
    return true;
}

static bool from_buffer(struct oc_whole *w, char *to, size_t n, size_t at)
{
    if (at < w->from || at + n > w->to)
        return false;
    memcpy(to, w->buf + (at - w->from), n);
    return true;
}

/*
 * Of the reads after a seek, the first is copied from the pool as it is.  Those that go on from
 * there are likely to go on: they come from the stream's own buffer, as with stdio.  What is not in
 * the pool is read by the block that stdio would read.
 */
static bool get(struct oc_whole *w, char *to, size_t n, size_t at)
{
    size_t room = (size_t)(w->buf_end - w->buf);
    bool goes_on = at == w->last;
    w->last = at + n;
    if (from_buffer(w, to, n, at) || (!goes_on && from_pool(w, to, n, at)))
        return true;
    size_t block = goes_on ? at : at & ~(room - 1);
    size_t end_of_block = w->size - block < room ? w->size : block + room;
    if (at + n <= end_of_block && fill(w, block, end_of_block - block))
        return from_buffer(w, to, n, at);
    return from_file(w, to, n, at);
}

static bool read_locked(void *buf, size_t bytes, FILE *f)
{
    struct oc_desc *d = desc_of(f);
    struct oc_whole *w = d ? whole_of(d, f) : NULL;
    if (!w || !is_in(w, f) || !is_as_left(w, f))
        return false;
    size_t at = (size_t)(f->_IO_read_ptr - w->map);
    w->busy = true;
    used_by_us(w);
    bool done = bytes && bytes <= w->size - at && bytes < oc_options.lend_min &&
                bytes <= OC_COPY_MAX && !oc_shim_may_be_cancelled() && get(w, buf, bytes, at);
    if (done) {
        f->_IO_read_ptr = w->expected = w->map + at + bytes;
        w->served++;
    }
    w->busy = false;
    if (!done)
        leave(w, f);
    return done;
}

bool oc_whole_read(void *buf, size_t bytes, FILE *f)
{
    struct oc_desc *d = desc_of(f);
    struct oc_whole *w = d ? whole_of(d, f) : NULL;
    if (!w || !is_in(w, f))
        return false;
    bool locked = lock(f);
    bool done = read_locked(buf, bytes, f);
    unlock(f, locked);
    return done;
}
