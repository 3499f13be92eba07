/* onecopy COMMAND: the table of commands, --help and --version. */
#include "config.h"
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

static const struct tool_command *const commands[] = {&tool_run, &tool_compare, &tool_check,
                                                      &tool_stat, &tool_clean};
#define COMMANDS (sizeof commands / sizeof commands[0])

void tool_error(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("onecopy: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int tool_usage(const char *command, const char *what)
{
    tool_error("%s (try 'onecopy%s%s --help')", what, *command ? " " : "", command);
    return TOOL_TROUBLE;
}

void tool_output_begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int tool_output_end(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    tool_error("standard output: %s", errno ? strerror(errno) : "not all could be written");
    return TOOL_TROUBLE;
}

int tool_help(const struct tool_command *command)
{
    tool_output_begin();
    command->help(stdout);
    return tool_output_end(TOOL_OK);
}

static void help(void)
{
    fputs("Usage: onecopy COMMAND [OPTION]... [ARGUMENT]...\n"
          "Let unmodified programs share the memory of the large files they read.\n\n"
          "Commands:\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->text);
    fputs("  help       print the help of a command\n\n"
          "Options:\n"
          "  --help     print this help\n"
          "  --version  print the version\n\n"
          "'onecopy COMMAND --help' tells the options of a command; see also onecopy(1).\n",
          stdout);
}

static const struct tool_command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    tool_error("unknown %s '%s' (try 'onecopy --help')", *name == '-' ? "option" : "command", name);
    return TOOL_TROUBLE;
}

static int general_help(void)
{
    tool_output_begin();
    help();
    return tool_output_end(TOOL_OK);
}

static int version(void)
{
    tool_output_begin();
    puts("onecopy " PACKAGE_VERSION);
    return tool_output_end(TOOL_OK);
}

static int help_command(int argc, char **argv)
{
    if (argc < 3)
        return general_help();
    const struct tool_command *command = find(argv[2]);
    return command ? tool_help(command) : unknown(argv[2]);
}

static int run_command(const struct tool_command *command, int argc, char **argv)
{
    /* getopt puts argv[0] before its messages. */
    char name[64];
    snprintf(name, sizeof name, "onecopy %s", command->name);
    argv[1] = name;
    return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return tool_usage("", "a command is missing");
    if (strcmp(argv[1], "--help") == 0)
        return general_help();
    if (strcmp(argv[1], "--version") == 0)
        return version();
    if (strcmp(argv[1], "help") == 0)
        return help_command(argc, argv);

    const struct tool_command *command = find(argv[1]);
    return command ? run_command(command, argc, argv) : unknown(argv[1]);
}
