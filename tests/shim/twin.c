/* Twin files, pairs of descriptors and buffers; see twin.h. */
#include "twin.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"

static void stop(const char *what)
{
    perror(what);
    exit(99);
}

unsigned char twin_byte(uint64_t off)
{
    if ((off >> 12) % 5 == 3)
        return 0;
    return (unsigned char)(((off + 1) * UINT64_C(0x9e3779b97f4a7c15)) >> 53);
}

const char *twin_dir(void)
{
    static char dir[TWIN_PATH - 56];

    if (dir[0] == 0) {
        const char *tmp = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/twins-XXXXXX", tmp != NULL ? tmp : "/tmp");
        if (mkdtemp(dir) == NULL)
            stop(dir);
    }
    return dir;
}

static void write_all(int fd, const unsigned char *bytes, size_t n)
{
    for (long done = 0; n > 0; bytes += done, n -= (size_t)done) {
        done = side_write(RAW, fd, bytes, n);
        if (done <= 0)
            stop("write");
    }
}

static void make_file(const char *path, size_t size)
{
    unsigned char bytes[64 * KB];
    long fd = side_open(RAW, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0)
        stop(path);
    for (size_t off = 0; off < size; off += sizeof bytes) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = twin_byte(off + i);
        write_all((int)fd, bytes, size - off < sizeof bytes ? size - off : sizeof bytes);
    }
    side_close(RAW, (int)fd);
}

struct twin twin_make(const char *name, size_t size)
{
    struct twin twin = {.size = size};

    snprintf(twin.path[LIBC], TWIN_PATH, "%s/%.40s.matched", twin_dir(), name);
    snprintf(twin.path[RAW], TWIN_PATH, "%s/%.40s.twin", twin_dir(), name);
    make_file(twin.path[LIBC], size);
    make_file(twin.path[RAW], size);
    return twin;
}

struct pair pair_open(const struct twin *twin, int flags)
{
    struct pair pair;

    for (enum side s = LIBC; s < SIDES; s++)
        pair.fd[s] = (int)side_open(s, twin->path[s], flags, 0644);
    expect((pair.fd[LIBC] >= 0) == (pair.fd[RAW] >= 0), "open(%s, %#x): libc %d, kernel %d",
           twin->path[LIBC], (unsigned)flags, pair.fd[LIBC], pair.fd[RAW]);
    return pair;
}

void pair_close(struct pair *pair)
{
    same(side_close(LIBC, pair->fd[LIBC]), side_close(RAW, pair->fd[RAW]), "close");
    pair->fd[LIBC] = pair->fd[RAW] = -1;
}

struct buffers buffers_make(size_t len)
{
    struct buffers b = {.len = len};

    for (enum side s = LIBC; s < SIDES; s++) {
        b.at[s] = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (b.at[s] == MAP_FAILED)
            stop("mmap");
    }
    return b;
}

void buffers_fill(struct buffers *b, int byte)
{
    for (enum side s = LIBC; s < SIDES; s++)
        memset(b->at[s], byte, b->len);
}

void buffers_free(struct buffers *b)
{
    for (enum side s = LIBC; s < SIDES; s++)
        same(side_munmap(s, b->at[s], b->len), 0, "munmap of a buffer");
    *b = (struct buffers){0};
}

bool buffers_same(const struct buffers *b, size_t from, size_t len, const char *what)
{
    const char *m = b->at[LIBC] + from, *t = b->at[RAW] + from;
    size_t i = 0;

    if (memcmp(m, t, len) == 0)
        return true;
    while (m[i] == t[i])
        i++;
    return expect(false, "%s: byte %zu of the buffer is %02x, the kernel's %02x", what, from + i,
                  m[i] & 0xff, t[i] & 0xff);
}

bool same_read(const struct pair *p, struct buffers *b, size_t n)
{
    char what[80];
    long m = side_read(LIBC, p->fd[LIBC], b->at[LIBC], n);
    long t = side_read(RAW, p->fd[RAW], b->at[RAW], n);

    snprintf(what, sizeof what, "read of %zu bytes", n);
    bool value = same(m, t, "%s", what), bytes = buffers_same(b, 0, b->len, what);
    return same_lseek(p, 0, SEEK_CUR) && value && bytes;
}

bool same_pread(const struct pair *p, struct buffers *b, size_t n, int64_t off)
{
    char what[80];
    long m = side_pread(LIBC, p->fd[LIBC], b->at[LIBC], n, off);
    long t = side_pread(RAW, p->fd[RAW], b->at[RAW], n, off);

    snprintf(what, sizeof what, "pread of %zu bytes at %lld", n, (long long)off);
    bool value = same(m, t, "%s", what), bytes = buffers_same(b, 0, b->len, what);
    return same_lseek(p, 0, SEEK_CUR) && value && bytes;
}

bool same_lseek(const struct pair *p, int64_t off, int whence)
{
    return same(side_lseek(LIBC, p->fd[LIBC], off, whence),
                side_lseek(RAW, p->fd[RAW], off, whence), "lseek(%lld, %d)", (long long)off,
                whence);
}

bool same_calls(const struct pair *p, struct buffers *b)
{
    bool good = true;

    for (int i = 0; i < 40; i++) {
        good &= same_read(p, b, 100);
        good &= same_pread(p, b, 64, 5000 + i);
        good &= same_lseek(p, i * 7, i % 2 ? SEEK_CUR : SEEK_SET);
    }
    return same_pread(p, b, MB, 10) && good;
}

struct pair pair_read_on(const struct twin *twin, struct buffers *b, size_t to)
{
    struct pair p = pair_open(twin, O_RDONLY);

    for (int k = 0; k < 60; k++)
        same_read(&p, b, 50);
    same_lseek(&p, (int64_t)to, SEEK_SET);
    same_read(&p, b, 111);
    return p;
}

bool same_kernel_offset(const struct pair *p, const char *what)
{
    return same(side_lseek(RAW, p->fd[LIBC], 0, SEEK_CUR), side_lseek(RAW, p->fd[RAW], 0, SEEK_CUR),
                "%s: the kernel's offset", what);
}

/* /proc/self/maps in pieces, each overlapping the one before by the text's length. */
bool maps_have(const char *text)
{
    char piece[16 * KB + 1];
    size_t kept = 0;
    bool found = false;
    long got, fd = side_open(RAW, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return false;
    while (!found && (got = side_read(RAW, (int)fd, piece + kept, sizeof piece - 1 - kept)) > 0) {
        size_t have = kept + (size_t)got;
        piece[have] = 0;
        found = strstr(piece, text) != NULL;
        kept = have < strlen(text) ? have : strlen(text);
        memmove(piece, piece + have - kept, kept);
    }
    side_close(RAW, (int)fd);
    return found;
}

bool whole_mapped(size_t size)
{
    char line[600];
    unsigned long from, to;
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, ".matched") != NULL && strstr(line, " r--p ") != NULL &&
            sscanf(line, "%lx-%lx", &from, &to) == 2 && to - from >= size)
            found = true;
    fclose(maps);
    return found;
}

bool library_loaded(void)
{
    return !tap_active() || maps_have("libonecopy-preload");
}

bool image_mapped(void)
{
    const char *home = getenv("ONECOPY_DIR");
    return !tap_active() || (home != NULL && maps_have(home));
}

int images_in_home(void)
{
    const char *home = getenv("ONECOPY_DIR");
    DIR *dir = home != NULL ? opendir(home) : NULL;
    struct dirent *entry;
    int count = 0;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL)
        count += strstr(entry->d_name, ".image") != NULL;
    closedir(dir);
    return count;
}
