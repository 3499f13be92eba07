/* Memory mapping by mapping: smaps.h. */
#include "config.h"
#include "smaps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A mapping's fields, in kilobytes. */
struct mapping {
    bool image;
    uint64_t rss, pss, private, anonymous;
};

static void add_mapping(const struct mapping *m, struct sample *sum)
{
    uint64_t pss = m->pss + (m->pss < m->rss);

    sum->rss += m->rss * 1024;
    sum->pss += pss * 1024;
    sum->private += m->private * 1024;
    /* Pages that the process wrote to are its own, no longer the image's. */
    if (m->image && pss > m->anonymous)
        sum->mapped += (pss - m->anonymous) * 1024;
}

static void take_field(const char *line, struct mapping *m)
{
    static const char *const names[] = {
        "Rss:", "Pss:", "Private_Clean:", "Private_Dirty:", "Anonymous:"};
    uint64_t *const fields[] = {&m->rss, &m->pss, &m->private, &m->private, &m->anonymous};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(line, names[i], strlen(names[i])) == 0)
            *fields[i] += strtoull(line + strlen(names[i]), NULL, 10);
}

bool smaps_add(pid_t pid, const struct home_files *images, struct sample *sum)
{
    char path[64], *line = NULL;
    size_t size = 0;
    struct mapping mapping = {0};

    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT || errno == ESRCH;
    while (getline(&line, &size, file) > 0) {
        if (line[0] >= 'A' && line[0] <= 'Z') { /* fields begin with a capital, mappings do not */
            take_field(line, &mapping);
            continue;
        }
        add_mapping(&mapping, sum);
        mapping = (struct mapping){.image = homes_mapped(images, line)};
    }
    add_mapping(&mapping, sum);
    bool ok = !ferror(file) || errno == ESRCH;
    free(line);
    fclose(file);
    return ok;
}
