/*
 * Running a batch: start all instances, sample until the last has ended or is to be
 * ended, keep what each wrote.  Orphaned descendants come to us
 * (PR_SET_CHILD_SUBREAPER), so every process of the batch stays below this one
 * and can be found, measured and, at the end, ended.
 */
#include "config.h"
#include "batch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "homes.h"
#include "instance.h"
#include "settings.h"
#include "tool.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* ---- signals: waited for, never handled ---- */

#define GRACE 5 /* seconds in which an instance may end by itself when it is asked to */

static sigset_t awaited, original_mask;

static void prepare_signals(void)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action;

    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        sigaction(stops[i], NULL, &action);
        if (action.sa_handler != SIG_IGN) /* as under nohup: to be ignored here as well */
            sigaddset(&awaited, stops[i]);
    }
    sigprocmask(SIG_BLOCK, &awaited, &original_mask);
}

/* Wait for a signal at most this long; 0 when none came. */
static int wait_signal(double wait)
{
    struct timespec t = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
    int sig = sigtimedwait(&awaited, NULL, &t);
    return sig > 0 ? sig : 0;
}

/* ---- endings ---- */

static void count_usage(struct batch *batch, const struct rusage *usage)
{
    batch->user_seconds += seconds(usage->ru_utime);
    batch->system_seconds += seconds(usage->ru_stime);
    batch->minor_faults += (uint64_t)usage->ru_minflt;
    batch->major_faults += (uint64_t)usage->ru_majflt;
    batch->disk_read += (uint64_t)usage->ru_inblock * 512;
}

static void note_end(struct batch *batch, pid_t pid, int status, const struct rusage *usage,
                     double wall)
{
    count_usage(batch, usage); /* orphans that came to us are part of the batch too */
    for (size_t i = 0; i < batch->n; i++) {
        struct instance *it = &batch->instances[i];
        if (it->pid != pid || it->ended)
            continue;
        it->ended = true;
        it->status = status;
        it->usage = *usage;
        it->wall_seconds = wall;
        batch->wall_seconds = wall;
    }
}

/* Note all that have ended; how many instances are still running. */
static size_t reap(struct batch *batch, double start)
{
    struct rusage usage;
    int status;
    pid_t pid;
    size_t running = 0;

    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
        note_end(batch, pid, status, &usage, now() - start);
    for (size_t i = 0; i < batch->n; i++)
        running += batch->instances[i].pid > 0 && !batch->instances[i].ended;
    return running;
}

/* Send SIG to every process of the batch; how many there are. */
static size_t signal_all(int sig)
{
    pid_t *pids;
    size_t count = sample_descendants(getpid(), &pids);

    for (size_t i = 0; i < count; i++)
        kill(pids[i], sig);
    free(pids);
    return count;
}

/* End whatever is left of the batch: politely for a while when GRACE, then surely. */
static void end_all(struct batch *batch, double start, bool grace)
{
    double deadline = now() + (grace ? 2 : 0);

    if (grace)
        signal_all(SIGTERM);
    for (;;) {
        reap(batch, start);
        if (now() >= deadline ? signal_all(SIGKILL) == 0 : signal_all(0) == 0)
            return;
        wait_signal(0.01);
    }
}

/* How many processes outlive their instances; those just ending get a MOMENT. */
static size_t outlivers(struct batch *batch, double start, double moment)
{
    double deadline = now() + moment;

    for (;;) {
        reap(batch, start);
        size_t left = signal_all(0);
        if (left == 0 || now() >= deadline)
            return left;
        wait_signal(0.01);
    }
}

/* ---- the run ---- */

static void progress(const struct batch *batch, size_t running, double elapsed)
{
    static double shown;
    const struct series *series = &batch->series;
    uint64_t pss = series->count ? series->samples[series->count - 1].pss : 0;

    if (!isatty(2) || (elapsed > 0 && elapsed - shown >= 0 && elapsed - shown < 0.2))
        return;
    shown = elapsed;
    fprintf(stderr, "\r%s onecopy: %zu running, %.1f s, %.0f MB \033[K", batch->side->name, running,
            elapsed, (double)pss / 1e6);
}

static void end_progress(void)
{
    if (isatty(2))
        fputs("\r\033[K", stderr);
}

/* What each instance has, its descendants included, as long as these stay in its process
 * group. */
static struct share *by_instance(const struct batch *batch, const pid_t *pids,
                                 const struct share *each, size_t count)
{
    struct share *shares = calloc(batch->n, sizeof *shares);

    if (!shares)
        abort();
    for (size_t i = 0; i < count; i++) {
        pid_t group = getpgid(pids[i]);
        size_t at = 0;
        while (at < batch->n && batch->instances[at].pid != group)
            at++;
        if (at == batch->n)
            continue;
        shares[at].pss += each[i].pss;
        shares[at].rss += each[i].rss;
        shares[at].private += each[i].private;
    }
    return shares;
}

/* One sample; what it cost in seconds. */
static double sample_now(struct batch *batch, size_t running, double began)
{
    double start = now();
    struct sample sample;
    pid_t *pids;
    size_t count = sample_descendants(getpid(), &pids);
    struct share *each = calloc(count + 1, sizeof *each);
    size_t unreadable = sample_take(pids, count, batch->side->library, &sample, each);
    uint64_t available = sample_mem_available();

    sample.at = start - began;
    sample.complete = running == batch->n;
    series_add(&batch->series, &sample);
    if (sample.complete && moments_wanted(&batch->moments))
        moments_add(
            &batch->moments,
            &(struct moment){.at = sample.at, .shares = by_instance(batch, pids, each, count)});
    if (unreadable > batch->unreadable)
        batch->unreadable = unreadable;
    if (available < batch->available_least)
        batch->available_least = available;
    free(each);
    free(pids);
    return now() - start;
}

/*
 * When to look next: often at first, so that quick programs are seen at all; then at the interval,
 * but never so often that looking takes more than a sixth of one processor's time.
 */
static double pause_after(double elapsed, double cost, unsigned interval)
{
    double pause = interval / 1e3;
    if (elapsed < pause)
        pause = elapsed / 4 + 0.0005;
    return pause > 5 * cost ? pause : 5 * cost;
}

/* ---- instances that are ready, and such that are to be ended ---- */

static void look_who_is_ready(const struct job *job, struct batch *batch, double start)
{
    size_t ready = 0;

    if (!job->until || batch->ready_seconds >= 0)
        return;
    for (size_t i = 0; i < batch->n; i++) {
        struct instance *it = &batch->instances[i];
        if (it->ready_seconds < 0 && instance_has_printed(job, it))
            it->ready_seconds = now() - start;
        ready += it->ready_seconds >= 0;
    }
    if (ready == batch->n)
        batch->ready_seconds = batch->series.steady_from = now() - start;
}

/* When are the instances to be ended?  Seconds since the start; far away when never. */
static double end_of_hold(const struct job *job, const struct batch *batch)
{
    if (job->hold <= 0 || (job->until && batch->ready_seconds < 0))
        return 1e12;
    return job->hold + (job->until ? batch->ready_seconds : 0);
}

/* Until none is running, or SECONDS have passed: 0, or the signal that stopped us. */
static int wait_for_ends(struct batch *batch, double start, double seconds)
{
    double deadline = now() + seconds;

    while (reap(batch, start) > 0 && now() < deadline) {
        int sig = wait_signal(0.01);
        if (sig > 0 && sig != SIGCHLD)
            return sig;
    }
    return 0;
}

/* As a service manager does it. */
static int stop_instances(struct batch *batch, double start)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct instance *it = &batch->instances[i];
        if (it->ended)
            continue;
        it->stopped = true;
        kill(it->pid, SIGTERM);
    }
    int sig = wait_for_ends(batch, start, GRACE);
    for (size_t i = 0; i < batch->n && sig == 0; i++) {
        struct instance *it = &batch->instances[i];
        if (it->ended)
            continue;
        it->killed = true;
        kill(it->pid, SIGKILL);
    }
    return sig ? sig : wait_for_ends(batch, start, 3600);
}

/* How long to wait for the next thing to do, at ELAPSED seconds. */
static double pause_until(const struct job *job, const struct batch *batch, double next,
                          double elapsed)
{
    double until = end_of_hold(job, batch) < next ? end_of_hold(job, batch) : next;
    double pause = until > elapsed ? until - elapsed : 0;

    return job->until && batch->ready_seconds < 0 && pause > 0.01 ? 0.01 : pause;
}

/* Until the last instance has ended: 0, or the signal that stopped us. */
static int watch(const struct job *job, struct batch *batch, double start)
{
    double next = 0;
    size_t running;

    while ((running = reap(batch, start)) > 0) {
        double elapsed = now() - start;
        look_who_is_ready(job, batch, start);
        if (elapsed >= end_of_hold(job, batch))
            return stop_instances(batch, start);
        if (elapsed >= next) {
            double cost = sample_now(batch, running, start);
            elapsed = now() - start;
            next = elapsed + pause_after(elapsed, cost, job->interval);
            progress(batch, running, elapsed);
            continue; /* some may have ended while we looked */
        }
        int sig = wait_signal(pause_until(job, batch, next, elapsed));
        if (sig > 0 && sig != SIGCHLD)
            return sig;
    }
    look_who_is_ready(job, batch, start);
    return 0;
}

/* Memory that an earlier batch freed takes a moment to be counted as available. */
static uint64_t settled_available(void)
{
    uint64_t last = sample_mem_available();

    for (int i = 0; i < 20; i++) {
        usleep(50000);
        uint64_t available = sample_mem_available();
        if (available < last + 500000)
            return available;
        last = available;
    }
    return last;
}

uint64_t batch_max_rss(const struct batch *batch)
{
    uint64_t most = 0;

    for (size_t i = 0; i < batch->n; i++) {
        uint64_t rss = (uint64_t)batch->instances[i].usage.ru_maxrss * 1024;
        most = rss > most ? rss : most;
    }
    return most;
}

void batch_close(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct instance *it = &batch->instances[i];
        close(it->out);
        close(it->err);
        it->out = it->err = -1;
    }
}

/* Somebody who wants reports gets them, and no accounts are kept. */
static struct served_table *begin_accounts(const struct job *job, const struct side *side)
{
    const char *report = settings_get("ONECOPY_REPORT");
    return side->library && !(report && *report) ? served_begin(job->n) : NULL;
}

static void end_accounts(struct served_table *table, struct batch *batch)
{
    pid_t *groups = calloc(batch->n + 1, sizeof *groups);

    if (!groups)
        abort();
    for (size_t i = 0; i < batch->n; i++)
        groups[i] = batch->instances[i].pid;
    served_end(table, groups, batch->n, &batch->served);
    free(groups);
}

/* Processes that die of a signal leave their images; the next with the library would do this. */
static void remove_unused_images(void)
{
    char path[OC_HOME_PATH];
    struct oc_sweep sweep;

    for (unsigned i = 0; oc_home_candidate(i, path); i++)
        oc_home_sweep(path, false, &sweep, NULL, NULL);
}

static void prepare(const struct job *job, const struct side *side, struct batch *batch)
{
    struct home_files homes;

    *batch = (struct batch){.side = side, .n = job->n, .ready_seconds = -1};
    batch->instances = calloc(job->n, sizeof *batch->instances);
    if (!batch->instances)
        abort();
    homes_list(&homes);
    batch->images_before = homes.allocated;
    homes_free(&homes);
    batch->available_before = batch->available_least = settled_available();
}

static void prepare_process(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    prepare_signals();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    instance_prepare(&original_mask);
}

/* Did all print what was waited for? */
static bool were_ready(const struct job *job, const struct batch *batch)
{
    size_t ready = 0;

    for (size_t i = 0; i < batch->n; i++)
        ready += batch->instances[i].ready_seconds >= 0;
    if (!job->until || ready == batch->n)
        return true;
    tool_error("%s: %zu of %zu instances ended without having printed '%s'", batch->side->name,
               batch->n - ready, batch->n, job->until);
    return false;
}

static int start_and_watch(const struct job *job, const char *report, struct batch *batch,
                           double start)
{
    for (size_t i = 0; i < job->n; i++)
        if (!instance_start(job, batch->side, report, &batch->instances[i]))
            return -1;
    return watch(job, batch, start);
}

int batch_run(const struct job *job, const struct side *side, struct batch *batch)
{
    prepare_process();
    prepare(job, side, batch);
    struct served_table *table = begin_accounts(job, side);
    double start = now();
    int result = start_and_watch(job, table ? served_report(table) : NULL, batch, start);
    end_progress();
    if (result == 0 && job->hold > 0)
        signal_all(SIGTERM);
    if (result == 0)
        batch->left_running = outlivers(batch, start, job->hold > 0 ? 2 : 0.3);
    end_all(batch, start, result != 0);
    end_accounts(table, batch);
    if (side->library)
        remove_unused_images();
    return result == 0 && !were_ready(job, batch) ? -1 : result;
}
