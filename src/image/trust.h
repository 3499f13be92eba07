/*
 * May a chunk that somebody else filled be used without comparing it with the
 * file?
 *
 * Where the user vouches for the file: yes, any full chunk.  Otherwise only a
 * settled chunk of an old file.  A store through somebody's writable mapping
 * moves ctime when it meets a clean page, but not while the page is dirty
 * anyway; write-back cleans it within dirty_expire + dirty_writeback.  So when
 * an identity (ctime included) has stood for twice that time, every page was
 * clean at some moment since, any later store must have moved ctime, and what is read
 * now stays the file's contents for as long as the identity is the same.
 * (Linux: page_mkwrite and file_update_time; tmpfs moves no time at all, and is
 * never old.)
 *
 * "Has stood": ctime is that long ago, and the home's history has known the identity
 * for that long by CLOCK_MONOTONIC: a clock that was stepped forward makes a new file
 * look old.
 */
#ifndef OC_TRUST_H
#define OC_TRUST_H

#include <stdint.h>

#include "base/fskind.h"
#include "base/rules.h"
#include "file/identity.h"

enum oc_trust {
    OC_TRUST_NONE,    /* compare */
    OC_TRUST_OLD,     /* settled chunks may be used, and chunks may be settled */
    OC_TRUST_VOUCHED, /* all full chunks may be used */
};

/* Tests may shorten the settling time, in nanoseconds; 0: as /proc/sys/vm says. */
extern uint64_t oc_trust_settling;

/* HOME is the image's directory, for its history.  *why says it in words.
 * Async-signal-safe. */
enum oc_trust oc_trust(const struct oc_rule *rule, enum oc_fs_kind kind,
                       const struct oc_identity *id, const char *home, const char **why);

#endif
