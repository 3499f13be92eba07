/* The program to be started, seen from outside: program.h. */
#include "config.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tool.h"

/* What matters about an ELF file. */
struct elf_facts {
    bool elf;
    int class, machine, type;
    char loader[PATH_MAX]; /* PT_INTERP, "" for none */
};

static int found(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == EACCES ? TOOL_NOT_EXECUTABLE : TOOL_NOT_FOUND;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
        return TOOL_NOT_EXECUTABLE;
    }
    return access(path, X_OK) == 0 ? 0 : TOOL_NOT_EXECUTABLE;
}

/* Along PATH; what is there but not executable is remembered while looking on. */
static int search(const char *name, char path[PATH_MAX])
{
    const char *list = getenv("PATH");
    int worst = TOOL_NOT_FOUND, reason = ENOENT;

    for (const char *dir = list ? list : "/bin:/usr/bin"; dir;) {
        size_t len = strcspn(dir, ":");
        int n = snprintf(path, PATH_MAX, "%.*s%s%s", (int)len, dir, len ? "/" : "", name);
        int now = n < PATH_MAX ? found(path) : TOOL_NOT_FOUND;
        if (now == 0)
            return 0;
        if (now == TOOL_NOT_EXECUTABLE && errno != EISDIR) {
            worst = now;
            reason = errno;
        }
        dir = dir[len] ? dir + len + 1 : NULL;
    }
    errno = reason;
    return worst;
}

int program_find(const char *name, char path[PATH_MAX])
{
    int status;

    errno = ENOENT;
    if (strchr(name, '/')) {
        status = strlen(name) < PATH_MAX ? found(strcpy(path, name)) : TOOL_NOT_FOUND;
    } else {
        status = *name ? search(name, path) : TOOL_NOT_FOUND;
    }
    if (status != 0)
        tool_error("%s: %s", name,
                   status == TOOL_NOT_FOUND && !strchr(name, '/') ? "command not found"
                                                                  : strerror(errno));
    return status;
}

static void read_loader(Elf *elf, int fd, struct elf_facts *facts)
{
    size_t count = 0;
    GElf_Phdr header;

    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_INTERP)
            continue;
        size_t len = header.p_filesz < PATH_MAX ? header.p_filesz : PATH_MAX - 1;
        if (pread(fd, facts->loader, len, (off_t)header.p_offset) < 0)
            facts->loader[0] = '\0';
    }
}

static struct elf_facts elf_facts(const char *path)
{
    struct elf_facts facts = {0};
    GElf_Ehdr header;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf = NULL;

    elf_version(EV_CURRENT);
    if (fd >= 0)
        elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && gelf_getehdr(elf, &header)) {
        facts.elf = true;
        facts.class = gelf_getclass(elf);
        facts.machine = header.e_machine;
        facts.type = header.e_type;
        read_loader(elf, fd, &facts);
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return facts;
}

/* The interpreter of a script: "#!PATH ...". */
static bool script_interpreter(const char *path, char interpreter[PATH_MAX])
{
    char line[PATH_MAX] = "";
    FILE *file = fopen(path, "re");

    if (!file)
        return false;
    size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[n] = '\0';
    if (strncmp(line, "#!", 2) != 0)
        return false;
    char *start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t\n")] = '\0';
    strcpy(interpreter, start);
    return *start != '\0';
}

/* The loader starts such a program in secure mode, in which it takes no library by path. */
static const char *privileged(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return NULL;
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        return "is set-user-ID";
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        return "is set-group-ID";
    if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        return "has file capabilities";
    return NULL;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Why the library cannot come in, or NULL.  This command is what it is compared with: it
 * was built with the library. */
static const char *obstacle(const char *path)
{
    struct elf_facts it = elf_facts(path), own = elf_facts("/proc/self/exe");

    if (!it.elf || !own.elf)
        return privileged(path);
    if (it.class != own.class || it.machine != own.machine)
        return "is for another kind of machine than the library";
    if (!it.loader[0])
        return "is statically linked";
    if (strcmp(file_name(it.loader), file_name(own.loader)) != 0)
        return "uses another C library";
    return privileged(path);
}

const char *program_obstacle(const char *path, char real[PATH_MAX])
{
    if (!script_interpreter(path, real))
        snprintf(real, PATH_MAX, "%s", path);
    return obstacle(real);
}

bool program_loader(const char *path, char loader[PATH_MAX])
{
    struct elf_facts facts = elf_facts(path);

    strcpy(loader, facts.loader);
    return facts.loader[0] != '\0';
}

void program_warn(const char *name, const char *path)
{
    char real[PATH_MAX];
    const char *why = program_obstacle(path, real);

    if (why)
        tool_error("warning: %s%s %s: the library cannot enter it and nothing is shared",
                   strcmp(path, real) != 0 ? "the interpreter of " : "", name, why);
}

int program_exec(const char *path, char **argv)
{
    execv(path, argv);
    int why = errno;
    /* What has no "#!" is a script for the shell, unless it is some machine's code. */
    if (why == ENOEXEC && !elf_facts(path).elf) {
        execvp(argv[0], argv);
        why = errno;
    }
    tool_error("%s: %s", argv[0], strerror(why));
    return why == ENOENT ? TOOL_NOT_FOUND : TOOL_NOT_EXECUTABLE;
}
