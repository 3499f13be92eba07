/* What processes and home use, as the run goes on. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "soak.h"

enum figure {
    DESCRIPTORS,
    MAPPINGS,
    MEMORY,
    FIGURES_EACH,
    IMAGES = FIGURES_EACH,
    HOME,
    LEDGER,
    ZOMBIES,
    FIGURES
};

static const struct {
    const char *name;
    double slack; /* allowed on top of what the first third needed and a quarter of it */
    double each;  /* and for each thread, in a run too short for a mean to say much */
} figures[FIGURES] = {
    [DESCRIPTORS] = {"descriptors of a process", 4, 4},
    [MAPPINGS] = {"mappings of a process", 60, 20},
    [MEMORY] = {"KiB of a process's own memory", 8192, 12288},
    [IMAGES] = {"files in the home", 12, 4},
    [HOME] = {"KiB in the home", 16384, 4096},
    [LEDGER] = {"KiB of the ledger", 64, 256},
    [ZOMBIES] = {"zombies", 16, 16},
};

/* Of each third of the run: the greatest, and the mean. */
static struct {
    double most[FIGURES], sum[FIGURES];
    unsigned samples;
} thirds[3];

static double entries(const char *path)
{
    DIR *d = opendir(path);
    double n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static double mappings(pid_t pid)
{
    char path[64];
    double n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    f = fopen(path, "re");
    for (int c; f && (c = getc(f)) != EOF;)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

/* The number after NAME in /proc/PID/status; its letter for "State". */
static double status_of(pid_t pid, const char *name)
{
    char path[64], line[200];
    double value = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            value = strcmp(name, "State") == 0 ? strchr(line, ':')[2] : atof(strchr(line, ':') + 1);
    if (f)
        fclose(f);
    return value;
}

/* Children of the processes, and themselves, that wait for nobody. */
static double zombies(void)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    double n = 0;

    while (d && (e = readdir(d)) != NULL) {
        pid_t pid = atoi(e->d_name);

        if (pid > 0 && getpgid(pid) == getpgrp() && status_of(pid, "State") == 'Z')
            n++;
    }
    if (d)
        closedir(d);
    return n;
}

static void home(double *values)
{
    DIR *d = opendir(getenv("ONECOPY_DIR"));
    struct dirent *e;
    struct stat st;

    while (d && (e = readdir(d)) != NULL)
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) {
            if (strstr(e->d_name, ".image") || strstr(e->d_name, ".part")) {
                values[IMAGES]++;
                values[HOME] += (double)st.st_blocks / 2;
            } else {
                values[LEDGER] += (double)st.st_size / 1024;
            }
        }
    if (d)
        closedir(d);
}

void soak_measure(const pid_t *pids, double part)
{
    double values[FIGURES] = {0};
    unsigned third = part < 1.0 / 3 ? 0 : part < 2.0 / 3 ? 1 : 2;

    for (unsigned i = 0; i < soak->processes; i++) {
        char path[64];
        double one[FIGURES_EACH];

        snprintf(path, sizeof(path), "/proc/%d/fd", pids[i]);
        one[DESCRIPTORS] = entries(path);
        one[MAPPINGS] = mappings(pids[i]);
        one[MEMORY] = status_of(pids[i], "RssAnon");
        for (int f = 0; f < FIGURES_EACH; f++)
            values[f] = one[f] > values[f] ? one[f] : values[f];
    }
    home(values);
    values[ZOMBIES] = zombies();
    thirds[third].samples++;
    for (int f = 0; f < FIGURES; f++) {
        thirds[third].sum[f] += values[f];
        if (values[f] > thirds[third].most[f])
            thirds[third].most[f] = values[f];
    }
}

static double mean(unsigned third, int figure)
{
    return thirds[third].samples ? thirds[third].sum[figure] / thirds[third].samples : 0;
}

void soak_judge(bool brief, void (*result)(bool passed, const char *what))
{
    char what[160];

    printf("# %-30s %28s\n", "", "mean (most) of each third");
    for (int f = 0; f < FIGURES; f++) {
        printf("# %-30s", figures[f].name);
        for (unsigned t = 0; t < 3; t++)
            printf(" %9.0f (%.0f)", mean(t, f), thirds[t].most[f]);
        printf("\n");
    }
    for (int f = 0; f < FIGURES; f++) {
        double slack = figures[f].slack + (brief ? figures[f].each * soak->threads : 0);

        /* On a machine with more to do a short run may not have been looked at in time. */
        if (brief && (!thirds[0].samples || !thirds[2].samples))
            slack = 1e9;
        snprintf(what, sizeof(what), "%s: not more in the last third than in the first",
                 figures[f].name);
        result(mean(2, f) <= mean(0, f) * 1.25 + slack, what);
    }
}

const char *soak_where(pid_t pid)
{
    static char text[200];
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
    f = fopen(path, "re");
    if (!f || !fgets(text, sizeof(text), f))
        strcpy(text, "?");
    if (f)
        fclose(f);
    return text;
}
