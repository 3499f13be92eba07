#include "file/file.h"

#include "base/arena.h"
#include "base/fskind.h"
#include "base/options.h"
#include "base/sys.h"

/* Section keys have room for this many files in the life of a process. */
#define OC_FILE_ID_MAX (OC_FILE_ID_NONE - 1)

static struct oc_file *in_use, *unused;
static oc_file_id last_id;

static struct oc_file *take_record(void)
{
    struct oc_file *file = unused;
    if (last_id == OC_FILE_ID_MAX)
        return NULL;
    if (file)
        unused = file->next;
    else
        file = oc_arena(sizeof *file);
    return file;
}

struct oc_file *oc_file_get(int fd, const struct stat *st, const struct oc_rule *rule)
{
    struct oc_file *file;
    for (file = in_use; file; file = file->next) {
        if (file->dev == st->st_dev && file->ino == st->st_ino) {
            file->descriptions++;
            return file;
        }
    }
    file = take_record();
    if (!file)
        return NULL;
    bool faults_beyond;
    enum oc_fs_kind kind = oc_fs_look(fd, &faults_beyond);
    *file = (struct oc_file){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .rule = rule,
        .id = ++last_id,
        .kind = kind,
        .fixed = rule->unchanging || kind == OC_FS_READ_ONLY ? (uint64_t)st->st_size : 0,
        .mappable = rule->map && !rule->strict && (rule->unchanging || kind != OC_FS_OTHER),
        .faults_beyond = faults_beyond || rule->unchanging || kind == OC_FS_READ_ONLY,
        .follow = rule->kept && oc_options.lend,
        .descriptions = 1,
        .next = in_use,
    };
    in_use = file;
    return file;
}

void oc_file_put(struct oc_file *file)
{
    struct oc_file **link = &in_use;
    if (--file->descriptions)
        return;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    file->next = unused;
    unused = file;
}

void oc_file_in_child(void)
{
    for (struct oc_file *file = in_use; file; file = file->next)
        atomic_store(&file->account, NULL);
}
