/*
 * onecopy run: set the environment and become the command.
 *
 * Nothing stays in between: pid, signals, terminal and exit status are the
 * command's own.
 */
#include "config.h"
#include <getopt.h>

#include "library.h"
#include "program.h"
#include "settings.h"
#include "tool.h"

static void help(FILE *out)
{
    fputs("Usage: onecopy run [OPTION]... [--] COMMAND [ARG]...\n"
          "Run COMMAND with the library, sharing the files that match.\n\n"
          "  --help                     print this help\n\n",
          out);
    settings_help(out);
    fputs("\nThe exit status is COMMAND's; 127 when it is not found, 126 when it cannot be\n"
          "executed, 2 when an option is wrong.\n",
          out);
}

static int start(char **argv)
{
    char library[PATH_MAX], path[PATH_MAX];

    if (!settings_check() || !library_find(library))
        return TOOL_TROUBLE;
    int status = program_find(argv[0], path);
    if (status != 0)
        return status;
    program_warn(argv[0], path);
    settings_export();
    library_preload(library);
    return program_exec(path, argv);
}

static int run(int argc, char **argv)
{
    struct option options[SETTINGS_OPTIONS + 1] = {{"help", no_argument, NULL, 'h'}};
    int opt;

    settings_options(options, 1);
    while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (opt == 'h')
            return tool_help(&tool_run);
        if (!settings_take(opt, optarg))
            return TOOL_TROUBLE; /* getopt has said why */
    }
    if (optind == argc)
        return tool_usage("run", "a command to run is missing");
    return start(argv + optind);
}

const struct tool_command tool_run = {"run", "run a program with the library", run, help};
