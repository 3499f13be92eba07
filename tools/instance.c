/*
 * Instances: instance.h.  What they write goes to files without a name, so nothing is left over
 * however this ends.
 */
#include "config.h"
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"
#include "program.h"
#include "settings.h"
#include "tool.h"

static sigset_t original_mask;
static struct rlimit original_files;

void instance_prepare(const sigset_t *mask)
{
    struct rlimit all;

    original_mask = *mask;
    getrlimit(RLIMIT_NOFILE, &original_files);
    all = original_files;
    all.rlim_cur = all.rlim_max;
    setrlimit(RLIMIT_NOFILE, &all);
}

/* ---- its start ---- */

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

static void set_environment(const struct job *job, const struct side *side, const char *report)
{
    if (!side->library) {
        settings_clear();
        library_unload();
        return;
    }
    settings_export();
    if (report)
        setenv("ONECOPY_REPORT", report, 1);
    library_preload(job->library);
}

/* In the child: become the instance.  Ends with exit status 127 or 126 like a shell. */
static void become(const struct job *job, const struct side *side, const char *report,
                   const struct instance *it)
{
    int in = open(job->input ? job->input : "/dev/null", O_RDONLY);

    setpgid(0, 0);
    set_environment(job, side, report);
    if (in < 0 || dup2(it->out, 1) < 0 || dup2(it->err, 2) < 0 || dup2(in, 0) < 0)
        _exit(TOOL_NOT_EXECUTABLE);
    if (in > 2)
        close(in);
    setrlimit(RLIMIT_NOFILE, &original_files);
    sigprocmask(SIG_SETMASK, &original_mask, NULL);
    _exit(program_exec(job->path, job->argv));
}

bool instance_start(const struct job *job, const struct side *side, const char *report,
                    struct instance *it)
{
    it->ready_seconds = -1;
    it->out = nameless_file();
    it->err = it->out < 0 ? -1 : nameless_file();
    if (it->err < 0)
        return false;
    it->pid = fork();
    if (it->pid == 0)
        become(job, side, report, it);
    if (it->pid < 0) {
        tool_error("cannot start a process: %s", strerror(errno));
        return false;
    }
    setpgid(it->pid, it->pid);
    return true;
}

/* ---- what it prints ---- */

/* LEN bytes of output: is a line, or what there is of the last, a match?  *whole: how many of
 * them are whole lines. */
static bool search(const regex_t *regex, char *text, size_t len, size_t *whole)
{
    char *line = text;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '\n') {
            if (text[i] == '\0')
                text[i] = ' ';
            continue;
        }
        text[i] = '\0';
        if (regexec(regex, line, 0, NULL, 0) == 0)
            return true;
        if (i < len)
            line = text + i + 1;
    }
    *whole = (size_t)(line - text);
    return false;
}

static bool has_printed(const regex_t *regex, int fd, off_t *looked)
{
    static char text[65537];
    size_t whole;

    for (;;) {
        ssize_t n = pread(fd, text, sizeof text - 1, *looked);
        if (n <= 0)
            return false;
        if (search(regex, text, (size_t)n, &whole))
            return true;
        if (whole == 0 && n < (ssize_t)sizeof text - 1)
            return false; /* the beginning of a line: look at it again when there is more */
        *looked += whole ? (off_t)whole : n;
    }
}

bool instance_has_printed(const struct job *job, struct instance *it)
{
    return has_printed(&job->until_regex, it->out, &it->looked[0]) ||
           has_printed(&job->until_regex, it->err, &it->looked[1]);
}

/* ---- its end ---- */

/* One that was asked to end may die of the signal, or do what it thinks fit and say so. */
bool instance_failed(const struct instance *it)
{
    if (it->killed)
        return true;
    if (WIFSIGNALED(it->status))
        return !it->stopped || WTERMSIG(it->status) != SIGTERM;
    int status = WEXITSTATUS(it->status);
    return status != 0 && !(it->stopped && status == 128 + SIGTERM);
}
