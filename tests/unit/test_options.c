/*
 * The environment variables: defaults, values, and what is said about
 * malformed ones.
 */
#include <CUnit/CUnit.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- an environment of our own: "NAME=VALUE" without the ONECOPY_ ---- */

static const char *const *environment;

static const char *get(const char *name)
{
    for (const char *const *e = environment; e && *e; e++) {
        size_t len = strcspn(*e, "=");

        if (!strncmp(name, "ONECOPY_", 8) && strlen(name + 8) == len && !memcmp(name + 8, *e, len))
            return *e + len + 1;
    }
    return NULL;
}

/* Read up to four variables; oc_options keeps what is in force. */
static bool set(const char *a, const char *b, const char *c, const char *d)
{
    const char *list[] = {a, b, c, d, NULL};
    bool good;

    environment = list;
    good = oc_options_read(get);
    environment = NULL;
    return good;
}

/* ---- defaults ---- */

static void test_defaults(void)
{
    struct oc_options first = oc_options;

    CU_ASSERT_EQUAL(first.min_size, 1 << 20);
    CU_ASSERT_EQUAL(first.pool, 32 << 20);
    CU_ASSERT_EQUAL(first.section, 256 << 10);
    CU_ASSERT_EQUAL(first.lend_min, 256 << 10);
    CU_ASSERT(first.lend && !first.disable);
    CU_ASSERT_EQUAL(first.log_level, OC_LOG_ERROR);

    CU_ASSERT(set(NULL, NULL, NULL, NULL));
    CU_ASSERT_EQUAL(memcmp(&first, &oc_options, sizeof first), 0);
    /* an empty variable is as good as none */
    CU_ASSERT(set("POOL=", "FILES=", "DIR=", "LOG="));
    CU_ASSERT_EQUAL(memcmp(&first, &oc_options, sizeof first), 0);
    CU_ASSERT_EQUAL(oc_options.rules.rules, 0);
}

static void test_table(void)
{
    struct oc_option_text row, other;
    size_t i;

    for (i = 0; oc_options_text(i, &row); i++) {
        CU_ASSERT_EQUAL(strncmp(row.name, "ONECOPY_", 8), 0);
        CU_ASSERT_PTR_NOT_NULL(row.fallback);
        CU_ASSERT(strlen(row.text) > 10 && !strchr(row.text, '\n'));
        for (size_t j = 0; j < i; j++)
            CU_ASSERT(oc_options_text(j, &other) && strcmp(other.name, row.name) != 0);
    }
    CU_ASSERT_EQUAL(i, 13);
}

/* ---- values ---- */

static void test_sizes(void)
{
    CU_ASSERT(set("LEND_MIN=0", NULL, NULL, NULL));
    CU_ASSERT_EQUAL(oc_options.lend_min, 1); /* a read of nothing is none */
    CU_ASSERT(set("FILES=*.bin", "POOL=64M", "SECTION=1M", "LEND_MIN=2M"));
    CU_ASSERT_EQUAL(oc_options.pool, 64 << 20);
    CU_ASSERT_EQUAL(oc_options.section, 1 << 20);
    CU_ASSERT_EQUAL(oc_options.lend_min, 2 << 20);
    CU_ASSERT(set("FILES=*.bin", "POOL=1M", "SECTION=1M", "MIN_SIZE=0"));
    CU_ASSERT_EQUAL(oc_options.pool, oc_options.section);
    CU_ASSERT_EQUAL(oc_options.min_size, 0);
    CU_ASSERT_EQUAL(oc_options.rules.rules, 1);
}

static void test_words(void)
{
    CU_ASSERT(set("FILES=x", "LEND=off", "LINGER=600", "DIR=/var/tmp/home"));
    CU_ASSERT(!oc_options.lend);
    CU_ASSERT_EQUAL(oc_options.linger, 600);
    CU_ASSERT_EQUAL(oc_options.image_max, 0);
    CU_ASSERT(set("FILES=x", "IMAGE_MAX=3G", NULL, NULL));
    CU_ASSERT_EQUAL(oc_options.image_max, UINT64_C(3) << 30);
    CU_ASSERT(set("FILES=x", "LEND=off", "LINGER=600", "DIR=/var/tmp/home"));
    CU_ASSERT_STRING_EQUAL(oc_options.dir, "/var/tmp/home");
    CU_ASSERT(set("FILES=x", "LEND=on", "DISABLE=0", "EXCLUDE=y:/z"));
    CU_ASSERT(oc_options.lend && !oc_options.disable);
    CU_ASSERT_EQUAL(oc_options.rules.excludes, 2);
    CU_ASSERT_PTR_NULL(oc_options.dir);
    CU_ASSERT(set("FILES=x", "DISABLE=1", NULL, NULL));
    CU_ASSERT(oc_options.disable);
}

static void test_log(void)
{
    static const char *const words[] = {"LOG=off", "LOG=error", "LOG=info", "LOG=debug"};

    for (int level = OC_LOG_OFF; level <= OC_LOG_DEBUG; level++) {
        CU_ASSERT(set("FILES=x", words[level], NULL, NULL));
        CU_ASSERT_EQUAL(oc_options.log_level, level);
        CU_ASSERT_EQUAL(oc_log_level, (enum oc_log_level)level);
        CU_ASSERT_PTR_NULL(oc_options.log_file);
    }
    CU_ASSERT(set("FILES=x", "LOG=info,/tmp/a,b", NULL, NULL));
    CU_ASSERT_EQUAL(oc_options.log_level, OC_LOG_INFO);
    CU_ASSERT_STRING_EQUAL(oc_options.log_file, "/tmp/a,b");
    CU_ASSERT(set(NULL, NULL, NULL, NULL));
    CU_ASSERT_EQUAL(oc_log_level, OC_LOG_ERROR);
}

/* A relative file means the same after chdir. */
static void test_files(void)
{
    char cwd[PATH_MAX], log[PATH_MAX + 16], report[PATH_MAX + 16];

    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(cwd, sizeof cwd));
    snprintf(log, sizeof log, "%s/%s", cwd, "my.log");
    snprintf(report, sizeof report, "%s/%s", cwd, "../r");
    CU_ASSERT(set("FILES=x", "LOG=debug,my.log", "REPORT=../r", NULL));
    CU_ASSERT_STRING_EQUAL(oc_options.log_file, log);
    CU_ASSERT_STRING_EQUAL(oc_options.report, report);
    CU_ASSERT(set("FILES=x", "REPORT=stderr", NULL, NULL));
    CU_ASSERT_STRING_EQUAL(oc_options.report, "stderr");
    CU_ASSERT(set("FILES=x", "REPORT=/a/b", NULL, NULL));
    CU_ASSERT_STRING_EQUAL(oc_options.report, "/a/b");
    CU_ASSERT(set(NULL, NULL, NULL, NULL));
}

/* The program may change its environment later. */
static void test_copied(void)
{
    char files[] = "FILES=*.bin,strict", dir[] = "DIR=/some/dir", log[] = "LOG=info,/some/log",
         report[] = "REPORT=/some/report";

    CU_ASSERT(set(files, dir, log, report));
    memset(files, 'x', sizeof files - 1);
    memset(dir, 'x', sizeof dir - 1);
    memset(log, 'x', sizeof log - 1);
    memset(report, 'x', sizeof report - 1);
    CU_ASSERT_STRING_EQUAL(oc_options.rules.rule[0].glob, "*.bin");
    CU_ASSERT_STRING_EQUAL(oc_options.dir, "/some/dir");
    CU_ASSERT_STRING_EQUAL(oc_options.log_file, "/some/log");
    CU_ASSERT_STRING_EQUAL(oc_options.report, "/some/report");
    CU_ASSERT(set(NULL, NULL, NULL, NULL));
}

/* ---- malformed values ---- */

struct malformed {
    const char *variable, *other, *line;
};

static const struct malformed malformed[] = {
    {"POOL=abc", NULL, "ONECOPY_POOL=abc: expected a size such as 32M"},
    {"POOL=-1", NULL, "ONECOPY_POOL=-1: expected a size such as 32M"},
    {"POOL=128K", NULL,
     "ONECOPY_POOL=128K: expected room for at least one section (ONECOPY_SECTION, 256K)"},
    {"SECTION=64M", NULL,
     "ONECOPY_POOL=32M: expected room for at least one section (ONECOPY_SECTION, 64M)"},
    {"POOL=1000G", "SECTION=64K",
     "ONECOPY_POOL=1000G: expected room for at most 1048576 sections (ONECOPY_SECTION, 64K)"},
    {"SECTION=big", NULL, "ONECOPY_SECTION=big: expected a size such as 256K"},
    {"MIN_SIZE=1X", NULL, "ONECOPY_MIN_SIZE=1X: expected a size such as 1M"},
    {"LEND=yes", NULL, "ONECOPY_LEND=yes: expected on or off"},
    {"LEND_MIN=,", NULL, "ONECOPY_LEND_MIN=,: expected a size such as 256K"},
    {"DIR=here", NULL, "ONECOPY_DIR=here: expected an absolute path"},
    {"IMAGE_MAX=0", NULL, "ONECOPY_IMAGE_MAX=0: expected a size such as 4G, more than 0"},
    {"LINGER=1M", NULL, "ONECOPY_LINGER=1M: expected a number of seconds, at most 1000000000"},
    {"LINGER=1000000001", NULL,
     "ONECOPY_LINGER=1000000001: expected a number of seconds, at most 1000000000"},
    {"LOG=loud", NULL, "ONECOPY_LOG=loud: expected off, error, info or debug, then maybe ',FILE'"},
    {"LOG=info,", NULL,
     "ONECOPY_LOG=info,: expected off, error, info or debug, then maybe ',FILE'"},
    {"LOG=inf", NULL, "ONECOPY_LOG=inf: expected off, error, info or debug, then maybe ',FILE'"},
    {"DISABLE=yes", NULL, "ONECOPY_DISABLE=yes: expected 1 or 0"},
    {"EXCLUDE=a/b", NULL,
     "ONECOPY_EXCLUDE=a/b: expected a glob for the whole path, beginning with '/' or '**', not "
     "'a/b'"},
    {"POOL=\x1b[2J\n", NULL, "ONECOPY_POOL=?[2J?: expected a size such as 32M"},
};

/* Messages go to descriptor 2 as it was when they were last told where to go: for the
 * tests before this child, another one. */
static void log_to_stderr(void)
{
    oc_log_to(OC_LOG_ERROR, NULL);
}

static int read_malformed(void *arg)
{
    const struct malformed *m = arg;
    struct oc_options before = oc_options;

    log_to_stderr();
    if (set("FILES=*.bin", m->variable, m->other, NULL))
        return 1;
    return memcmp(&before, &oc_options, sizeof before) != 0 ? 2 : 0;
}

static void test_malformed(void)
{
    char said[1024], line[512];

    for (size_t i = 0; i < COUNT(malformed); i++) {
        const struct malformed *m = &malformed[i];

        snprintf(line, sizeof line, "onecopy: %s; onecopy is off in this process\n", m->line);
        CU_ASSERT_EQUAL(oc_tap_child_stderr(read_malformed, (void *)m, said, sizeof said), 0);
        if (strcmp(said, line) != 0)
            printf("# said: %s# want: %s", said, line);
        CU_ASSERT_STRING_EQUAL(said, line);
    }
}

static int read_files(void *files)
{
    log_to_stderr();
    return set(files, NULL, NULL, NULL) ? 1 : 0;
}

static void test_malformed_rule(void)
{
    char said[1024], files[4096] = "FILES=*.bin,";

    CU_ASSERT_EQUAL(oc_tap_child_stderr(read_files, "FILES=*.a:b,pin=9:c", said, sizeof said), 0);
    CU_ASSERT_STRING_EQUAL(
        said, "onecopy: ONECOPY_FILES=*.a:b,pin=9:c: expected pin=FROM-TO, two sizes such as "
              "pin=0-64K, not 'pin=9'; onecopy is off in this process\n");
    /* A long value is cut, the reason is not. */
    memset(files + 12, 'z', sizeof files - 13);
    CU_ASSERT_EQUAL(oc_tap_child_stderr(read_files, files, said, sizeof said), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "...: expected one of"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "; onecopy is off in this process\n"));
    CU_ASSERT(strlen(said) < 600);
}

static int read_page_sections(void *arg)
{
    char section[64], line[64];

    (void)arg;
    snprintf(section, sizeof section, "SECTION=%zu", oc_page);
    if (!set("FILES=x", section, NULL, NULL) || oc_options.section != oc_page)
        return 1;
    snprintf(section, sizeof section, "SECTION=%zu", oc_page / 2);
    snprintf(line, sizeof line, "SECTION=%zu", 3 * oc_page);
    return set("FILES=x", section, NULL, NULL) || set("FILES=x", line, NULL, NULL);
}

static void test_section(void)
{
    char said[1024], part[64];

    CU_ASSERT_EQUAL(oc_tap_child_stderr(read_page_sections, NULL, said, sizeof said), 0);
    snprintf(part, sizeof part, "at least the page size, %zu; ", oc_page);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, part));
    snprintf(part, sizeof part, "ONECOPY_SECTION=%zu: ", 3 * oc_page);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, part));
}

/* Who asked for nothing is told nothing. */
static int read_inert(void *arg)
{
    (void)arg;
    log_to_stderr();
    if (!set("POOL=abc", "SECTION=1", "LOG=loud", "DIR=/d") || oc_options.rules.rules ||
        oc_options.pool != 32 << 20 || strcmp(oc_options.dir, "/d") != 0)
        return 1;
    if (!set("FILES=", "EXCLUDE=a/b", NULL, NULL) || oc_options.rules.rules)
        return 2;
    if (!set("POOL=1K", NULL, NULL, NULL) || !set("FILES=x", "SECTION=64M", "DISABLE=1", NULL))
        return 4;
    if (!set("FILES=y:x,,", "DISABLE=1", "EXCLUDE=a:[", NULL) || !oc_options.disable ||
        oc_options.rules.rules || oc_options.rules.excludes)
        return 3;
    return 0;
}

static void test_inert(void)
{
    char said[1024];

    CU_ASSERT_EQUAL(oc_tap_child_stderr(read_inert, NULL, said, sizeof said), 0);
    CU_ASSERT_STRING_EQUAL(said, "");
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"defaults", test_defaults},
        {"the table", test_table},
        {"sizes", test_sizes},
        {"words, numbers and paths", test_words},
        {"log levels and file", test_log},
        {"relative files", test_files},
        {"values are copied", test_copied},
        {"malformed values", test_malformed},
        {"malformed rules", test_malformed_rule},
        {"the size of a section", test_section},
        {"inert processes are silent", test_inert},
        {NULL, NULL},
    };

    return oc_tap_suite("options", tests);
}
