/* onecopy stat: what every process of the user shares now. */
#include "config.h"
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "homes.h"
#include "settings.h"
#include "tool.h"

static void help(FILE *out)
{
    fputs(
        "Usage: onecopy stat [OPTION]...\n"
        "Show what every process shares now, and how much memory that saves.\n\n"
        "      --json                 print JSON\n"
        "      --prometheus           print metrics in the text format of Prometheus\n"
        "  -w, --watch                show it in the terminal, anew each second\n"
        "  -o, --output FILE          write to FILE, whole or not at all ('-': standard output)\n"
        "      --dir DIR              the home to look at, instead of ONECOPY_DIR or the default\n"
        "                             ones\n"
        "      --help                 print this help\n\n"
        "LENT is mapped over the program's buffers; SHARED is what of it the program has not\n"
        "written to, COPIED the rest. Saved is all that is shared, but for what a child has\n"
        "from its parent by fork, less the images. MB are 10^6 bytes.\n",
        out);
}

typedef void show_fn(const struct state *state, FILE *out);

/* The whole text, so that nothing half-written is ever seen. */
static char *shown(show_fn *show)
{
    char *text = NULL;
    size_t size = 0;
    struct state state;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    state_take(&state);
    show(&state, out);
    state_free(&state);
    fclose(out);
    return text;
}

/* Into /proc, and into the home that was named? */
static bool can_look(void)
{
    DIR *dir;

    if (!homes_proc())
        return false;
    if (!oc_options.dir)
        return true;
    dir = opendir(oc_options.dir);
    if (!dir && errno != ENOENT) {
        tool_error("%s: %s", oc_options.dir, strerror(errno));
        return false;
    }
    if (dir)
        closedir(dir);
    return true;
}

static int stat_now(show_fn *show, const char *output)
{
    bool ok = true;

    if (!settings_read() || !can_look() || (output && !tool_json_writable(output)))
        return TOOL_TROUBLE;
    char *text = shown(show);
    tool_output_begin();
    if (output && strcmp(output, "-") != 0) {
        text[strlen(text) - 1] = '\0'; /* which ends the file's last line again */
        ok = tool_json_write(output, text);
    } else {
        fputs(text, stdout);
    }
    free(text);
    return tool_output_end(ok ? TOOL_OK : TOOL_TROUBLE);
}

static int run(int argc, char **argv)
{
    struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"prometheus", no_argument, NULL, 'p'},
        {"watch", no_argument, NULL, 'w'},
        {"output", required_argument, NULL, 'o'},
        settings_option("dir"),
        {NULL, 0, NULL, 0},
    };
    const char *output = NULL;
    show_fn *show = stat_text;
    bool watch = false;
    int opt;

    while ((opt = getopt_long(argc, argv, "o:w", options, NULL)) != -1) {
        if (opt == 'h')
            return tool_help(&tool_stat);
        if (opt == 'j' || opt == 'p')
            show = opt == 'j' ? stat_json : stat_prometheus;
        else if (opt == 'w')
            watch = true;
        else if (opt == 'o')
            output = optarg;
        else if (!settings_take(opt, optarg))
            return TOOL_TROUBLE;
    }
    if (optind < argc)
        return tool_usage("stat", "it takes no arguments");
    if (watch && (output || show != stat_text))
        return tool_usage("stat", "--watch goes with no other format or file");
    if (watch)
        return settings_read() && can_look() ? stat_watch() : TOOL_TROUBLE;
    return stat_now(show, output);
}

const struct tool_command tool_stat = {"stat", "show what is shared now", run, help};
