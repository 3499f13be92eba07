/* Images, and who maps them: images.h. */
#include "config.h"
#include "images.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/options.h"
#include "homes.h"
#include "image/home.h"

static void *grown(void *list, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0) /* full at each power of two */
        return list;
    list = reallocarray(list, count ? 2 * count : 1, size);
    if (!list)
        abort();
    return list;
}

/* ---- the images ---- */

static bool is_image(int fd, struct oc_image_header *header)
{
    return pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
           memcmp(header->magic, OC_IMAGE_MAGIC, sizeof header->magic) == 0 &&
           header->version == OC_IMAGE_VERSION;
}

/* The home may be another user's, who could have put anything there. */
static int open_image(int dir, const char *name, struct stat *st)
{
    struct stat home;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0 && fstat(dir, &home) == 0 && S_ISREG(st->st_mode) &&
        st->st_uid == home.st_uid && st->st_nlink > 0)
        return fd;
    close(fd);
    return -1;
}

static void add_image(struct images *images, const char *home, int dir, const char *name)
{
    struct image image = {0};
    struct stat st;
    int fd = open_image(dir, name, &st);

    if (fd < 0)
        return;
    if (is_image(fd, &image.header)) {
        image.dev = st.st_dev;
        image.ino = st.st_ino;
        image.allocated = (uint64_t)st.st_blocks * 512;
        snprintf(image.path, sizeof image.path, "%s/%s", home, name);
        images->list = grown(images->list, images->count, sizeof *images->list);
        images->list[images->count++] = image;
    }
    close(fd);
}

static bool is_image_name(const char *name)
{
    size_t len = strlen(name), end = strlen(OC_IMAGE_SUFFIX);
    return len > end && strcmp(name + len - end, OC_IMAGE_SUFFIX) == 0;
}

static void list_home(struct images *images, const char *path)
{
    const struct dirent *entry;
    DIR *dir = opendir(path);

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (is_image_name(entry->d_name))
            add_image(images, path, dirfd(dir), entry->d_name);
    closedir(dir);
}

void images_list(struct images *images)
{
    char path[OC_HOME_PATH];

    *images = (struct images){0};
    for (unsigned i = 0; homes_next(&i, path);)
        list_home(images, path);
}

/* Those that images_list has not listed: the user's own names come first in any case. */
static void list_others(struct images *images, const char *pattern)
{
    char own[OC_HOME_PATH];
    glob_t found;

    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        bool listed = false;
        for (unsigned j = 0; !listed && homes_next(&j, own);)
            listed = strcmp(own, found.gl_pathv[i]) == 0;
        if (!listed)
            list_home(images, found.gl_pathv[i]);
    }
    globfree(&found);
}

void images_list_all(struct images *images)
{
    static const char *const patterns[] = {
        "/dev/shm/onecopy-[0-9]*", "/run/user/[0-9]*/onecopy-[0-9]*", "/var/tmp/onecopy-[0-9]*"};

    images_list(images);
    if (geteuid() != 0 || oc_options.dir)
        return;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        list_others(images, patterns[i]);
}

void images_free(struct images *images)
{
    for (size_t i = 0; i < images->count; i++)
        free(images->list[i].source);
    free(images->list);
    *images = (struct images){0};
}

/* ---- their users ---- */

/* One mapping in smaps; fields in kilobytes. */
struct mapping {
    ssize_t image; /* -1: of none */
    bool lent;     /* else it is the token */
    uint64_t start;
    uint64_t size, rss, pss, anonymous, swap;
};

static struct mapping take_mapping(const struct images *images, const char *line)
{
    struct mapping m = {.image = -1};
    unsigned major_number, minor_number;
    unsigned long long ino, start;
    char access[8];

    if (sscanf(line, "%llx-%*x %7s %*x %x:%x %llu", &start, access, &major_number, &minor_number,
               &ino) != 5 ||
        ino == 0)
        return m;
    m.start = start;
    m.lent = access[0] == 'r' && access[3] == 'p';
    for (size_t i = 0; i < images->count && m.image < 0; i++)
        if (images->list[i].ino == ino && major(images->list[i].dev) == major_number &&
            minor(images->list[i].dev) == minor_number)
            m.image = (ssize_t)i;
    return m;
}

static void take_field(struct mapping *m, const char *line)
{
    static const char *const names[] = {"Size:", "Rss:", "Pss:", "Anonymous:", "Swap:"};
    uint64_t *const fields[] = {&m->size, &m->rss, &m->pss, &m->anonymous, &m->swap};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(line, names[i], strlen(names[i])) == 0)
            *fields[i] = strtoull(line + strlen(names[i]), NULL, 10);
}

static struct image_use *use_of(struct image_user *user, size_t image)
{
    for (size_t i = 0; i < user->count; i++)
        if (user->uses[i].image == image)
            return &user->uses[i];
    user->uses = grown(user->uses, user->count, sizeof *user->uses);
    user->uses[user->count] = (struct image_use){.image = image};
    return &user->uses[user->count++];
}

static void add_mapping(struct image_user *user, const struct mapping *m)
{
    if (m->image < 0)
        return;
    struct image_use *use = use_of(user, (size_t)m->image);
    if (!m->lent)
        return;
    if (use->lent == 0)
        use->first = m->start;
    use->lent += m->size * 1024;
    use->copied += (m->anonymous + m->swap) * 1024;
    use->resident += m->rss * 1024;
    use->pss += m->pss * 1024;
}

/* "PID (NAME) STATE PPID ...", where NAME may hold anything. */
static void read_name(struct image_user *user)
{
    char path[64], text[512];
    int parent;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)user->pid);
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[n] = '\0';
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!name || !end)
        return;
    *end = '\0';
    snprintf(user->name, sizeof user->name, "%s", name + 1);
    for (char *at = user->name; *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?'; /* it goes to terminals */
    if (sscanf(end + 1, " %*c %d", &parent) == 1)
        user->parent = parent;
}

/* Most processes map no image: maps tells so for much less than smaps. */
static bool maps_any(const struct images *images, struct image_user *user, bool *readable)
{
    char path[64], *line = NULL;
    size_t size = 0;
    bool any = false;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)user->pid);
    FILE *file = fopen(path, "re");
    *readable = file || errno == ENOENT || errno == ESRCH;
    errno = 0;
    while (file && getline(&line, &size, file) > 0) {
        any = any || take_mapping(images, line).image >= 0;
        counters_take_mapping(&user->library, line);
    }
    if (file && !any && errno && errno != ESRCH)
        *readable = false;
    free(line);
    if (file)
        fclose(file);
    return any;
}

bool images_user(const struct images *images, pid_t pid, struct image_user *user)
{
    char path[64], *line = NULL;
    size_t size = 0;
    struct mapping mapping = {.image = -1};
    bool readable;

    *user = (struct image_user){.pid = pid};
    bool any = maps_any(images, user, &readable);
    if (any || user->library.count)
        read_name(user);
    if (!any)
        return readable;
    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT || errno == ESRCH;
    while (getline(&line, &size, file) > 0) {
        if (line[0] >= 'A' && line[0] <= 'Z') { /* fields begin with a capital, mappings do not */
            take_field(&mapping, line);
            continue;
        }
        add_mapping(user, &mapping);
        mapping = take_mapping(images, line);
    }
    add_mapping(user, &mapping);
    free(line);
    fclose(file);
    return true;
}

void images_user_free(struct image_user *user)
{
    free(user->uses);
    json_decref(user->counters);
    json_decref(user->reasons);
    *user = (struct image_user){0};
}
