/* onecopy compare: N instances without, then with, and what the difference is. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "library.h"
#include "program.h"
#include "report.h"
#include "settings.h"
#include "tool.h"

#define MOST_INSTANCES 10000
#define LONGEST_PAUSE  3600000

static void help(FILE *out)
{
    fputs("Usage: onecopy compare -n N [OPTION]... [--] COMMAND [ARG]...\n"
          "Run N instances of COMMAND at once without the library, then with it, and compare\n"
          "memory, time and outputs.\n\n"
          "  -n, --instances N          how many at once\n"
          "      --stdin FILE           each instance's standard input [/dev/null]\n"
          "      --json FILE            write the numbers to FILE as well ('-': instead of the\n"
          "                             table)\n"
          "      --interval MS          milliseconds between looks at the processes [20]\n"
          "  -v, --verbose              show what the instances write to standard error\n"
          "      --help                 print this help\n\n",
          out);
    settings_help(out);
    fputs("\nThe exit status is 0 when all outputs and exit statuses are the same with and\n"
          "without, 1 when not; 2 when an option is wrong or the comparison failed; 127 when\n"
          "COMMAND is not found, 126 when it cannot be executed.\n",
          out);
}

struct request {
    struct job job;
    const char *json;
    bool verbose;
};

static bool number(const char *text, const char *what, unsigned long most, unsigned long *value)
{
    char *end;

    errno = 0;
    *value = strtoul(text, &end, 10);
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *value > 0 && *value <= most)
        return true;
    tool_error("%s: '%s' is not a whole number from 1 to %lu", what, text, most);
    return false;
}

/* One option; false when it is wrong, with a message. */
static bool take(struct request *request, int opt, const char *arg)
{
    unsigned long value = 0;

    switch (opt) {
    case 'n':
        if (!number(arg, "-n", MOST_INSTANCES, &value))
            return false;
        request->job.n = value;
        return true;
    case 't':
        if (!number(arg, "--interval", LONGEST_PAUSE, &value))
            return false;
        request->job.interval = (unsigned)value;
        return true;
    case 'i':
        request->job.input = arg;
        return true;
    case 'j':
        request->json = arg;
        return true;
    case 'v':
        request->verbose = true;
        return true;
    default:
        return settings_take(opt, arg);
    }
}

/* Everything that can be known to go wrong is found before anything is started. */
static int check(const struct request *request, char library[PATH_MAX], char path[PATH_MAX])
{
    const struct job *job = &request->job;

    if (job->input && access(job->input, R_OK) != 0) {
        tool_error("%s: %s", job->input, strerror(errno));
        return TOOL_TROUBLE;
    }
    if (request->json && !tool_json_writable(request->json))
        return TOOL_TROUBLE;
    if (!settings_check() || !library_find(library))
        return TOOL_TROUBLE;
    int status = program_find(job->argv[0], path);
    if (status == 0)
        program_warn(job->argv[0], path);
    return status;
}

/* As if the signal had not been waited for: the caller sees us die of it. */
static int stopped(int result)
{
    sigset_t set;

    if (result < 0)
        return TOOL_TROUBLE;
    signal(result, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, result);
    raise(result);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return 128 + result;
}

static void show_errors(const struct comparison *c, bool all)
{
    if (all || c->outcome.failed_without)
        outcome_show_errors(&c->without, all);
    if (all || c->outcome.failed_with)
        outcome_show_errors(&c->with, all);
}

static int report(const struct request *request, const struct comparison *c)
{
    bool written = true;

    tool_output_begin();
    if (!request->json || strcmp(request->json, "-") != 0)
        report_table(c, stdout);
    if (request->json) {
        char *text = report_json(c);
        written = text && tool_json_write(request->json, text);
        free(text);
    }
    int status = c->outcome.identical ? TOOL_OK : TOOL_DIFFERENT;
    return tool_output_end(written ? status : TOOL_TROUBLE);
}

static int compare(struct request *request)
{
    struct comparison c = {.job = &request->job};
    char library[PATH_MAX], path[PATH_MAX];

    int status = check(request, library, path);
    if (status != 0)
        return status;
    request->job.library = library;
    request->job.path = path;
    int result = batch_run(c.job, false, &c.without);
    if (result == 0)
        result = batch_run(c.job, true, &c.with);
    if (result != 0)
        return stopped(result);
    c.outcome = outcome_of(&c.without, &c.with);
    show_errors(&c, request->verbose);
    return report(request, &c);
}

static int run(int argc, char **argv)
{
    struct option options[SETTINGS_OPTIONS + 6] = {
        {"help", no_argument, NULL, 'h'},           {"instances", required_argument, NULL, 'n'},
        {"interval", required_argument, NULL, 't'}, {"stdin", required_argument, NULL, 'i'},
        {"json", required_argument, NULL, 'j'},     {"verbose", no_argument, NULL, 'v'},
    };
    struct request request = {.job = {.interval = 20}};
    int opt;

    settings_options(options, 6);
    while ((opt = getopt_long(argc, argv, "+n:v", options, NULL)) != -1) {
        if (opt == 'h')
            return tool_help(&tool_compare);
        if (!take(&request, opt, optarg))
            return TOOL_TROUBLE;
    }
    if (request.job.n == 0)
        return tool_usage("compare", "-n N is missing");
    if (optind == argc)
        return tool_usage("compare", "a command to run is missing");
    request.job.argv = argv + optind;
    return compare(&request);
}

const struct tool_command tool_compare = {"compare", "compare N instances without and with", run,
                                          help};
