/*
 * Running a batch: start all instances, sample until the last has ended, keep
 * what each wrote.  What instances write goes to files without a name, so
 * nothing is left over however this ends.  Orphaned descendants come to us
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
#include "library.h"
#include "program.h"
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

static sigset_t awaited, original_mask;
static struct rlimit original_files;

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

/* ---- one instance ---- */

static int nameless_file(void)
{
    const char *dir = getenv("TMPDIR");
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/onecopy-compare.XXXXXX", dir && *dir ? dir : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        tool_error("%s: %s", path, strerror(errno));
    else
        unlink(path);
    return fd;
}

/* In the child: become the instance.  Ends with exit status 127 or 126 like a shell. */
static void become(const struct job *job, bool with, const struct instance *it)
{
    int in = open(job->input ? job->input : "/dev/null", O_RDONLY);

    setpgid(0, 0);
    if (with) {
        settings_export();
        library_preload(job->library);
    } else {
        settings_clear();
        library_unload();
    }
    if (in < 0 || dup2(it->out, 1) < 0 || dup2(it->err, 2) < 0 || dup2(in, 0) < 0)
        _exit(TOOL_NOT_EXECUTABLE);
    if (in > 2)
        close(in);
    setrlimit(RLIMIT_NOFILE, &original_files);
    sigprocmask(SIG_SETMASK, &original_mask, NULL);
    _exit(program_exec(job->path, job->argv));
}

static bool start_instance(const struct job *job, bool with, struct instance *it)
{
    it->out = nameless_file();
    it->err = it->out < 0 ? -1 : nameless_file();
    if (it->err < 0)
        return false;
    it->pid = fork();
    if (it->pid == 0)
        become(job, with, it);
    if (it->pid < 0) {
        tool_error("cannot start a process: %s", strerror(errno));
        return false;
    }
    setpgid(it->pid, it->pid);
    return true;
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

/* How many processes outlive their instances; those just ending get a moment. */
static size_t outlivers(struct batch *batch, double start)
{
    double deadline = now() + 0.3;

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
    fprintf(stderr, "\r%s onecopy: %zu running, %.1f s, %.0f MB \033[K",
            batch->with ? "with" : "without", running, elapsed, (double)pss / 1e6);
}

static void end_progress(void)
{
    if (isatty(2))
        fputs("\r\033[K", stderr);
}

/* One sample; what it cost in seconds. */
static double sample_now(struct batch *batch, size_t running, double began)
{
    double start = now();
    struct sample sample;
    pid_t *pids;
    size_t count = sample_descendants(getpid(), &pids);
    size_t unreadable = sample_take(pids, count, batch->with, &sample);
    uint64_t available = sample_mem_available();

    free(pids);
    sample.at = start - began;
    sample.complete = running == batch->n;
    series_add(&batch->series, &sample);
    if (unreadable > batch->unreadable)
        batch->unreadable = unreadable;
    if (available < batch->available_least)
        batch->available_least = available;
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

/* Until the last instance has ended: 0, or the signal that stopped us. */
static int watch(const struct job *job, struct batch *batch, double start)
{
    double next = 0;
    size_t running;

    while ((running = reap(batch, start)) > 0) {
        double elapsed = now() - start;
        if (elapsed >= next) {
            double cost = sample_now(batch, running, start);
            elapsed = now() - start;
            next = elapsed + pause_after(elapsed, cost, job->interval);
            progress(batch, running, elapsed);
            continue; /* some may have ended while we looked */
        }
        int sig = wait_signal(next - elapsed);
        if (sig > 0 && sig != SIGCHLD)
            return sig;
    }
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

static void prepare(const struct job *job, bool with, struct batch *batch)
{
    struct home_files homes;

    *batch = (struct batch){.with = with, .n = job->n};
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
    struct rlimit all;

    if (done)
        return;
    done = true;
    prepare_signals();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    getrlimit(RLIMIT_NOFILE, &original_files);
    all = original_files;
    all.rlim_cur = all.rlim_max;
    setrlimit(RLIMIT_NOFILE, &all);
}

int batch_run(const struct job *job, bool with, struct batch *batch)
{
    int result = 0;

    prepare_process();
    prepare(job, with, batch);
    double start = now();
    for (size_t i = 0; i < job->n && result == 0; i++)
        if (!start_instance(job, with, &batch->instances[i]))
            result = -1;
    if (result == 0)
        result = watch(job, batch, start);
    end_progress();
    if (result == 0)
        batch->left_running = outlivers(batch, start);
    end_all(batch, start, result != 0);
    return result;
}
