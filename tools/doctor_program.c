/*
 * The program, judged from its file: can the library enter it, and does it call anything
 * that is served?  The libraries it is linked with are asked as well, as the dynamic
 * loader lists them; what it loads later (plug-ins, extension modules) is not seen here.
 */
#include "config.h"
#include "doctor.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor_imports.h"
#include "library.h"
#include "program.h"

#define AREA "program"

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Those that do the reading on somebody's behalf: what they import themselves says nothing. */
static bool is_libc(const char *name)
{
    static const char *const names[] = {"libc.so", "ld-linux", "libpthread.so", "libdl.so",
                                        "libm.so", "librt.so", "libgcc_s.so",   "libonecopy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Start "LOADER --list PATH", which runs nothing of the program; its output, or NULL.  Only
 * where the loader is known to be this command's as well. */
static FILE *list_libraries(const char *path, pid_t *pid)
{
    char loader[PATH_MAX];
    char *argv[] = {loader, (char *)"--list", (char *)path, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (!program_loader(path, loader) || pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int error = posix_spawn(pid, loader, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error == 0)
        return fdopen(ends[0], "r");
    close(ends[0]);
    return NULL;
}

/* "\tlibz.so.1 => /lib/libz.so.1 (0x...)" */
static void add_libraries(json_t *families, const char *path)
{
    char *line = NULL, *at, *end;
    size_t size = 0;
    pid_t pid;
    FILE *list = list_libraries(path, &pid);

    if (!list)
        return;
    while (getline(&line, &size, list) > 0) {
        at = strstr(line, "=> /");
        end = at ? strstr(at, " (0x") : NULL;
        if (!end)
            continue;
        *end = '\0';
        if (!is_libc(file_name(at + 3)))
            imports_add(families, at + 3, file_name(at + 3));
    }
    free(line);
    fclose(list);
    waitpid(pid, NULL, 0);
}

/* "read, pread64 (libz.so.1)": an object is named where it is not the program. */
static char *names_of(const json_t *families, const char *family, const char *program)
{
    char *text = NULL;
    size_t size = 0;
    const char *name;
    json_t *objects;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    json_object_foreach(json_object_get(families, family), name, objects)
    {
        const char *first = json_string_value(json_array_get(objects, 0));
        fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", name);
        if (first && strcmp(first, program) != 0)
            fprintf(out, " (%s%s)", first, json_array_size(objects) > 1 ? " and others" : "");
    }
    fclose(out);
    return text;
}

static bool has(const json_t *families, const char *family)
{
    return json_object_get(families, family) != NULL;
}

static const struct row {
    const char *family;
    enum doctor_level level;
    const char *text; /* with the names for %s */
} rows[] = {
    {"read", DOCTOR_OK, "calls served by the library: %s"},
    {"stdio", DOCTOR_OK, "calls %s: big reads are lent, small ones stay glibc's"},
    {"fortified", DOCTOR_OK, "calls fortified names, served as well: %s"},
    {"c++ streams", DOCTOR_OK, "reads by C++ streams: a big read() of one is lent"},
    {"small stdio", DOCTOR_NOTE, "calls %s: what is read through these stays glibc's"},
    {"mmap", DOCTOR_NOTE,
     "calls mmap: files that it maps instead of reading are shared by the kernel already"},
    {"asynchronous", DOCTOR_WARNING, "calls %s: such reads are not served"},
    {"syscall", DOCTOR_NOTE, "calls %s(2) with numbers: reads by it are served as well"},
};

static void say_imports(struct doctor *doctor, const char *program)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!has(doctor->imports, rows[i].family))
            continue;
        char *names = names_of(doctor->imports, rows[i].family, program);
        char *text = NULL;
        if (asprintf(&text, rows[i].text, names) < 0)
            abort();
        doctor_say(doctor, AREA, rows[i].level, rows[i].family, "%s", text);
        free(text);
        free(names);
    }
}

static void judge_imports(struct doctor *doctor)
{
    const json_t *all = doctor->imports;

    if (has(all, "io_uring"))
        doctor_say(doctor, AREA, DOCTOR_WARNING, "io_uring",
                   "uses io_uring: what is read by it passes the library by");
    if (!has(all, "read") && !has(all, "stdio") && !has(all, "fortified") &&
        !has(all, "c++ streams"))
        doctor_say(doctor, AREA, DOCTOR_WARNING, "no-reads",
                   "neither it nor a library it is linked with calls read or fread; perhaps a "
                   "library that it loads later does");
}

static void judge_library(struct doctor *doctor)
{
    char library[PATH_MAX];

    if (library_find(library))
        doctor_say(doctor, AREA, DOCTOR_OK, "library", "the library to preload is %s", library);
    else
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "library",
                   "the library to preload is not installed, or at a path that LD_PRELOAD "
                   "cannot hold");
}

/* What keeps the library out of the program at PATH, or that nothing does. */
static void say_entry(struct doctor *doctor, const char *path, const char *why,
                      const struct object_facts *facts)
{
    if (facts->go)
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "go",
                   "%s is made by Go, which makes its system calls itself: the library never "
                   "sees them",
                   path);
    else if (facts->musl)
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "musl",
                   "%s uses musl; with a library for the GNU C library in LD_PRELOAD it does not "
                   "even start",
                   path);
    else if (why)
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "entry", "%s %s: the library cannot enter it",
                   path, why);
    else if (!facts->elf)
        doctor_say(doctor, AREA, DOCTOR_WARNING, "format",
                   "%s is neither a program nor a script that names its interpreter", path);
    else
        doctor_say(doctor, AREA, DOCTOR_OK, "entry",
                   "%s is dynamically linked with this machine's C library: the library enters it",
                   path);
}

void doctor_program(struct doctor *doctor, const char *name, const char *path)
{
    char real[PATH_MAX], loader[PATH_MAX];
    const char *why = program_obstacle(path, real), *program = file_name(real);

    doctor->imports = json_object();
    struct object_facts facts = imports_add(doctor->imports, real, program);
    facts.musl = facts.musl || (program_loader(real, loader) && strstr(loader, "/ld-musl-"));
    if (strcmp(real, path) != 0)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "script", "%s is a script: its interpreter %s counts",
                   name, real);
    say_entry(doctor, real, why, &facts);
    judge_library(doctor);
    if (doctor->obstacles || !facts.elf)
        return;
    add_libraries(doctor->imports, real);
    say_imports(doctor, program);
    judge_imports(doctor);
}
