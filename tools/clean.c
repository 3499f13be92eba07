/* onecopy clean: remove images that nobody uses, and tell what is left and why. */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor.h"
#include "homes.h"
#include "settings.h"
#include "tool.h"

static void help(FILE *out)
{
    fputs("Usage: onecopy clean [OPTION]...\n"
          "Remove the images that no process uses any more, as after a SIGKILL.\n\n"
          "      --force                also those that are kept for a while (ONECOPY_LINGER)\n"
          "      --dir DIR              the home to clean, instead of ONECOPY_DIR or the default\n"
          "                             ones\n"
          "      --json                 print what was found as JSON\n"
          "      --help                 print this help\n\n"
          "An image in use is never removed.\n",
          out);
}

/* A process as "PID (NAME)", after a comma when it is not the first. */
static void put_user(FILE *out, const char *pid)
{
    char path[64], name[64] = "";

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *comm = fopen(path, "re");
    if (comm && fgets(name, sizeof name, comm))
        name[strcspn(name, "\n")] = '\0';
    if (comm)
        fclose(comm);
    fprintf(out, "%s%s (%s)", ftell(out) > 0 ? ", " : "", pid, name);
}

static bool maps(const char *pid, const struct home_files *image)
{
    char path[64], *line = NULL;
    size_t size = 0;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%.20s/maps", pid);
    FILE *list = fopen(path, "re");
    while (list && !found && getline(&line, &size, list) > 0)
        found = homes_mapped(image, line);
    free(line);
    if (list)
        fclose(list);
    return found;
}

/* All of them that map the file at PATH. */
static char *users(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    const struct dirent *entry;
    struct stat st;
    FILE *out = open_memstream(&text, &size);
    DIR *proc = opendir("/proc");

    if (!out)
        abort();
    if (proc && stat(path, &st) == 0) {
        struct home_file image = {st.st_dev, st.st_ino};
        struct home_files one = {&image, 1, 0};
        while ((entry = readdir(proc)))
            if (isdigit((unsigned char)entry->d_name[0]) && maps(entry->d_name, &one))
                put_user(out, entry->d_name);
    }
    if (proc)
        closedir(proc);
    fclose(out);
    return text;
}

/* An image of the home in ARG was met: a row for it. */
struct visit {
    const char *home;
    json_t *images;
};

static void visit(const char *name, uint64_t bytes, const char *what, void *arg)
{
    struct visit *visit = arg;
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", visit->home, name);
    char *who = strcmp(what, "in use") == 0 ? users(path) : strdup("");
    json_array_append_new(visit->images,
                          json_pack("{s:o, s:s, s:I, s:s, s:o}", "home", doctor_text(visit->home),
                                    "name", name, "bytes", (json_int_t)bytes, "state", what,
                                    "users", doctor_text(who)));
    free(who);
}

/* All homes; false when one of them could not be looked into. */
static bool sweep_all(bool force, json_t *images)
{
    char path[OC_HOME_PATH];
    bool ok = true;

    for (unsigned i = 0; homes_next(&i, path);) {
        struct oc_sweep sweep = {0};
        struct visit home = {path, images};
        int error = oc_home_sweep(path, force, &sweep, visit, &home);
        if (error < 0) {
            tool_error("%s: %s", path, strerror(-error));
            ok = false;
        }
    }
    return ok;
}

static void print_rows(const json_t *images)
{
    const char *home, *name, *state, *who;
    json_int_t bytes;
    json_t *image;
    size_t i;

    json_array_foreach(images, i, image)
    {
        json_unpack(image, "{s:s, s:s, s:I, s:s, s:s}", "home", &home, "name", &name, "bytes",
                    &bytes, "state", &state, "users", &who);
        printf("%-8s %10.1f MB  %s/%s%s%s\n", state, (double)bytes / 1e6, home, name,
               *who ? "  by " : "", who);
    }
}

/* Number and bytes of the images in a state. */
static size_t count(const json_t *images, const char *state, json_int_t *bytes)
{
    json_t *image;
    size_t i, n = 0;

    *bytes = 0;
    json_array_foreach(images, i, image)
    {
        if (strcmp(json_string_value(json_object_get(image, "state")), state) != 0)
            continue;
        *bytes += json_integer_value(json_object_get(image, "bytes"));
        n++;
    }
    return n;
}

static void print_text(const json_t *images)
{
    json_int_t removed_bytes, used_bytes, kept_bytes;
    size_t removed = count(images, "removed", &removed_bytes);
    size_t used = count(images, "in use", &used_bytes);
    size_t kept = count(images, "kept", &kept_bytes);

    print_rows(images);
    printf("%zu removed (%.1f MB), %zu in use (%.1f MB), %zu kept for a while (%.1f MB)\n", removed,
           (double)removed_bytes / 1e6, used, (double)used_bytes / 1e6, kept,
           (double)kept_bytes / 1e6);
}

static void print_json(json_t *images)
{
    static const char *const keys[][3] = {{"removed", "removed", "removed_bytes"},
                                          {"in use", "in_use", "in_use_bytes"},
                                          {"kept", "kept", "kept_bytes"}};
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_int_t bytes;
        json_object_set_new(object, keys[i][1],
                            json_integer((json_int_t)count(images, keys[i][0], &bytes)));
        json_object_set_new(object, keys[i][2], json_integer(bytes));
    }
    json_object_set(object, "images", images);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static int clean(bool force, bool json)
{
    json_t *images = json_array();

    if (!settings_read() || !homes_proc())
        return TOOL_TROUBLE;
    bool ok = sweep_all(force, images);
    tool_output_begin();
    if (json)
        print_json(images);
    else
        print_text(images);
    json_decref(images);
    return tool_output_end(ok ? TOOL_OK : TOOL_TROUBLE);
}

static int run(int argc, char **argv)
{
    struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"force", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        settings_option("dir"),
        {NULL, 0, NULL, 0},
    };
    bool force = false, json = false;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'h')
            return tool_help(&tool_clean);
        if (opt == 'f')
            force = true;
        else if (opt == 'j')
            json = true;
        else if (!settings_take(opt, optarg))
            return TOOL_TROUBLE;
    }
    if (optind < argc)
        return tool_usage("clean", "it takes no arguments");
    return clean(force, json);
}

const struct tool_command tool_clean = {"clean", "remove images that nobody uses", run, help};
