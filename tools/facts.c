/* The machine, the date, the command line: facts.h. */
#include "config.h"
#include "facts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "words.h"

extern char **environ;

/* What stands behind KEY and SEPARATOR in the first line of PATH that begins with KEY. */
static void look_up(const char *path, const char *key, char separator, char *text, size_t size)
{
    char line[512];
    FILE *file = fopen(path, "re");

    text[0] = '\0';
    if (!file)
        return;
    while (!text[0] && fgets(line, sizeof line, file)) {
        char *value = strchr(line, separator);
        if (strncmp(line, key, strlen(key)) != 0 || !value)
            continue;
        value += 1 + strspn(value + 1, " \t\"");
        value[strcspn(value, "\"\n")] = '\0';
        snprintf(text, size, "%s", value);
    }
    fclose(file);
}

void facts_read(struct facts *facts)
{
    struct utsname name;

    *facts = (struct facts){0};
    if (uname(&name) == 0) {
        snprintf(facts->host, sizeof facts->host, "%s", name.nodename);
        snprintf(facts->system, sizeof facts->system, "%s %s %s", name.sysname, name.release,
                 name.machine);
    }
    look_up("/proc/cpuinfo", "model name", ':', facts->processor, sizeof facts->processor);
    look_up("/etc/os-release", "PRETTY_NAME", '=', facts->distribution, sizeof facts->distribution);
    facts->processors = sysconf(_SC_NPROCESSORS_ONLN);
    facts->memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void facts_date(char *text, size_t size)
{
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    strftime(text, size, "%Y-%m-%d %H:%M:%S %z", &local);
}

/* NAME=VALUE, of which only the value may need quotes. */
static void add_variable(char **line, const char *variable)
{
    size_t name = strcspn(variable, "=") + 1;
    char *quoted = NULL, *both;

    words_quote(&quoted, variable + name);
    if (asprintf(&both, "%s %.*s%s", *line, (int)name, variable, quoted) < 0)
        abort();
    free(quoted);
    free(*line);
    *line = both;
}

char *facts_command_line(const char *command, char **arguments)
{
    char folder[PATH_MAX], *line = NULL, *whole;

    words_quote(&line, "cd");
    words_quote(&line, getcwd(folder, sizeof folder) ? folder : ".");
    if (asprintf(&whole, "%s &&", line) < 0)
        abort();
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "ONECOPY_", 8) == 0 && strchr(*variable, '='))
            add_variable(&whole, *variable);
    free(line);
    if (asprintf(&line, "%s %s", whole, command) < 0)
        abort();
    free(whole);
    for (; *arguments; arguments++)
        words_quote(&line, *arguments);
    return line;
}
