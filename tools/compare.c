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

#include "chart.h"
#include "facts.h"
#include "library.h"
#include "program.h"
#include "report.h"
#include "settings.h"
#include "tool.h"

#define MOST_INSTANCES 10000
#define MOST_RUNS      1000
#define LONGEST_PAUSE  3600000
#define LONGEST_HOLD   1e7

static void help(FILE *out)
{
    fputs("Usage: onecopy compare -n N [OPTION]... [--] COMMAND [ARG]...\n"
          "Run N instances of COMMAND at once without the library, then with it, and compare\n"
          "memory, time and outputs.\n\n"
          "  -n, --instances N          how many at once\n"
          "      --runs K               do it K times; medians and ranges are told [1]\n"
          "      --until REGEX          memory is steady when every instance has printed a line\n"
          "                             that matches (grep -E), on standard output or error\n"
          "      --hold SECONDS         end the instances so long after that (or their start),\n"
          "                             for programs that do not end by themselves\n"
          "      --a OPTIONS            compare two sets of options instead: of the options below\n"
          "                             and words VARIABLE=VALUE, all in one argument\n"
          "      --b OPTIONS            the other set\n"
          "      --stdin FILE           each instance's standard input [/dev/null]\n"
          "      --chart FILE           draw memory over time, as FILE.svg or FILE.png\n"
          "      --html FILE            write a report with all of it to FILE ('-': instead of\n"
          "                             the table)\n"
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

enum opt {
    OPT_CHART = 1,
    OPT_HTML,
    OPT_JSON,
    OPT_RUNS,
    OPT_UNTIL,
    OPT_HOLD,
    OPT_A,
    OPT_B,
    OPT_INPUT,
    OPT_INTERVAL
};

struct request {
    struct job job;
    const char *json, *html, *chart;
    enum chart_kind chart_kind;
    size_t runs;
    bool verbose;
};

/* ---- options ---- */

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

static bool take_hold(struct job *job, const char *text)
{
    char *end;

    job->hold = strtod(text, &end);
    if (*text >= '0' && *text <= '9' && !*end && job->hold > 0 && job->hold <= LONGEST_HOLD)
        return true;
    tool_error("--hold: '%s' is not a number of seconds more than 0", text);
    return false;
}

static bool take_until(struct job *job, const char *text)
{
    char why[200];
    int error;

    if (job->until)
        regfree(&job->until_regex);
    job->until = text;
    error = regcomp(&job->until_regex, text, REG_EXTENDED | REG_NOSUB);
    if (error == 0)
        return true;
    regerror(error, &job->until_regex, why, sizeof why);
    tool_error("--until: '%s': %s", text, why);
    return false;
}

/* One of the numbers; false when it is wrong, with a message. */
static bool take_number(struct request *request, int opt, const char *arg)
{
    unsigned long value = 0;

    switch (opt) {
    case 'n':
        if (!number(arg, "-n", MOST_INSTANCES, &value))
            return false;
        request->job.n = value;
        return true;
    case OPT_RUNS:
        if (!number(arg, "--runs", MOST_RUNS, &value))
            return false;
        request->runs = value;
        return true;
    default:
        if (!number(arg, "--interval", LONGEST_PAUSE, &value))
            return false;
        request->job.interval = (unsigned)value;
        return true;
    }
}

/* One option; false when it is wrong, with a message. */
static bool take(struct request *request, int opt, const char *arg)
{
    struct job *job = &request->job;

    switch (opt) {
    case 'n':
    case OPT_RUNS:
    case OPT_INTERVAL:
        return take_number(request, opt, arg);
    case 'v':
        request->verbose = true;
        return true;
    case OPT_INPUT:
        job->input = arg;
        return true;
    case OPT_JSON:
        request->json = arg;
        return true;
    case OPT_HTML:
        request->html = arg;
        return true;
    case OPT_CHART:
        request->chart = arg;
        return chart_kind_of(arg, &request->chart_kind);
    case OPT_UNTIL:
        return take_until(job, arg);
    case OPT_HOLD:
        return take_hold(job, arg);
    case OPT_A:
        job->sides[0].options = arg;
        return settings_take_words(SETTINGS_A, "--a", arg);
    case OPT_B:
        job->sides[1].options = arg;
        return settings_take_words(SETTINGS_B, "--b", arg);
    default:
        return settings_take(opt, arg);
    }
}

/* What is compared: without and with, or two sets of options. */
static void name_sides(struct job *job)
{
    struct side *sides = job->sides;
    bool sets = sides[0].options || sides[1].options;

    sides[0].name = sets ? "a" : "without";
    sides[1].name = sets ? "b" : "with";
    sides[0].library = sets;
    sides[1].library = true;
    sides[0].layer = sets ? SETTINGS_A : SETTINGS_COMMON;
    sides[1].layer = sets ? SETTINGS_B : SETTINGS_COMMON;
    for (size_t i = 0; i < 2 && sets; i++)
        if (!sides[i].options)
            sides[i].options = "";
}

/* ---- before ---- */

static bool is_standard_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static bool outputs_can_be_written(const struct request *request)
{
    if (is_standard_output(request->json) && is_standard_output(request->html)) {
        tool_error("--json and --html cannot both go to standard output");
        return false;
    }
    return (!request->json || tool_json_writable(request->json)) &&
           (!request->html || tool_json_writable(request->html)) &&
           (!request->chart || tool_json_writable(request->chart));
}

static bool settings_are_good(const struct job *job)
{
    for (size_t i = 0; i < 2; i++) {
        settings_use(job->sides[i].layer);
        if (job->sides[i].library && !settings_check())
            return false;
    }
    return true;
}

/* Everything that can be known to go wrong is found before anything is started. */
static int check(const struct request *request, char library[PATH_MAX], char path[PATH_MAX])
{
    const struct job *job = &request->job;

    if (job->input && access(job->input, R_OK) != 0) {
        tool_error("%s: %s", job->input, strerror(errno));
        return TOOL_TROUBLE;
    }
    if (!outputs_can_be_written(request) || !settings_are_good(job) || !library_find(library))
        return TOOL_TROUBLE;
    int status = program_find(job->argv[0], path);
    if (status == 0)
        program_warn(job->argv[0], path);
    return status;
}

/* ---- the runs ---- */

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

static int run_side(const struct request *request, const struct side *side, struct batch *batch)
{
    settings_use(side->layer);
    settings_read(); /* the homes to be looked at */
    int result = batch_run(&request->job, side, batch);
    if (result < 0)
        outcome_show_errors(batch, request->verbose);
    return result;
}

/* 0, or what stopped it. */
static int run_round(const struct request *request, struct round *round)
{
    int result = 0;

    for (size_t side = 0; side < 2 && result == 0; side++)
        result = run_side(request, &request->job.sides[side], &round->sides[side]);
    if (result != 0)
        return result;
    round->outcome = outcome_of(round->sides);
    for (size_t side = 0; side < 2; side++) {
        struct batch *batch = &round->sides[side];
        if (request->verbose || round->outcome.failed[side])
            outcome_show_errors(batch, request->verbose);
        for (size_t i = 0; i < batch->n; i++)
            batch->instances[i].output_bytes = outcome_output_bytes(&batch->instances[i]);
        batch_close(batch);
    }
    return 0;
}

/* ---- after ---- */

static bool write_html(const char *path, const struct comparison *c)
{
    size_t len;
    char *chart = chart_available() ? chart_draw(c, CHART_SVG, &len) : NULL;
    char *text = report_html(c, chart);
    bool written = tool_json_write(path, text);

    free(chart);
    free(text);
    return written;
}

static bool write_json(const char *path, const struct comparison *c)
{
    char *text = report_json(c);
    bool written = text && tool_json_write(path, text);

    free(text);
    return written;
}

static bool write_chart(const struct request *request, const struct comparison *c)
{
    size_t len;
    char *data = chart_draw(c, request->chart_kind, &len);
    bool written = data && tool_file_write(request->chart, data, len);

    free(data);
    return written;
}

static int report(const struct request *request, const struct comparison *c)
{
    bool written = true;

    tool_output_begin();
    if (!is_standard_output(request->json) && !is_standard_output(request->html))
        report_table(c, stdout);
    if (request->json)
        written = write_json(request->json, c) && written;
    if (request->html)
        written = write_html(request->html, c) && written;
    if (request->chart)
        written = write_chart(request, c) && written;
    int status = c->outcome.identical ? TOOL_OK : TOOL_DIFFERENT;
    return tool_output_end(written ? status : TOOL_TROUBLE);
}

static int compare(struct request *request, char *repeat)
{
    struct comparison c = {.job = &request->job, .runs = request->runs, .repeat = repeat};
    char library[PATH_MAX], path[PATH_MAX];
    int result = 0;

    int status = check(request, library, path);
    if (status != 0)
        return status;
    request->job.library = library;
    request->job.path = path;
    facts_date(c.date, sizeof c.date);
    c.rounds = calloc(c.runs, sizeof *c.rounds);
    if (!c.rounds)
        abort();
    for (size_t i = 0; i < c.runs && result == 0; i++) {
        result = run_round(request, &c.rounds[i]);
        outcome_add(&c.outcome, &c.rounds[i].outcome);
    }
    return result != 0 ? stopped(result) : report(request, &c);
}

static int run(int argc, char **argv)
{
    struct option options[SETTINGS_OPTIONS + 14] = {
        {"help", no_argument, NULL, 'h'},
        {"instances", required_argument, NULL, 'n'},
        {"runs", required_argument, NULL, OPT_RUNS},
        {"until", required_argument, NULL, OPT_UNTIL},
        {"hold", required_argument, NULL, OPT_HOLD},
        {"a", required_argument, NULL, OPT_A},
        {"b", required_argument, NULL, OPT_B},
        {"interval", required_argument, NULL, OPT_INTERVAL},
        {"stdin", required_argument, NULL, OPT_INPUT},
        {"chart", required_argument, NULL, OPT_CHART},
        {"html", required_argument, NULL, OPT_HTML},
        {"json", required_argument, NULL, OPT_JSON},
        {"verbose", no_argument, NULL, 'v'},
    };
    struct request request = {.job = {.interval = 20}, .runs = 1};
    int opt;

    settings_options(options, 13);
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
    name_sides(&request.job);
    return compare(&request, facts_command_line("onecopy compare", argv + 1));
}

const struct tool_command tool_compare = {"compare", "compare N instances without and with", run,
                                          help};
