/* What is shared now, as JSON: state.h. */
#include "config.h"
#include "state.h"

#include <jansson.h>

#include "doctor.h"

static json_t *image_json(const struct state *state, size_t i)
{
    const struct image *image = &state->images.list[i];

    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I}", "image", doctor_text(image->path), "file",
                     image->source ? doctor_text(image->source) : json_null(), "file_bytes",
                     (json_int_t)image->header.id.size, "image_bytes", (json_int_t)image->allocated,
                     "shift", (json_int_t)image->header.shift, "users",
                     (json_int_t)state_users(state, i));
}

static json_t *use_json(const struct state *state, const struct image_user *user,
                        const struct image_use *use)
{
    const struct image *image = &state->images.list[use->image];

    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "image", doctor_text(image->path),
                     "file", image->source ? doctor_text(image->source) : json_null(), "shift",
                     (json_int_t)image->header.shift, "lent_bytes", (json_int_t)use->lent,
                     "shared_bytes", (json_int_t)image_use_shared(use), "copied_bytes",
                     (json_int_t)use->copied, "resident_bytes", (json_int_t)use->resident,
                     "inherited", (int)state_inherited(state, user, use));
}

static json_t *user_json(const struct state *state, const struct image_user *user)
{
    json_t *uses = json_array();

    for (size_t j = 0; j < user->count; j++)
        json_array_append_new(uses, use_json(state, user, &user->uses[j]));
    return json_pack("{s:I, s:o, s:o, s:O?, s:O?}", "pid", (json_int_t)user->pid, "name",
                     doctor_text(user->name), "uses", uses, "counters", user->counters, "not_lent",
                     user->reasons);
}

void stat_json(const struct state *state, FILE *out)
{
    json_t *images = json_array(), *processes = json_array();

    for (size_t i = 0; i < state->images.count; i++)
        json_array_append_new(images, image_json(state, i));
    for (size_t i = 0; i < state->count; i++)
        json_array_append_new(processes, user_json(state, &state->users[i]));
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "version", PACKAGE_VERSION,
                  "lent_bytes", (json_int_t)state->lent, "copied_bytes", (json_int_t)state->copied,
                  "inherited_bytes", (json_int_t)state->inherited, "image_bytes",
                  (json_int_t)state->allocated, "saved_bytes", (json_int_t)state->saved,
                  "unreadable", (json_int_t)state->unreadable, "uncounted",
                  (json_int_t)state->uncounted, "images", images, "processes", processes);
    json_dumpf(object, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(object);
}
