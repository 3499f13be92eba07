/* The files that the rules match now: is an image of them compared, or trusted? */
#include "config.h"
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fskind.h"
#include "base/options.h"
#include "file/identity.h"
#include "homes.h"
#include "image/trust.h"
#include "mounts.h"
#include "settings.h"

#define AREA       "files"
#define MOST_FILES 1000

/* The home in which the file would be looked up: the first there is. */
static void choose_home(char home[OC_HOME_PATH])
{
    unsigned i = 0;
    if (!homes_next(&i, home))
        home[0] = '\0';
}

static const char *trust_name(enum oc_trust trust)
{
    return trust == OC_TRUST_NONE ? "compared" : "trusted";
}

/* An open file that a rule matches. */
static void judge(struct doctor *doctor, const char *path, int fd, const struct oc_rule *rule)
{
    struct oc_identity id;
    struct mount mount;
    char home[OC_HOME_PATH];
    const char *why;

    if (oc_identity_of(fd, &id) < 0)
        return;
    choose_home(home);
    mount_of(path, &mount);
    enum oc_trust trust = oc_trust(rule, oc_fs_kind(fd), &id, home, &why);
    json_array_append_new(doctor->files,
                          json_pack("{s:o, s:I, s:I, s:I, s:s, s:s, s:s}", "path",
                                    doctor_text(path), "device", (json_int_t)id.dev, "inode",
                                    (json_int_t)id.ino, "bytes", (json_int_t)id.size, "file_system",
                                    mount.type, "use", trust_name(trust), "why", why));
    if (id.size < oc_options.min_size)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "small",
                   "%s: %s, less than ONECOPY_MIN_SIZE (%s), is left alone", path,
                   doctor_bytes(id.size), doctor_bytes(oc_options.min_size));
    else if (!rule->lend || !oc_options.lend)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "no-lend", "%s: %s on %s, lending is switched off",
                   path, doctor_bytes(id.size), mount.type);
    else
        doctor_say(doctor, AREA, DOCTOR_OK, "file",
                   "%s: %s on %s; an image of it would now be %s: %s", path, doctor_bytes(id.size),
                   mount.type,
                   trust == OC_TRUST_NONE ? "compared with the file at each load"
                                          : "trusted without reading the file",
                   why);
}

static void look_at(struct doctor *doctor, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    if (stat(name, &st) != 0 || !S_ISREG(st.st_mode) || !realpath(name, path))
        return;
    const struct oc_rule *rule = oc_rules_match(&oc_options.rules, strrchr(path, '/') + 1, path);
    if (!rule)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        doctor_say(doctor, AREA, DOCTOR_WARNING, "unreadable", "%s: %s", path, strerror(errno));
        return;
    }
    judge(doctor, path, fd, rule);
    close(fd);
}

void doctor_files(struct doctor *doctor)
{
    const struct oc_rules *rules = &oc_options.rules;
    const char *files = settings_get("ONECOPY_FILES");
    size_t met = 0;

    if (!files || !*files) {
        doctor_say(doctor, AREA, DOCTOR_NOTE, "no-rule",
                   "no rule is given (--files or ONECOPY_FILES): without one the library is inert");
        return;
    }
    for (size_t i = 0; i < rules->rules; i++) {
        glob_t found;
        if (glob(rules->rule[i].glob, 0, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc && met < MOST_FILES; j++, met++)
            look_at(doctor, found.gl_pathv[j]);
        globfree(&found);
    }
    if (met == 0)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "no-file",
                   "no file matches now%s; rules without a '/' match names wherever they are",
                   rules->by_path ? "" : " in this folder");
}
