#include "file/description.h"

#include "base/arena.h"
#include "base/sys.h"
#include "learn.h"
#include "section/pool.h"

/* First in, first out: a tag comes round only after every other record had its turn. */
static struct oc_desc *free_first, **free_last = &free_first;

static struct oc_desc *take_record(void)
{
    struct oc_desc *d = free_first;
    if (!d)
        return oc_arena(sizeof *d);
    free_first = d->next_free;
    if (!free_first)
        free_last = &free_first;
    return d;
}

static uint64_t next_tag(uint64_t word)
{
    return ((word >> OC_OFFSET_BITS) + 1) << OC_OFFSET_BITS;
}

struct oc_desc *oc_desc_new(struct oc_file *file, uint64_t offset)
{
    struct oc_desc *d = take_record();
    if (!d)
        return NULL;
    uint64_t tag = next_tag(atomic_load(&d->word));
    atomic_store(&d->word, tag | offset);
    atomic_store(&d->shared, false);
    atomic_store(&d->stream, NULL);
    d->seeks = 0;
    d->refs = 1;
    d->next_free = NULL;
    atomic_store(&d->key, oc_section_key_of(file->mappable ? file->id : OC_FILE_ID_NONE, 0));
    atomic_store(&d->file, file);
    return d;
}

void oc_desc_put(struct oc_desc *d)
{
    struct oc_file *file = atomic_load(&d->file);
    if (--d->refs)
        return;
    /* A new tag now, so that a late reader's compare-and-swap finds nothing of its own. */
    atomic_store(&d->word, next_tag(atomic_load(&d->word)) | OC_OFFSET_KERNEL);
    atomic_store(&d->key, oc_section_key_of(OC_FILE_ID_NONE, 0));
    atomic_store(&d->file, NULL);
    oc_learn_closing(file);
    oc_pool_drop_owner(d);
    oc_file_put(file);
    d->next_free = NULL;
    *free_last = d;
    free_last = &d->next_free;
}

/* Closed and opened anew where we could not see it?  Then the offset is not ours to set. */
static bool is_same_file(struct oc_desc *d, int fd)
{
    struct stat st;
    const struct oc_file *file = atomic_load(&d->file);
    return oc_sys_fstat(fd, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino;
}

/*
 * An offset that is ours was never moved in the kernel, where it is 0 still.
 *
 * Readers go on moving the word meanwhile: seek to what it says, and if it
 * still says so, the kernel has it.  Nobody else uses the kernel's offset of a
 * description whose word is ours, and oc_lock keeps a second hand-over out.
 */
bool oc_desc_release(struct oc_desc *d, int fd)
{
    uint64_t word = atomic_load(&d->word);
    uint64_t kernels = 0;
    while (oc_word_ours(word)) {
        uint64_t to = oc_word_offset(word);
        if (to != kernels && !is_same_file(d, fd))
            return false;
        if (to != kernels && oc_sys_lseek(fd, (int64_t)to, SEEK_SET) >= 0)
            kernels = to;
        if (atomic_compare_exchange_weak(&d->word, &word, word | OC_OFFSET_KERNEL))
            break;
    }
    return true;
}
