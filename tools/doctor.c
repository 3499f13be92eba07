/* onecopy check: will it help?  Options and order; the parts are in doctor_*.c. */
#include "config.h"
#include "doctor.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "settings.h"
#include "tool.h"

#define MOST_PROCESSES 100000

static void help(FILE *out)
{
    fputs("Usage: onecopy check [OPTION]... [PROGRAM [-- [ARG]...]]\n"
          "Tell whether the library can help PROGRAM on this machine, and why not.  With '--'\n"
          "the program is run once with ARGs, and how it reads the files is told.\n\n"
          "  -n, --instances N          the number of processes to estimate for [8]\n"
          "      --stdin FILE           the program's standard input [/dev/null]\n"
          "      --json                 print what was found as JSON\n"
          "      --help                 print this help\n\n",
          out);
    settings_help(out);
    fputs("\nThe program's standard output is thrown away.  The exit status is 0 when help can be\n"
          "expected, 1 when not, 2 when an option is wrong or nothing could be found out.\n",
          out);
}

struct request {
    const char *input;
    unsigned processes;
    bool json, observe;
    char **argv; /* the program and its arguments, or NULL */
};

static bool take_number(const char *text, unsigned *value)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n == 0 || n > MOST_PROCESSES) {
        tool_error("-n: '%s' is not a whole number from 1 to %d", text, MOST_PROCESSES);
        return false;
    }
    *value = (unsigned)n;
    return true;
}

static bool take(struct request *request, int opt, const char *arg)
{
    switch (opt) {
    case 'n':
        return take_number(arg, &request->processes);
    case 'i':
        request->input = arg;
        return true;
    case 'j':
        request->json = true;
        return true;
    default:
        return settings_take(opt, arg);
    }
}

/* What is not an option: the program, and behind "--" its arguments. */
static bool take_operands(struct request *request, int argc, char **argv)
{
    request->observe = optind > 1 && strcmp(argv[optind - 1], "--") == 0 && optind < argc;
    if (optind < argc)
        request->argv = argv + optind;
    return argc - optind <= 1 || request->observe;
}

static int print(const struct doctor *doctor, bool json, const char *program)
{
    tool_output_begin();
    if (json) {
        char *text = doctor_json(doctor, program);
        puts(text ? text : "{}");
        free(text);
    } else {
        doctor_print(doctor, program);
    }
    return tool_output_end(doctor->obstacles ? TOOL_DIFFERENT : TOOL_OK);
}

static int check(const struct request *request)
{
    char path[PATH_MAX];
    const char *name = request->argv ? request->argv[0] : NULL;
    struct doctor doctor;
    bool ok = true;

    if (request->input && access(request->input, R_OK) != 0) {
        tool_error("%s: %s", request->input, strerror(errno));
        return TOOL_TROUBLE;
    }
    if (!settings_read() || (name && program_find(name, path) != 0))
        return TOOL_TROUBLE;
    doctor_begin(&doctor);
    doctor.processes = request->processes;
    if (name)
        doctor_program(&doctor, name, path);
    doctor_host(&doctor);
    doctor_files(&doctor);
    if (request->observe && !doctor.obstacles)
        ok = doctor_observe(&doctor, path, request->argv, request->input);
    int status = ok ? print(&doctor, request->json, name) : TOOL_TROUBLE;
    doctor_end(&doctor);
    return status;
}

static int run(int argc, char **argv)
{
    struct option options[SETTINGS_OPTIONS + 8] = {
        {"help", no_argument, NULL, 'h'},
        {"instances", required_argument, NULL, 'n'},
        {"stdin", required_argument, NULL, 'i'},
        {"json", no_argument, NULL, 'j'},
    };
    struct request request = {.processes = 8};
    int opt;

    settings_options(options, 4);
    while ((opt = getopt_long(argc, argv, "n:", options, NULL)) != -1) {
        if (opt == 'h')
            return tool_help(&tool_check);
        if (!take(&request, opt, optarg))
            return TOOL_TROUBLE;
    }
    if (!take_operands(&request, argc, argv))
        return tool_usage("check", "the program's arguments belong behind '--'");
    return check(&request);
}

const struct tool_command tool_check = {"check", "tell whether a program can be helped", run, help};
