/* Gathering what is shared now: all processes of the user's, and the images: state.h. */
#include "config.h"
#include "state.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/options.h"

static void add_user(struct state *state, const struct image_user *user)
{
    if ((state->count & (state->count - 1)) == 0) /* full at each power of two */
        state->users =
            reallocarray(state->users, state->count ? 2 * state->count : 1, sizeof *state->users);
    if (!state->users)
        abort();
    state->users[state->count++] = *user;
}

/* Has the library done anything in it? */
static bool has_counted(const struct image_user *user)
{
    const char *name;
    json_t *value;

    json_object_foreach(user->counters, name, value)
    {
        if (json_integer_value(value) > 0)
            return true;
    }
    return false;
}

/* Was it started with the home that we were told to look at?  Without one, all are of interest. */
static bool is_of_home(pid_t pid)
{
    static const char variable[] = "ONECOPY_DIR=";
    char path[64], *text = NULL, theirs[PATH_MAX], ours[PATH_MAX];
    size_t size = 0;
    bool same = !oc_options.dir;

    if (same || !realpath(oc_options.dir, ours))
        return same;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !same && getdelim(&text, &size, '\0', file) > 0)
        same = strncmp(text, variable, sizeof variable - 1) == 0 &&
               realpath(text + sizeof variable - 1, theirs) && strcmp(theirs, ours) == 0;
    free(text);
    if (file)
        fclose(file);
    return same;
}

static void look(struct state *state, pid_t pid)
{
    struct image_user user;

    state->unreadable += !images_user(&state->images, pid, &user);
    if (user.library.count && (user.count || is_of_home(pid)))
        state->uncounted += !counters_read(pid, &user.library, &user.counters, &user.reasons);
    if (user.count == 0 && !has_counted(&user)) {
        images_user_free(&user);
        return;
    }
    images_name(&state->images, &user);
    add_user(state, &user);
}

/* Other users' processes cannot map images in a home of mode 0700; root sees those that
 * belong to somebody else by now. */
static bool is_mine(DIR *proc, const char *pid)
{
    struct stat st;
    return fstatat(dirfd(proc), pid, &st, 0) == 0 && (st.st_uid == geteuid() || geteuid() == 0);
}

static int by_pid(const void *a, const void *b)
{
    const struct image_user *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct image_use *find_use(const struct image_user *user, size_t image)
{
    for (size_t i = 0; i < user->count; i++)
        if (user->uses[i].image == image)
            return &user->uses[i];
    return NULL;
}

bool state_inherited(const struct state *state, const struct image_user *user,
                     const struct image_use *use)
{
    for (size_t i = 0; i < state->count; i++) {
        if (state->users[i].pid != user->parent)
            continue;
        const struct image_use *parents = find_use(&state->users[i], use->image);
        return parents && use->lent > 0 && parents->first == use->first;
    }
    return false;
}

static void add_up(struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        for (size_t j = 0; j < state->users[i].count; j++) {
            const struct image_use *use = &state->users[i].uses[j];
            state->lent += use->lent;
            state->copied += use->copied;
            if (state_inherited(state, &state->users[i], use))
                state->inherited += image_use_shared(use);
            else
                state->saved += (int64_t)image_use_shared(use);
        }
    for (size_t i = 0; i < state->images.count; i++)
        state->allocated += state->images.list[i].allocated;
    state->saved -= (int64_t)state->allocated;
}

void state_take(struct state *state)
{
    const struct dirent *entry;

    *state = (struct state){0};
    images_list_all(&state->images);
    DIR *proc = opendir("/proc");
    while (proc && (entry = readdir(proc)))
        if (isdigit((unsigned char)entry->d_name[0]) && is_mine(proc, entry->d_name))
            look(state, (pid_t)strtol(entry->d_name, NULL, 10));
    if (proc)
        closedir(proc);
    if (state->count)
        qsort(state->users, state->count, sizeof *state->users, by_pid);
    add_up(state);
}

void state_free(struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        images_user_free(&state->users[i]);
    free(state->users);
    images_free(&state->images);
}

size_t state_users(const struct state *state, size_t image)
{
    size_t count = 0;

    for (size_t i = 0; i < state->count; i++)
        count += find_use(&state->users[i], image) != NULL;
    return count;
}

uint64_t state_counter(const struct image_user *user, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(user->counters, name));
}

const char *state_plain(const char *text)
{
    static char plain[PATH_MAX];
    size_t n = 0;

    for (; *text && n < sizeof plain - 1; text++)
        plain[n++] = iscntrl((unsigned char)*text) ? '?' : *text;
    plain[n] = '\0';
    return plain;
}

const char *state_source(const struct image *image)
{
    static char number[64];

    if (image->source)
        return image->source;
    snprintf(number, sizeof number, "file %llu:%llu", (unsigned long long)image->header.id.dev,
             (unsigned long long)image->header.id.ino);
    return number;
}
