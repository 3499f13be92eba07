#include "image/join.h"

#include <stdio.h> /* RENAME_NOREPLACE */
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/maps.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "image/image.h"
#include "image/token.h"

/* A cleaner holds an image for microseconds; wait for it this often, 1 ms each. */
enum { TRIES = 10 };

/* ---- form ---- */

/* Two hashes make a name, not a proof: the header is what is compared. */
static char *put_hex(char *out, uint64_t value)
{
    for (int bit = 60; bit >= 0; bit -= 4)
        *out++ = "0123456789abcdef"[value >> bit & 15];
    return out;
}

void oc_image_form(struct oc_image_form *form, const struct oc_identity *id, unsigned shift)
{
    struct oc_image_header *header = &form->header;
    uint64_t chunks = oc_chunks_of(id->size);
    char *end;

    memset(form, 0, sizeof(*form));
    memcpy(header->magic, OC_IMAGE_MAGIC, sizeof(header->magic));
    header->version = OC_IMAGE_VERSION;
    header->page = (uint32_t)oc_page;
    header->chunk = (uint32_t)OC_CHUNK;
    header->shift = shift;
    header->data = oc_page_up(oc_image_moments_at(chunks) + chunks * sizeof(uint64_t));
    header->id = *id;
    form->size = oc_page_up(header->data + shift + id->size);
    end = put_hex(form->name, oc_hash(header, sizeof(*header), OC_HASH_SEED_1));
    end = put_hex(end, oc_hash(header, sizeof(*header), OC_HASH_SEED_2));
    memcpy(end, OC_IMAGE_SUFFIX, sizeof(OC_IMAGE_SUFFIX));
}

/* ---- entering ---- */

/* 0, -EAGAIN when somebody is making or removing it right now, -EBADMSG. */
static int verify(int dir, const struct oc_image_form *form, int fd, const struct stat *st,
                  uint64_t *data)
{
    const mode_t mode = oc_home_is_groups(dir) ? 0660 : 0600;
    struct oc_image_header header, good = form->header;
    uint64_t pad;

    if (st->st_nlink == 0)
        return -EAGAIN;
    if ((st->st_mode & 07777) != mode || st->st_nlink != 1)
        return -EBADMSG;
    if (oc_sys_pread_all(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
        return -EBADMSG;
    pad = header.data - good.data;
    good.data = *data = header.data;
    return pad < OC_IMAGE_LARGE && pad % oc_page == 0 &&
                   (uint64_t)st->st_size == form->size + pad &&
                   memcmp(&header, &good, sizeof(header)) == 0
               ? 0
               : -EBADMSG;
}

/* What the kernel will call the file's mappings, learnt from the token's. */
static int learn_map(struct oc_image_file *file)
{
    struct oc_map map = {0};
    int ret, fd = oc_maps_open();

    if (fd < 0)
        return fd;
    ret = oc_maps_find(fd, (uintptr_t)file->token, &map);
    oc_own_close(fd);
    if (ret < 0)
        return ret;
    file->map_dev = map.dev;
    file->map_ino = map.ino;
    return map.start <= (uintptr_t)file->token && map.ino ? 0 : -ENOTSUP;
}

/* Through FD, a description made for this; closes it.  A cleaner may have unlinked the
 * file before our lock, so the links are looked at after it; LINKS 0 is a file that has
 * no name yet. */
static int take_token(struct oc_image_file *file, int fd, nlink_t links)
{
    struct stat st;
    void *token = oc_token_take(fd);
    int ret = oc_sys_fstat(fd, &st);

    oc_own_close(fd);
    if (oc_sys_failed(token))
        return (int)(intptr_t)token == -EWOULDBLOCK ? -EAGAIN : (int)(intptr_t)token;
    file->token = token;
    if (ret == 0 && (st.st_nlink != links || (uint64_t)st.st_ino != file->ino ||
                     (uint64_t)st.st_dev != file->dev))
        ret = -EAGAIN;
    if (ret == 0)
        ret = learn_map(file);
    if (ret < 0) {
        oc_token_drop(token);
        file->token = NULL;
    }
    return ret;
}

/* The maker is not alone with it any more. */
static int leave_mark(int fd, struct oc_image_file *file)
{
    int ret = oc_sys_pwrite_all(fd, "\1", 1, OC_IMAGE_JOINED_AT);

    if (ret < 0) {
        oc_token_drop(file->token);
        file->token = NULL;
    }
    return ret;
}

/* A descriptor, -ENOENT, -EAGAIN, -EBADMSG or another negated errno. */
static int enter(int dir, const struct oc_image_form *form, struct oc_image_file *file)
{
    struct stat st, st2;
    int ret, other, fd = oc_home_open_image(dir, form->name, O_RDWR, &st);

    if (fd < 0)
        return fd == -ENOENT || fd == -EMFILE || fd == -ENFILE ? fd : -EBADMSG;
    ret = verify(dir, form, fd, &st, &file->data);
    if (ret == 0) {
        file->dev = (uint64_t)st.st_dev;
        file->ino = (uint64_t)st.st_ino;
        other = oc_home_open_image(dir, form->name, O_RDONLY, &st2);
        if (other < 0)
            ret = other == -ENOENT ? -EAGAIN : other;
        else
            ret = take_token(file, other, 1);
        if (other >= 0 && ret == 0)
            ret = leave_mark(fd, file);
    }
    if (ret < 0)
        oc_own_close(fd);
    return ret < 0 ? ret : fd;
}

/* ---- making ---- */

static int write_whole(int fd, const struct oc_image_form *form)
{
    struct oc_image_header header = form->header;
    int ret;

    header.data += form->pad;
    ret = oc_sys_pwrite_all(fd, &header, sizeof(header), 0);
    return ret < 0 ? ret : oc_sys_ftruncate(fd, form->size + form->pad);
}

static int give_name(int dir, const char *temp, const char *self, const char *name)
{
    if (temp)
        return (int)oc_syscall(SYS_renameat2, dir, (long)temp, dir, (long)name, RENAME_NOREPLACE,
                               0);
    return (int)oc_syscall(SYS_linkat, AT_FDCWD, (long)self, dir, (long)name, AT_SYMLINK_FOLLOW, 0);
}

/* The token comes before the name: no moment at which a cleaner could find it unused. */
static int make_in(int fd, int dir, const char *temp, const struct oc_image_form *form,
                   struct oc_image_file *file)
{
    char self[32];
    struct stat st;
    int other, ret = write_whole(fd, form);

    if (ret == 0)
        ret = oc_sys_fstat(fd, &st);
    if (ret < 0)
        return ret;
    file->data = form->header.data + form->pad;
    file->dev = (uint64_t)st.st_dev;
    file->ino = (uint64_t)st.st_ino;
    oc_format(self, sizeof(self), "/proc/self/fd/%d", fd);
    other = oc_own_open(self, O_RDONLY | O_CLOEXEC, 0);
    if (other < 0)
        return other;
    ret = take_token(file, other, st.st_nlink);
    if (ret < 0)
        return ret;
    ret = give_name(dir, temp, self, form->name);
    if (ret < 0) {
        oc_token_drop(file->token);
        file->token = NULL;
    }
    return ret;
}

/* A descriptor, -EEXIST when somebody was faster, or another negated errno. */
static int make(int dir, const struct oc_image_form *form, struct oc_image_file *file)
{
    char temp[OC_HOME_NAME];
    bool named;
    int ret, fd = oc_home_temp(dir, temp, &named);

    if (fd < 0)
        return fd;
    ret = make_in(fd, dir, named ? temp : NULL, form, file);
    if (ret < 0 && named)
        OC_SYS_3(SYS_unlinkat, dir, temp, 0);
    if (ret < 0)
        oc_own_close(fd);
    return ret < 0 ? ret : fd;
}

/* Something that cannot be our image has its name: away with it, unless it is in use. */
static bool remove_corrupt(int dir, const char *name)
{
    struct stat st;
    bool gone = false;
    int fd = oc_home_open_image(dir, name, O_RDONLY, &st);

    if (fd < 0)
        return fd == -ENOENT;
    if (oc_token_exclude(fd) == 0) {
        gone = oc_sys_fstat(fd, &st) == 0 &&
               (st.st_nlink == 0 || OC_SYS_3(SYS_unlinkat, dir, name, 0) == 0);
        oc_token_release(fd);
    }
    oc_own_close(fd);
    return gone;
}

/* ---- choosing the home ---- */

void oc_image_nap(void)
{
#ifdef SYS_nanosleep
    long ms[2] = {0, 1000000};

    OC_SYS_2(SYS_nanosleep, ms, NULL);
#else
    OC_SYS_0(SYS_sched_yield);
#endif
}

/* A descriptor; -ENOENT: there is none; -EAGAIN; -EBADMSG: in the way and in use. */
static int find(const struct oc_image_form *form, struct oc_image_file *file)
{
    int result = -ENOENT;

    for (unsigned i = 0; oc_home_candidate(i, file->home); i++) {
        int fd, dir = oc_home_open(file->home, false);

        if (dir < 0)
            continue;
        fd = enter(dir, form, file);
        if (fd == -EBADMSG && remove_corrupt(dir, form->name))
            fd = -ENOENT;
        oc_own_close(dir);
        if (fd >= 0)
            return fd;
        if (fd == -EAGAIN || fd == -EBADMSG)
            result = fd;
    }
    return result;
}

/* As find. */
static int create(const struct oc_image_form *form, uint64_t need, struct oc_image_file *file,
                  const char **why)
{
    int again = -ENOENT;

    *why = "no home";
    for (unsigned i = 0; oc_home_candidate(i, file->home); i++) {
        int fd, dir = oc_home_open(file->home, true);

        if (dir < 0) {
            oc_home_say_refused(file->home, dir);
            continue;
        }
        if (oc_home_allowance(dir) < need) {
            *why = "no room";
            oc_own_close(dir);
            continue;
        }
        fd = make(dir, form, file);
        oc_own_close(dir);
        file->made = fd >= 0;
        if (fd >= 0)
            return fd;
        *why = "no image";
        if (fd == -EEXIST)
            again = -EAGAIN;
    }
    return again;
}

int oc_image_join(const struct oc_image_form *form, uint64_t need, struct oc_image_file *file,
                  const char **why)
{
    int fd = -EAGAIN;

    memset(file, 0, sizeof(*file));
    *why = "file size limit";
    if (!oc_home_may_write(form->size + form->pad))
        return -EFBIG;
    memcpy(file->name, form->name, sizeof(file->name));
    *why = "image in the way";
    for (int i = 0; i < TRIES && fd == -EAGAIN; i++) {
        if (i)
            oc_image_nap();
        fd = find(form, file);
        if (fd == -ENOENT)
            fd = create(form, need, file, why);
    }
    return fd;
}

/* ---- later ---- */

static void path_of(const struct oc_image_file *file, char path[OC_HOME_PATH + OC_IMAGE_NAME])
{
    oc_format(path, OC_HOME_PATH + OC_IMAGE_NAME, "%s/%s", file->home, file->name);
}

static int open_again(const struct oc_image_file *file, int mode)
{
    char path[OC_HOME_PATH + OC_IMAGE_NAME];
    struct stat st;
    int ret, fd;

    path_of(file, path);
    fd = oc_own_open(path, mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    ret = oc_sys_fstat(fd, &st);
    if (ret == 0 && (uint64_t)st.st_dev == file->dev && (uint64_t)st.st_ino == file->ino &&
        st.st_nlink == 1)
        return fd;
    oc_own_close(fd);
    return -ENOENT;
}

int oc_image_reopen(const struct oc_image_file *file)
{
    return open_again(file, O_RDWR);
}

/* With all users locked out. */
static void retire(const struct oc_image_file *file, int fd, uint64_t linger)
{
    char path[OC_HOME_PATH + OC_IMAGE_NAME];
    uint64_t until = oc_home_now() + linger;
    struct stat st;

    if (linger && oc_home_may_write(OC_IMAGE_STATES_AT) &&
        oc_sys_pwrite_all(fd, &until, sizeof(until), OC_IMAGE_KEEP_AT) == 0)
        return;
    path_of(file, path);
    if (oc_sys_fstat(fd, &st) == 0 && st.st_nlink > 0)
        OC_SYS_3(SYS_unlinkat, AT_FDCWD, path, 0);
}

void oc_image_part(struct oc_image_file *file, uint64_t linger)
{
    int fd;

    if (file->token)
        oc_token_drop(file->token);
    file->token = NULL;
    fd = open_again(file, O_RDWR);
    if (fd < 0)
        return;
    if (oc_token_exclude(fd) == 0) {
        retire(file, fd, linger);
        oc_token_release(fd);
    }
    oc_own_close(fd);
}

/* With all users locked out. */
static bool take_away(const struct oc_image_file *file, int fd)
{
    char path[OC_HOME_PATH + OC_IMAGE_NAME], joined;

    path_of(file, path);
    return oc_sys_pread_all(fd, &joined, 1, OC_IMAGE_JOINED_AT) == 1 && !joined &&
           OC_SYS_3(SYS_unlinkat, AT_FDCWD, path, 0) == 0;
}

int oc_image_seize(struct oc_image_file *file)
{
    bool taken = false;
    int fd;

    if (!file->made || !file->token)
        return -EBUSY;
    fd = open_again(file, O_RDWR);
    if (fd < 0)
        return fd;
    oc_token_drop(file->token);
    file->token = NULL;
    if (oc_token_exclude(fd) == 0) {
        taken = take_away(file, fd);
        oc_token_release(fd);
    }
    if (taken)
        return fd;
    oc_own_close(fd);
    oc_image_rejoin(file);
    return -EBUSY;
}

bool oc_image_rejoin(struct oc_image_file *file)
{
    int fd = open_again(file, O_RDONLY);

    return fd >= 0 && take_token(file, fd, 1) == 0;
}
