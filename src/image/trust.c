#include "image/trust.h"

#include <time.h>

#include "base/lines.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/history.h"
#include "image/home.h"

#define SECOND UINT64_C(1000000000)

uint64_t oc_trust_settling;

/* A number of centiseconds from /proc/sys/vm, in nanoseconds; 0 when it cannot be read. */
static uint64_t centiseconds(const char *path)
{
    char text[24];
    const char *at = text;
    uint64_t value = 0;
    int fd = oc_own_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ssize_t n = oc_sys_pread_all(fd, text, sizeof text - 1, 0);
    oc_own_close(fd);
    text[n > 0 ? n : 0] = '\0';
    return oc_scan_dec(&at, &value) ? value * (SECOND / 100) : 0;
}

/* How long until every page that was dirty is clean, with as much again for a busy disk.
 * 0: never, the periodic write-back is switched off. */
static uint64_t settling_time(void)
{
    if (oc_trust_settling)
        return oc_trust_settling;
    uint64_t expire = centiseconds("/proc/sys/vm/dirty_expire_centisecs");
    uint64_t interval = centiseconds("/proc/sys/vm/dirty_writeback_centisecs");
    return expire && interval ? 2 * (expire + interval) : 0;
}

/* Since ctime, by the clock that made it; 0 when that is in the future, however far. */
static uint64_t since_change(const struct oc_identity *id)
{
    struct timespec now;
    int64_t seconds, ns;
    OC_SYS_2(SYS_clock_gettime, CLOCK_REALTIME, &now);
    if (id->ctime_sec > now.tv_sec)
        return 0;
    if (__builtin_sub_overflow((int64_t)now.tv_sec, id->ctime_sec, &seconds) ||
        __builtin_mul_overflow(seconds, (int64_t)SECOND, &ns) ||
        __builtin_add_overflow(ns, (int64_t)now.tv_nsec - (int64_t)id->ctime_nsec, &ns))
        return UINT64_MAX;
    return ns > 0 ? (uint64_t)ns : 0;
}

static uint64_t known_for(const struct oc_identity *id, const char *home)
{
    int dir = oc_home_open(home, false);
    if (dir < 0)
        return 0;
    uint64_t age = oc_history_age(dir, id);
    oc_own_close(dir);
    return age;
}

static bool is_old(const struct oc_identity *id, const char *home, const char **why)
{
    uint64_t needed = settling_time(), known = known_for(id, home);
    *why = "periodic write-back is off";
    if (!needed)
        return false;
    *why = "changed lately";
    if (since_change(id) < needed)
        return false;
    *why = "not known for long";
    return known >= needed;
}

enum oc_trust oc_trust(const struct oc_rule *rule, enum oc_fs_kind kind,
                       const struct oc_identity *id, const char *home, const char **why)
{
    *why = "the rule is strict";
    if (rule->strict)
        return OC_TRUST_NONE;
    *why = "the rule says unchanging";
    if (rule->unchanging)
        return OC_TRUST_VOUCHED;
    *why = "the file system cannot change";
    if (kind == OC_FS_READ_ONLY)
        return OC_TRUST_VOUCHED;
    *why = "the file system's times prove nothing";
    if (kind != OC_FS_DISK || !is_old(id, home, why))
        return OC_TRUST_NONE;
    *why = "old and unchanged";
    return OC_TRUST_OLD;
}
