/* Counters of another process: counters.h. */
#include "config.h"
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/reasons.h"
#include "base/window.h"

/* Nothing that the library has is larger; a garbled window must not make us hang. */
#define MOST_DATA    ((uint64_t)4 << 20)
#define MOST_NUMBERS 1024
#define MOST_NAMES   8192

void counters_take_mapping(struct library_data *data, const char *line)
{
    uint64_t from, to;
    char access[8];

    if (!strstr(line, "/libonecopy-preload.so") ||
        sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, access) != 3)
        return;
    if (strncmp(access, "r-", 2) != 0 && strncmp(access, "rw-", 3) != 0)
        return;
    if (access[2] == 'x' || data->count == sizeof data->ranges / sizeof data->ranges[0])
        return;
    data->ranges[data->count].from = from;
    data->ranges[data->count++].to = to;
}

/* LEN bytes at AT of the process; all or nothing. */
static bool peek(pid_t pid, uint64_t at, void *buffer, size_t len)
{
    struct iovec here = {buffer, len}, there = {(void *)(uintptr_t)at, len};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)len;
}

static bool is_window(const struct oc_window *window, uint64_t at)
{
    return memcmp(window->magic, OC_WINDOW_MAGIC, sizeof window->magic) == 0 &&
           window->pointer == sizeof(void *) && (uintptr_t)window->self == at &&
           window->counters <= MOST_NUMBERS && window->reasons <= MOST_NUMBERS &&
           window->thread_size <= 65536 && window->names_size <= MOST_NAMES &&
           window->count_at + window->counters * sizeof(uint64_t) <= window->thread_size;
}

static bool search(pid_t pid, uint64_t from, uint64_t to, struct oc_window *window)
{
    size_t len = to - from < MOST_DATA ? (size_t)(to - from) : (size_t)MOST_DATA;
    char *data = malloc(len);
    bool found = false;

    if (!data)
        abort();
    if (peek(pid, from, data, len))
        for (size_t i = 0; i + sizeof *window <= len && !found; i += sizeof(void *)) {
            memcpy(window, data + i, sizeof *window);
            found = is_window(window, from + i);
        }
    free(data);
    return found;
}

static bool find_window(pid_t pid, const struct library_data *data, struct oc_window *window)
{
    for (size_t i = 0; i < data->count; i++)
        if (search(pid, data->ranges[i].from, data->ranges[i].to, window))
            return true;
    return false;
}

/* A short text of the library's, as far as it goes: it may end right before unmapped memory. */
static bool peek_text(pid_t pid, const char *at, char *text, size_t size)
{
    struct iovec here = {text, size - 1}, there[2];
    size_t first = 4096 - (uintptr_t)at % 4096;

    if (first > size - 1)
        first = size - 1;
    there[0] = (struct iovec){(void *)(uintptr_t)at, first};
    there[1] = (struct iovec){(void *)((uintptr_t)at + first), size - 1 - first};
    ssize_t n = process_vm_readv(pid, &here, 1, there, 2, 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The sum over all threads, past and present. */
static bool add_up(pid_t pid, const struct oc_window *w, uint64_t *sums)
{
    unsigned used = 0;
    bool ok = peek(pid, (uintptr_t)w->threads_used, &used, sizeof used) && used <= 65536;
    uint64_t *numbers = calloc(w->counters + 1, sizeof *numbers);

    if (!numbers)
        abort();
    for (unsigned i = 0; ok && i < used; i++) {
        ok = peek(pid, (uintptr_t)w->threads + (uint64_t)i * w->thread_size + w->count_at, numbers,
                  w->counters * sizeof *numbers);
        for (uint32_t j = 0; ok && j < w->counters; j++)
            sums[j] += numbers[j];
    }
    free(numbers);
    return ok;
}

static json_t *name_sums(pid_t pid, const struct oc_window *w, const uint64_t *sums)
{
    char names[MOST_NAMES + 1], *rest = NULL;
    json_t *object = json_object();

    if (!peek(pid, (uintptr_t)w->names, names, w->names_size))
        return object;
    names[w->names_size] = '\0';
    char *name = strtok_r(names, " ", &rest);
    for (uint32_t i = 0; i < w->counters && name; i++, name = strtok_r(NULL, " ", &rest))
        json_object_set_new(object, name, json_integer((json_int_t)sums[i]));
    return object;
}

static json_t *read_reasons(pid_t pid, const struct oc_window *w)
{
    json_t *object = json_object();
    struct oc_reason reason;
    char why[64];

    for (uint32_t i = 0; i < w->reasons; i++) {
        uint64_t at = (uintptr_t)w->reason + (uint64_t)i * sizeof reason;
        if (!peek(pid, at, (void *)&reason, sizeof reason) || !reason.why)
            break;
        if (reason.count == 0 || !peek_text(pid, reason.why, why, sizeof why))
            continue;
        json_int_t before = json_integer_value(json_object_get(object, why));
        json_object_set_new(object, why, json_integer(before + (json_int_t)reason.count));
    }
    return object;
}

bool counters_read(pid_t pid, const struct library_data *data, json_t **counters, json_t **reasons)
{
    struct oc_window window;

    *counters = *reasons = NULL;
    if (!find_window(pid, data, &window))
        return false;
    uint64_t *sums = calloc(window.counters + 1, sizeof *sums);
    if (!sums)
        abort();
    bool ok = add_up(pid, &window, sums);
    if (ok) {
        *counters = name_sums(pid, &window, sums);
        *reasons = read_reasons(pid, &window);
    }
    free(sums);
    return ok;
}
