/* What every process shares now, as `onecopy stat` shows it. */
#ifndef STATE_H
#define STATE_H

#include <stdio.h>

#include "images.h"

struct state {
    struct images images;
    struct image_user *users; /* only processes that map some image, by pid */
    size_t count;
    size_t unreadable; /* processes of the user's that could not be looked at */
    size_t uncounted;  /* with the library, but their counters could not be read */
    uint64_t lent, copied, inherited, allocated;
    int64_t saved; /* of memory, now: shared and not inherited, less what the images take */
};

void state_take(struct state *state);
void state_free(struct state *state);

/* Was this use there in the parent already? */
bool state_inherited(const struct state *state, const struct image_user *user,
                     const struct image_use *use);

/* How many processes map the image. */
size_t state_users(const struct state *state, size_t image);

/* One of the process's own counters by name; 0 when they are not known. */
uint64_t state_counter(const struct image_user *user, const char *name);

/* TEXT with control characters as '?', so that a name cannot disturb a terminal; it stays until
 * the next call. */
const char *state_plain(const char *text);

/* What to call the file an image is of; the text stays until the next call. */
const char *state_source(const struct image *image);

void stat_text(const struct state *state, FILE *out);
void stat_json(const struct state *state, FILE *out);
void stat_prometheus(const struct state *state, FILE *out);

/* In the terminal until the user has enough of it; the exit status. */
int stat_watch(void);

#endif
