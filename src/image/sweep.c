/*
 * Removing what was left behind: images whose users were killed, images that
 * were kept for a next start that did not come, and files that never became
 * images.  An image in use is recognised by its users' tokens and never touched.
 */
#include "image/home.h"

#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/sys.h"
#include "image/header.h"
#include "image/token.h"

/* The kernel's record in a directory listing. */
struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

enum what { GONE, REMOVED, IN_USE, KEPT };

struct sweeper {
    int dir;
    bool force;
    struct oc_sweep *sweep;
    void (*each)(const char *name, uint64_t bytes, const char *what, void *arg);
    void *arg;
};

uint64_t oc_home_now(void)
{
#if __SIZEOF_LONG__ == 4 && defined(SYS_clock_gettime64)
    int64_t now[2] = {0, 0};

    OC_SYS_2(SYS_clock_gettime64, CLOCK_BOOTTIME, now);
#else
    long now[2] = {0, 0};

    OC_SYS_2(SYS_clock_gettime, CLOCK_BOOTTIME, now);
#endif
    return (uint64_t)now[0];
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), tail = strlen(suffix);

    return len > tail && memcmp(name + len - tail, suffix, tail) == 0;
}

bool oc_home_is_image(const char *name)
{
    return ends_with(name, OC_IMAGE_SUFFIX);
}

/* Its linger time is running, and it could still be used: same layout, same boot. */
static bool wanted(int fd)
{
    struct oc_image_header header;
    uint8_t boot[16];
    uint64_t until;

    return oc_sys_pread_all(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
           oc_sys_pread_all(fd, &until, sizeof(until), OC_IMAGE_KEEP_AT) ==
               (ssize_t)sizeof(until) &&
           memcmp(header.magic, OC_IMAGE_MAGIC, sizeof(header.magic)) == 0 &&
           header.version == OC_IMAGE_VERSION && oc_identity_boot(boot) == 0 &&
           memcmp(header.id.boot, boot, sizeof(boot)) == 0 && until > oc_home_now();
}

/* With all users locked out.  A file that another sweeper unlinked between our open and
 * our lock has no link; its name may already be another image's. */
static enum what remove_unused(const struct sweeper *s, int fd, const char *name)
{
    struct stat st;

    if (oc_sys_fstat(fd, &st) < 0 || st.st_nlink == 0)
        return GONE;
    if (!s->force && wanted(fd))
        return KEPT;
    return OC_SYS_3(SYS_unlinkat, s->dir, name, 0) == 0 ? REMOVED : GONE;
}

static void tell(const struct sweeper *s, const char *name, uint64_t bytes, enum what what)
{
    struct oc_sweep *sum = s->sweep;
    const struct {
        const char *word;
        unsigned *images;
        uint64_t *bytes;
    } row[] = {
        [REMOVED] = {"removed", &sum->removed, &sum->removed_bytes},
        [IN_USE] = {"in use", &sum->in_use, &sum->in_use_bytes},
        [KEPT] = {"kept", &sum->kept, &sum->kept_bytes},
    };

    if (what == GONE || !oc_home_is_image(name))
        return;
    *row[what].images += 1;
    *row[what].bytes += bytes;
    if (s->each)
        s->each(name, bytes, row[what].word, s->arg);
}

static void sweep_one(int dir, const char *name, void *arg)
{
    const struct sweeper *s = arg;
    struct stat st;
    enum what what = IN_USE;
    int fd;

    if (!ends_with(name, OC_IMAGE_SUFFIX) && !ends_with(name, OC_IMAGE_TEMP))
        return;
    fd = oc_home_open_image(dir, name, O_RDONLY, &st);
    if (fd < 0)
        return;
    if (oc_token_exclude(fd) == 0) {
        what = remove_unused(s, fd, name);
        oc_token_release(fd);
    }
    oc_own_close(fd);
    tell(s, name, (uint64_t)st.st_blocks * 512, what);
}

int oc_home_each(int dir, void (*each)(int dir, const char *name, void *arg), void *arg)
{
    char list[1024] __attribute__((aligned(8)));

    for (;;) {
        long len = OC_SYS_3(SYS_getdents64, dir, list, sizeof(list));

        if (len <= 0)
            return (int)len;
        for (long at = 0; at < len;) {
            const struct entry *entry = (const struct entry *)(list + at);

            each(dir, entry->name, arg);
            at += entry->len;
        }
    }
}

static void find_image(int dir, const char *name, void *found)
{
    (void)dir;
    if (ends_with(name, OC_IMAGE_SUFFIX) || ends_with(name, OC_IMAGE_TEMP))
        *(bool *)found = true;
}

bool oc_home_has_images(const char *path)
{
    bool found = false;
    int dir = oc_sys_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

    if (dir < 0)
        return false;
    oc_home_each(dir, find_image, &found);
    oc_sys_close(dir);
    return found;
}

int oc_home_sweep(const char *path, bool force, struct oc_sweep *sweep,
                  void (*each)(const char *name, uint64_t bytes, const char *what, void *arg),
                  void *arg)
{
    struct sweeper s = {.force = force, .sweep = sweep, .each = each, .arg = arg};
    int ret;

    memset(sweep, 0, sizeof(*sweep));
    s.dir = oc_home_open(path, false);
    if (s.dir < 0)
        return s.dir == -ENOENT ? 0 : s.dir;
    ret = oc_home_each(s.dir, sweep_one, &s);
    oc_own_close(s.dir);
    return ret;
}
