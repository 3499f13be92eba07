#include "image/kept.h"

#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "file/description.h"
#include "image/adopt.h"
#include "image/find.h"
#include "image/lent.h"

#define FIRST_LOOK ((uint64_t)1 << 20)
#define STEP       ((uint64_t)4 << 20) /* so much a process holds twice in the meantime */
#define GAP        ((uint64_t)1 << 20) /* served from sections, or skipped */

enum { RUNS = 4, TRIES = 4, STEPS = 4 /* fewer reads are no small steps */ };

/* One file that is read from front to back. */
struct run {
    oc_file_id file; /* 0: free */
    unsigned tries;  /* looks in a row that found nothing */
    unsigned reads;
    uint64_t from, at;
    uint64_t pending; /* read since AT was known */
    uint64_t done;    /* up to here given to the image */
    uint64_t next;    /* when AT is there, look */
    uintptr_t base;   /* where byte 0 would be; 0: not known */
    uintptr_t direct; /* where it would be if the last read went to where its bytes stay */
    bool is_direct;   /* the one before said the same */
};

static struct run runs[RUNS];
static unsigned next_run;
static int owner_pid;     /* a vfork child shares the memory, but not its descriptors */
static _Atomic bool busy; /* of another thread, or the one a signal handler has interrupted */

static struct run *run_of(oc_file_id id, bool make)
{
    for (unsigned i = 0; i < RUNS; i++)
        if (runs[i].file == id)
            return &runs[i];
    if (!make)
        return NULL;
    next_run = (next_run + 1) % RUNS;
    runs[next_run] = (struct run){.file = id, .next = UINT64_MAX, .at = UINT64_MAX};
    return &runs[next_run];
}

/* The last N bytes read end at END and went to BUF. */
static void follow(struct run *r, uintptr_t buf, size_t n, uint64_t end)
{
    uint64_t start = end > r->pending ? end - r->pending : 0;
    uintptr_t direct = buf - (uintptr_t)(end - n);

    if (r->at == UINT64_MAX || start < r->at || start - r->at > GAP) {
        r->from = r->done = start;
        r->next = start + FIRST_LOOK;
        r->base = 0;
        if (r->at != UINT64_MAX)
            r->reads = 1;
    }
    r->at = end;
    r->pending = 0;
    if (n == 0)
        return;
    r->is_direct = direct == r->direct;
    r->direct = direct;
}

/* So much memory is searched for LEN bytes: it takes a small part of the time that reading
 * them took.  What was made last is looked at first. */
static uint64_t budget(uint64_t len)
{
    return ((uint64_t)8 << 20) + len / 2;
}

/* Samples that lie right may belong to a copy that is about to go: so a look costs little
 * and is soon repeated, up to a limit. */
static bool look_for(struct run *r, int fd, uint64_t to)
{
    uintptr_t base = r->base;
    /* What is lent already, and has moved with its block, is not searched. */
    uint64_t from = to - r->done >= FIRST_LOOK / 4 ? r->done : r->from;

    if (r->is_direct && r->direct != base)
        base = r->direct;
    else if (!oc_sys_single_threaded() || !oc_find_kept(fd, from, to, budget(to - from), &base) ||
             base == r->base)
        return false;
    r->base = base;
    r->done = r->from;
    return true;
}

/* In steps: so much is there twice, and so long signals wait. */
static bool adopt(struct run *r, struct oc_file *file, int fd, uint64_t to)
{
    uint64_t before = r->done, end, done;

    if (!r->base)
        return false;
    for (; r->done < to; r->done = done) {
        end = to - r->done < STEP ? to : r->done + STEP;
        done = oc_adopt(file, fd, r->base, r->done, end);
        if (done == r->done)
            break;
    }
    return r->done > before;
}

/* Everything up to TO has reached its place. */
static bool give_to_image(struct run *r, struct oc_file *file, int fd, uint64_t to)
{
    for (int i = 0; i < 3; i++) {
        if (adopt(r, file, fd, to))
            return true;
        if (!look_for(r, fd, to))
            return false;
    }
    return false;
}

static void look(struct run *r, struct oc_file *file, int fd, uint64_t to)
{
    if (r->reads < STEPS || to <= r->done || to - r->done < oc_options.lend_min / 2 ||
        oc_sys_pid() != owner_pid)
        return;
    if (give_to_image(r, file, fd, to)) {
        r->tries = 0;
        r->next = r->at + STEP;
        atomic_store_explicit(&file->kept, true, memory_order_relaxed);
    } else {
        r->next = r->at + (STEP << 2 * r->tries);
        if (++r->tries == TRIES)
            atomic_store_explicit(&file->not_kept, true, memory_order_relaxed);
    }
}

static bool wanted(struct oc_file *file)
{
    return file->follow && !atomic_load_explicit(&file->not_kept, memory_order_relaxed) &&
           !atomic_exchange_explicit(&busy, true, memory_order_acquire);
}

static void leave(void)
{
    atomic_store_explicit(&busy, false, memory_order_release);
}

void oc_kept_read(struct oc_file *file, int fd, const void *buf, size_t n, uint64_t end,
                  size_t held)
{
    struct run *r;

    if (!wanted(file))
        return;
    r = run_of(file->id, n != 0);
    if (r) {
        bool known = end != OC_OFFSET_KERNEL;

        r->pending += n;
        r->reads++;
        if (!known && (n == 0 || r->pending >= FIRST_LOOK)) {
            int64_t at = oc_sys_lseek(fd, 0, SEEK_CUR);

            known = at >= (int64_t)held;
            end = (uint64_t)at - held;
        }
        if (known) {
            follow(r, (uintptr_t)buf, n, end);
            /* What came last may still be in the buffer alone. */
            if (n == 0 || r->at >= r->next)
                look(r, file, fd, r->is_direct || n == 0 ? r->at : r->at - n);
        }
    }
    leave();
}

void oc_kept_lent(struct oc_file *file, const void *buf, size_t n, uint64_t off)
{
    uintptr_t base = (uintptr_t)buf - (uintptr_t)off;
    struct run *r;

    if (!wanted(file))
        return;
    r = run_of(file->id, true);
    if (r->at != off || (r->base && r->base != base))
        r->from = off;
    r->base = base;
    r->at = r->done = off + n;
    r->next = r->at + STEP;
    r->pending = 0;
    leave();
}

/* What was lent is no longer there, so if it was kept then by copying. */
static void start_anew(struct run *r)
{
    if (r->base && r->done > r->from && !oc_lent_end((void *)(r->base + (r->from + r->done) / 2))) {
        r->base = 0;
        r->done = r->from;
        r->reads = STEPS;
    }
}

void oc_kept_close(struct oc_file *file, int fd)
{
    struct run *r;

    if (!wanted(file))
        return;
    r = run_of(file->id, false);
    if (r && r->at != UINT64_MAX) {
        start_anew(r);
        if (r->at + r->pending - r->from >= FIRST_LOOK)
            look(r, file, fd, r->at + r->pending);
        r->file = 0;
        atomic_store_explicit(&file->kept, false, memory_order_relaxed);
    }
    leave();
}

void oc_kept_start(void)
{
    owner_pid = oc_sys_pid();
    leave();
}
