/*
 * The mutex, what the environment says, and fork.
 */
#include "api/part.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/size.h"
#include "base/sys.h"

#define DEFAULT_BUDGET  ((uint64_t)32 << 20)
#define DEFAULT_SECTION ((uint64_t)256 << 10)

struct onecopy_file *oc_api_files;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int begun; /* 0 or a negated errno */

void oc_api_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void oc_api_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

static void in_child(void)
{
    for (struct onecopy_file *file = oc_api_files; file; file = file->next)
        oc_hold_in_child(file);
    oc_part_in_child();
    oc_api_unlock();
}

/* A malformed value is as good as none: this library prints nothing. */
static uint64_t size_from(const char *name, uint64_t fallback, uint64_t least)
{
    const char *text = secure_getenv(name);
    uint64_t bytes;
    if (!text || !oc_parse_size(text, &bytes) || bytes < least || bytes > SIZE_MAX / 2)
        bytes = fallback;
    return bytes;
}

static void begin(void)
{
    uint64_t section = size_from("ONECOPY_SECTION", DEFAULT_SECTION, oc_page);
    if (section & (section - 1))
        section = DEFAULT_SECTION;
    if (section < oc_page)
        section = oc_page;
    uint64_t fallback = section > DEFAULT_BUDGET ? section : DEFAULT_BUDGET;
    oc_part_configure(size_from("ONECOPY_POOL", fallback, section), section);
    begun = -pthread_atfork(oc_api_lock, oc_api_unlock, in_child);
}

int oc_api_begin(void)
{
    pthread_once(&once, begin);
    return begun;
}

OC_API int onecopy_set_budget(size_t bytes)
{
    int saved = errno, err = oc_api_begin();
    if (err)
        return oc_api_done(err, saved);
    oc_api_lock();
    err = oc_part_set_budget(bytes);
    oc_api_unlock();
    return oc_api_done(err, saved);
}

OC_API void onecopy_count(struct onecopy_counters *counters, size_t size)
{
    int saved = errno;
    char *to = (char *)counters;
    struct onecopy_counters now;
    oc_api_begin();
    oc_api_lock();
    oc_part_count(&now);
    oc_api_unlock();
    for (size_t i = 0; i < size; i++)
        to[i] = i < sizeof now ? ((char *)&now)[i] : 0;
    errno = saved;
}
