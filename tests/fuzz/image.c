/*
 * Image files that somebody wrote to: header, word, state bytes, data.  Input: what
 * is done to a good image before it is found in the home.  Each step is one byte of
 * kind, two or three of place, and for stores a length and the bytes.
 *
 * Checked: the reader gets the file's bytes, whatever the image holds; and an image
 * that nothing was done to is lent.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/options.h"
#include "base/sys.h"
#include "base/vma.h"
#include "fuzz.h"
#include "image/header.h"
#include "image/image.h"
#include "image/join.h"
#include "image/lend.h"
#include "kit.h"

/* Three chunks, the last of them odd. */
enum { SIZE = 600 * 1000, ROOM = 1 << 20, SHIFT = 48 };

static int data_fd;
static struct oc_rule rule = {.glob = "*", .lend = true};
static struct oc_image_form form;
static uint8_t *image, *want;
static char *memory, path[200];

/* Load the file into fresh memory, and look at every byte. */
static bool load(void)
{
    static oc_file_id last;
    struct stat st;
    const char *why = "";
    MUST(fstat(data_fd, &st) == 0);
    struct oc_file file = {.dev = st.st_dev, .ino = st.st_ino, .rule = &rule, .id = ++last};
    struct oc_lend_request request = {&file, data_fd, memory + SHIFT, SIZE + 1, 0};

    ssize_t got = oc_lend_read(&request, &why);
    bool lent = oc_lent_bytes() > 0;
    if (got >= 0) {
        MUST(got == SIZE);
        MUST(memcmp(memory + SHIFT, want, SIZE) == 0);
        MUST(memory[SHIFT - 1] == 0 && memory[SHIFT + SIZE] == 0);
    }
    return lent;
}

static void give_back(void)
{
    oc_lent_discard(memory, ROOM);
    MUST(oc_lent_bytes() == 0);
    madvise(memory, ROOM, MADV_DONTNEED);
}

static void spoil(int fd, struct feed *f)
{
    uint8_t bytes[32], kind = feed_byte(f);
    uint64_t at = feed_word(f) * (kind & 0x80 ? 16 : 1);
    size_t n = feed_byte(f) % sizeof bytes;

    for (size_t i = 0; i < n; i++)
        bytes[i] = feed_byte(f);
    switch (kind & 7) {
    case 0:
        MUST(ftruncate(fd, (off_t)at) == 0);
        break;
    case 1: /* states */
        at = OC_IMAGE_STATES_AT + at % 8;
        break;
    case 2: /* data */
        at += form.header.data;
        break;
    case 3:
        MUST(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, 4096) == 0);
        break;
    default:
        at %= 1024;
    }
    MUST(pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n);
}

static void put_image(struct feed *f)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0 && pwrite(fd, image, form.size, 0) == (ssize_t)form.size);
    while (f->left)
        spoil(fd, f);
    close(fd);
}

static void make_template(void)
{
    int fd;
    const char *why = "";
    struct oc_identity id;

    MUST(oc_identity_of(data_fd, &id) == 0);
    oc_image_form(&form, &id, SHIFT);
    snprintf(path, sizeof path, "%s/%s", kit_home, form.name);
    (void)why;
    MUST(load());
    fd = open(path, O_RDONLY);
    image = malloc(form.size);
    MUST(fd >= 0 && read(fd, image, form.size) == (ssize_t)form.size);
    close(fd);
    give_back();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    kit_start();
    kit_guard();
    data_fd = kit_file(SIZE);
    want = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        want[i] = kit_byte(i);
    memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while (oc_vma_lendable(memory, ROOM, NULL) == OC_VMA_COSTLY)
        ;
    make_template();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed f = {data, size};

    put_image(&f);
    bool lent = load();
    MUST(lent || size > 0);
    give_back();
    return 0;
}
