/*
 * The dry run: the program is run once with the library, which writes down every big read
 * of a matched file.  Meanwhile the mappings of the images are looked at from outside, to
 * see how much of what was lent stays shared.
 */
#include "config.h"
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "doctor_trace.h"
#include "doctor_tell.h"
#include "images.h"
#include "library.h"
#include "outcome.h"
#include "program.h"
#include "sample.h"
#include "settings.h"
#include "tool.h"

/* Two files that the library appends to; gone when they have been read. */
struct papers {
    char folder[64], log[80], report[80];
};

static bool make_papers(struct papers *papers)
{
    const char *dir = getenv("TMPDIR");

    if (!dir || !*dir || strlen(dir) > 32)
        dir = "/tmp";
    snprintf(papers->folder, sizeof papers->folder, "%s/onecopy-check.XXXXXX", dir);
    if (!mkdtemp(papers->folder)) {
        tool_error("%s: %s", papers->folder, strerror(errno));
        return false;
    }
    snprintf(papers->log, sizeof papers->log, "%s/log", papers->folder);
    snprintf(papers->report, sizeof papers->report, "%s/report", papers->folder);
    return true;
}

static void remove_papers(const struct papers *papers)
{
    unlink(papers->log);
    unlink(papers->report);
    rmdir(papers->folder);
}

/* In the child. */
static void become(const struct papers *papers, const char *library, const char *path, char **argv,
                   const char *input)
{
    char level[96];
    int in = open(input ? input : "/dev/null", O_RDONLY);
    int out = open("/dev/null", O_WRONLY);

    settings_export();
    snprintf(level, sizeof level, "debug,%s", papers->log);
    setenv("ONECOPY_LOG", level, 1);
    setenv("ONECOPY_REPORT", papers->report, 1);
    library_preload(library);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(TOOL_NOT_EXECUTABLE);
    _exit(program_exec(path, argv));
}

/* What is lent to the program and its descendants now; keep it when it is the most so far. */
static void look(struct doctor_seen *seen)
{
    struct images images;
    pid_t *pids;
    size_t count = sample_descendants(getpid(), &pids);
    uint64_t lent = 0, copied = 0, allocated = 0;

    images_list(&images);
    for (size_t i = 0; i < count && images.count; i++) {
        struct image_user user;
        images_user(&images, pids[i], &user);
        for (size_t j = 0; j < user.count; j++) {
            lent += user.uses[j].lent;
            copied += user.uses[j].copied;
            allocated += images.list[user.uses[j].image].allocated;
            images.list[user.uses[j].image].allocated = 0; /* counted once */
        }
        images_user_free(&user);
    }
    images_free(&images);
    free(pids);
    if (lent >= seen->lent && lent > 0)
        *seen = (struct doctor_seen){.lent = lent, .copied = copied, .images = allocated};
}

/* Often at first, and never more than a tenth of the time. */
static int watch(pid_t pid, struct doctor_seen *seen)
{
    struct timespec pause = {0, 2000000};
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        look(seen);
        clock_gettime(CLOCK_MONOTONIC, &to);
        long cost = (to.tv_sec - from.tv_sec) * 1000000000L + (to.tv_nsec - from.tv_nsec);
        pause.tv_nsec = pause.tv_nsec * 5 / 4 > 10 * cost ? pause.tv_nsec * 5 / 4 : 10 * cost;
        if (pause.tv_nsec > 200000000)
            pause.tv_nsec = 200000000;
        nanosleep(&pause, NULL);
    }
    return status;
}

static void say_ending(struct doctor *doctor, int status)
{
    char ending[80];

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    outcome_ending(status, ending, sizeof ending);
    doctor_say(doctor, DOCTOR_OBSERVED, DOCTOR_WARNING, "failed",
               "the program did not succeed: %s; what is told here may not be all", ending);
}

static void tell(struct doctor *doctor, const struct papers *papers, const struct doctor_seen *seen)
{
    struct trace trace = {0};
    FILE *log = fopen(papers->log, "a+e"), *report = fopen(papers->report, "a+e");

    if (log)
        trace_log(&trace, log);
    if (log && report)
        doctor_tell(doctor, &trace, report, seen);
    trace_free(&trace);
    if (log)
        fclose(log);
    if (report)
        fclose(report);
}

bool doctor_observe(struct doctor *doctor, const char *path, char **argv, const char *input)
{
    char library[PATH_MAX];
    struct papers papers;
    struct doctor_seen seen = {0};

    if (!library_find(library) || !make_papers(&papers))
        return false;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = fork();
    if (pid == 0)
        become(&papers, library, path, argv, input);
    if (pid < 0)
        tool_error("cannot start a process: %s", strerror(errno));
    else
        say_ending(doctor, watch(pid, &seen));
    if (pid > 0)
        tell(doctor, &papers, &seen);
    remove_papers(&papers);
    return pid > 0;
}
