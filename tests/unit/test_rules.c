/*
 * Sizes, globs, and the text of ONECOPY_FILES and ONECOPY_EXCLUDE.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rules.h"
#include "base/size.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- sizes ---- */

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"007", 7},
        {"1K", 1024},
        {"1k", 1024},
        {"32M", 32ULL << 20},
        {"3g", 3ULL << 30},
        {"2T", 2ULL << 40},
        {"1.5G", 3ULL << 29},
        {"0.5K", 512},
        {"1.25M", 5ULL << 18},
        {"0.000001T", 1099511},
        {"1.0000000000000000000000001K", 1024},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", 16777215ULL << 40},
        {"16777215.999999T", (16777215ULL << 40) + (999999ULL << 40) / 1000000},
    };
    static const char *const bad[] = {
        "",
        "K",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1 K",
        "1KK",
        "1KB",
        "1KiB",
        "1P",
        "abc",
        "0x10",
        "1.K",
        ".5K",
        "1.5",
        "1..5K",
        "1.5.5K",
        "1,5K",
        "1e3",
        "18446744073709551616",
        "99999999999999999999999999",
        "16777216T",
        "18446744073709551615K",
        "\xff",
    };
    uint64_t n;

    for (size_t i = 0; i < COUNT(good); i++) {
        n = 42;
        CU_ASSERT(oc_parse_size(good[i].text, &n));
        CU_ASSERT_EQUAL(n, good[i].bytes);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        n = 42;
        CU_ASSERT(!oc_parse_size(bad[i], &n));
        CU_ASSERT_EQUAL(n, 42);
    }
}

static void test_parts(void)
{
    const char *text = "12K-34";
    uint64_t n;

    CU_ASSERT(oc_parse_size_to(text, text + 3, &n) && n == 12288);
    CU_ASSERT(oc_parse_size_to(text, text + 2, &n) && n == 12);
    CU_ASSERT(!oc_parse_size_to(text, text, &n));
    CU_ASSERT(!oc_parse_size_to(text, text + 4, &n));
    CU_ASSERT(oc_parse_number("600", &n) && n == 600);
    CU_ASSERT(!oc_parse_number("6K", &n));
    CU_ASSERT(!oc_parse_number("", &n));
    CU_ASSERT(!oc_parse_number("-6", &n));
    CU_ASSERT(!oc_parse_number("18446744073709551616", &n));
}

/* ---- globs ---- */

struct glob_case {
    const char *glob, *text;
    bool match;
};

static const struct glob_case globs[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"model.bin", "model.bin", true},
    {"model.bin", "model.bin2", false},
    {"model.bin", "amodel.bin", false},
    {"model.bin", "modelxbin", false},
    {"*.bin", "model.bin", true},
    {"*.bin", ".bin", true},
    {"*.bin", "bin", false},
    {"*.bin", "model.bin.gz", false},
    {"*", "", true},
    {"*", "anything", true},
    {"*", "a/b", false},
    {"a*", "a", true},
    {"a*b*c", "aXbXbXc", true},
    {"a*b*c", "aXbXcX", false},
    {"*ab", "aab", true},
    {"*aab", "aaab", true},
    {"?", "a", true},
    {"?", "", false},
    {"?", "/", false},
    {"a?c", "abc", true},
    {"a?c", "a/c", false},
    {"/data/*.bin", "/data/x.bin", true},
    {"/data/*.bin", "/data/sub/x.bin", false},
    {"/data/*/x.bin", "/data/sub/x.bin", true},
    {"/data/*/x.bin", "/data/a/b/x.bin", false},
    {"/data/**.bin", "/data/a/b/x.bin", true},
    {"/data/**", "/data/", true},
    {"/data/**", "/data", false},
    {"/data/**/x.bin", "/data/a/b/x.bin", true},
    {"/data/**/x.bin", "/data/x.bin", false},
    {"**/x.bin", "/x.bin", true},
    {"**/x.bin", "/a/b/x.bin", true},
    {"**/*.bin", "/a/b.bin/c", false},
    {"**/a*/b", "/a/c/ax/b", true},
    {"**/a*/b", "/ax/c/b", false},
    {"**a*b", "a/acb", true},
    {"**a*b**c", "xa/a/axb/c/c", true},
    {"***", "a/b", true},
    {"**/", "a/b/", true},
    {"*/**", "/x", true},
    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"[a-c]x", "bx", true},
    {"[a-c]", "-", false},
    {"[a-]", "-", true},
    {"[-a]", "-", true},
    {"[!abc]", "d", true},
    {"[!abc]", "a", false},
    {"[^abc]", "d", true},
    {"[!abc]", "/", false},
    {"[!abc]", "", false},
    {"[]]", "]", true},
    {"[]a]", "a", true},
    {"[!]]", "]", false},
    {"[\\]]", "]", true},
    {"[a\\-c]", "b", false},
    {"[/]", "/", false},
    {"[.-0]", "/", false},
    {"[\x80-\xff]", "\xc3", true},
    {"[a-z]", "\xc3", false},
    {"[", "[", true},
    {"[ab", "[ab", true},
    {"[ab", "a", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "?", true},
    {"a\\:b\\,c", "a:b,c", true},
    {"\\\\", "\\", true},
    {"\\", "\\", true},
    {"x\\a", "xa", true},
    {"gr\xc3\xbc\xc3\x9f*",
     "gr\xc3\xbc\xc3\x9f"
     "e.bin",
     true},
};

static void test_globs(void)
{
    for (size_t i = 0; i < COUNT(globs); i++) {
        bool match = oc_glob(globs[i].glob, globs[i].text);

        if (match != globs[i].match)
            printf("# glob %s, text %s\n", globs[i].glob, globs[i].text);
        CU_ASSERT_EQUAL(match, globs[i].match);
    }
}

/* The definition, in exponential time; no sets but [a] and [!a]. */
static bool reference(const char *g, const char *t)
{
    if (!*g)
        return !*t;
    if (g[0] == '*' && g[1] == '*')
        return reference(g + 2, t) || (*t && reference(g, t + 1));
    if (*g == '*')
        return reference(g + 1, t) || (*t && *t != '/' && reference(g, t + 1));
    if (!*t)
        return false;
    if (*g == '?')
        return *t != '/' && reference(g + 1, t + 1);
    if (*g == '[' && g[1] == '!')
        return *t != '/' && *t != g[2] && reference(g + 4, t + 1);
    if (*g == '[')
        return *t == g[1] && reference(g + 3, t + 1);
    return *g == *t && reference(g + 1, t + 1);
}

static unsigned dice = 12345;

static unsigned roll(unsigned sides)
{
    dice = dice * 1103515245 + 12345;
    return (dice >> 16) % sides;
}

static void random_text(char *out, const char *const *tokens, unsigned n, unsigned max)
{
    *out = '\0';
    for (unsigned len = roll(max + 1); len; len--)
        strcat(out, tokens[roll(n)]);
}

static void test_against_reference(void)
{
    static const char *const glob_tokens[] = {"a", "b", "/", "*", "*", "**", "?", "[a]", "[!a]"};
    static const char *const text_tokens[] = {"a", "a", "b", "/"};
    char glob[64], text[32], tail[64];
    size_t len, hits = 0;

    for (int i = 0; i < 300000; i++) {
        bool match, literal;

        random_text(glob, glob_tokens, COUNT(glob_tokens), 9);
        random_text(text, text_tokens, COUNT(text_tokens), 10);
        match = oc_glob(glob, text);
        hits += match;
        if (match != reference(glob, text)) {
            printf("# glob %s, text %s\n", glob, text);
            CU_FAIL_FATAL("differs from the reference");
        }
        literal = oc_glob_tail(glob, tail, &len);
        if (match && (strlen(text) < len || memcmp(text + strlen(text) - len, tail, len) != 0 ||
                      (literal && strlen(text) != len))) {
            printf("# glob %s, text %s\n", glob, text);
            CU_FAIL_FATAL("matches, but not by its tail");
        }
    }
    CU_ASSERT(hits > 10000);
}

/* Exponential time would not end before the watchdog. */
static void test_hard_globs(void)
{
    char glob[4096], text[4096];

    for (size_t i = 0; i < 2000; i++)
        memcpy(glob + 2 * i, "*a", 2);
    strcpy(glob + 4000, "b");
    memset(text, 'a', 4000);
    text[4000] = '\0';
    CU_ASSERT(!oc_glob(glob, text));
    for (size_t i = 0; i < 1000; i++)
        memcpy(glob + 3 * i, "**a", 3);
    strcpy(glob + 3000, "b");
    CU_ASSERT(!oc_glob(glob, text));
    for (size_t i = 0; i < 800; i++)
        memcpy(glob + 4 * i, i % 2 ? "**/a" : "*a/*", 4);
    strcpy(glob + 3200, "b");
    for (size_t i = 0; i < 4000; i += 5)
        text[i] = '/';
    CU_ASSERT(!oc_glob(glob, text));
}

static void test_tails(void)
{
    static const struct {
        const char *glob, *tail;
        bool literal;
    } cases[] = {
        {"model.bin", "model.bin", true},
        {"*.bin", ".bin", false},
        {"model*", "", false},
        {"a[bc]d", "d", false},
        {"a[bc", "a[bc", true},
        {"a\\*b", "a*b", true},
        {"*a\\:b", "a:b", false},
        {"x?y?", "", false},
        {"/d/**/x.bin", "/x.bin", false},
        {"", "", true},
        {"a\\", "a\\", true},
        {"[a]]x", "]x", false},
    };
    char tail[32];
    size_t len;

    for (size_t i = 0; i < COUNT(cases); i++) {
        CU_ASSERT_EQUAL(oc_glob_tail(cases[i].glob, tail, &len), cases[i].literal);
        tail[len] = '\0';
        CU_ASSERT_STRING_EQUAL(tail, cases[i].tail);
    }
}

/* ---- rules ---- */

static struct oc_rules parse(const char *files, const char *exclude)
{
    struct oc_rules rules = {0};
    const char *error = NULL, *where = NULL;
    bool good = oc_rules_parse(&rules, files, exclude, &error, &where);

    if (!good)
        printf("# %s: %s\n", where, error);
    CU_ASSERT(good);
    return rules;
}

static void test_nothing(void)
{
    static const char *const empty[] = {NULL, "", ":", ":::"};

    for (size_t i = 0; i < COUNT(empty); i++) {
        struct oc_rules rules = parse(empty[i], empty[i]);

        CU_ASSERT_EQUAL(rules.rules, 0);
        CU_ASSERT_EQUAL(rules.excludes, 0);
        CU_ASSERT(!rules.by_path);
        CU_ASSERT(!oc_rules_may_match(&rules, "x"));
        CU_ASSERT_PTR_NULL(oc_rules_match(&rules, "x", "/x"));
    }
}

static void test_list(void)
{
    char text[] = ":*.bin::a\\:b\\,c.npy,strict:/data/**,map=off,lend=off:";
    struct oc_rules rules = parse(text, "*.tmp:/data/tmp/**");

    memset(text, '?', sizeof text - 1); /* all was copied */
    CU_ASSERT_EQUAL_FATAL(rules.rules, 3);
    CU_ASSERT_STRING_EQUAL(rules.rule[0].glob, "*.bin");
    CU_ASSERT(!rules.rule[0].by_path && rules.rule[0].lend && rules.rule[0].map);
    CU_ASSERT(!rules.rule[0].strict && !rules.rule[0].unchanging);
    CU_ASSERT_PTR_NULL(rules.rule[0].pins);
    CU_ASSERT_STRING_EQUAL(rules.rule[1].glob, "a\\:b\\,c.npy");
    CU_ASSERT(rules.rule[1].strict && rules.rule[1].literal);
    CU_ASSERT(rules.rule[2].by_path && !rules.rule[2].map && !rules.rule[2].lend);
    CU_ASSERT_EQUAL_FATAL(rules.excludes, 2);
    CU_ASSERT_STRING_EQUAL(rules.exclude[1], "/data/tmp/**");
    CU_ASSERT(rules.by_path);
}

static void test_options(void)
{
    struct oc_rules rules =
        parse("x,pin=0-64K,unchanging,pin=1M-1.5M,lend=on,map=on:y,lend=off,lend=on", NULL);
    const struct oc_pin *pin = rules.rule[0].pins;

    CU_ASSERT(rules.rule[0].unchanging && !rules.rule[0].strict);
    CU_ASSERT(rules.rule[0].lend && rules.rule[0].map && rules.rule[1].lend);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pin);
    CU_ASSERT(pin->from == 0 && pin->to == 65536);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pin->next);
    CU_ASSERT(pin->next->from == 1 << 20 && pin->next->to == 3 << 19);
    CU_ASSERT_PTR_NULL(pin->next->next);
    CU_ASSERT_PTR_NULL(rules.rule[1].pins);
    CU_ASSERT(!rules.by_path);
}

static void test_malformed(void)
{
    /* the value, the part that is named, a word of what is expected */
    static const char *const cases[][3] = {
        {"x,", "", "one of"},
        {"x,foo", "foo", "one of"},
        {"x,pi", "pi", "one of"},
        {"x,pins=1-2", "pins=1-2", "one of"},
        {"x,strict,", "", "one of"},
        {"x,pin", "pin", "pin=FROM-TO"},
        {"x,pin=", "pin=", "pin=FROM-TO"},
        {"x,pin=5", "pin=5", "pin=FROM-TO"},
        {"x,pin=5-", "pin=5-", "pin=FROM-TO"},
        {"x,pin=-5", "pin=-5", "pin=FROM-TO"},
        {"x,pin=5-5", "pin=5-5", "pin=FROM-TO"},
        {"x,pin=6-5", "pin=6-5", "pin=FROM-TO"},
        {"x,pin=1-2-3", "pin=1-2-3", "pin=FROM-TO"},
        {"x,pin=0-99999999T", "pin=0-99999999T", "pin=FROM-TO"},
        {"ok:x,lend=maybe:y", "lend=maybe", "lend=on"},
        {"x,lend", "lend", "lend=on"},
        {"x,map=", "map=", "map=on"},
        {"x,strict=1", "strict=1", "strict without"},
        {"x,unchanging=on", "unchanging=on", "unchanging without"},
        {"x,strict,unchanging", "unchanging", "together"},
        {"x,unchanging,strict", "strict", "together"},
        {",strict", "", "a glob"},
        {"a:,strict", "", "a glob"},
        {"a[b", "a[b", "']'"},
        {"a[b:c]", "a[b", "']'"},
        {"a\\", "a\\", "backslash"},
        {"data/x.bin", "data/x.bin", "whole path"},
        {"./x.bin", "./x.bin", "whole path"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct oc_rules rules = {0};
        const char *error = NULL, *where = NULL;

        CU_ASSERT(!oc_rules_parse(&rules, cases[i][0], NULL, &error, &where));
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(where);
        CU_ASSERT_STRING_EQUAL(where, cases[i][1]);
        if (!strstr(error, cases[i][2])) {
            printf("# %s: %s\n", cases[i][0], error);
            CU_FAIL("another error was expected");
        }
    }
}

static void test_malformed_exclude(void)
{
    struct oc_rules rules = {0};
    const char *error = NULL, *where = NULL;

    CU_ASSERT(!oc_rules_parse(&rules, "x", "a:b[", &error, &where));
    CU_ASSERT_STRING_EQUAL(where, "b[");
    CU_ASSERT(!oc_rules_parse_exclude(&rules, "some/where", &error, &where));
    CU_ASSERT_STRING_EQUAL(where, "some/where");
    /* No options here: the comma belongs to the glob. */
    CU_ASSERT(oc_rules_parse_exclude(&rules, "a,b", &error, &where));
    CU_ASSERT_STRING_EQUAL(rules.exclude[rules.excludes - 1], "a,b");
}

static void test_first_match(void)
{
    struct oc_rules rules =
        parse("*.bin,strict:model*:/data/**,map=off:m.bin", "*.tmp.bin:/data/no/**");

    CU_ASSERT_PTR_EQUAL(oc_rules_match(&rules, "m.bin", "/data/m.bin"), &rules.rule[0]);
    CU_ASSERT_PTR_EQUAL(oc_rules_match(&rules, "model.npy", "/x/model.npy"), &rules.rule[1]);
    CU_ASSERT_PTR_EQUAL(oc_rules_match(&rules, "model.bin", NULL), &rules.rule[0]);
    CU_ASSERT_PTR_EQUAL(oc_rules_match(&rules, "x", "/data/x"), &rules.rule[2]);
    CU_ASSERT_PTR_NULL(oc_rules_match(&rules, "x", NULL));
    CU_ASSERT_PTR_NULL(oc_rules_match(&rules, "x", "/dat/x"));
    CU_ASSERT_PTR_NULL(oc_rules_match(&rules, "", "/"));
    /* excluded by name, by path; by path only when it is known */
    CU_ASSERT_PTR_NULL(oc_rules_match(&rules, "a.tmp.bin", "/x/a.tmp.bin"));
    CU_ASSERT_PTR_NULL(oc_rules_match(&rules, "a.bin", "/data/no/a.bin"));
    CU_ASSERT_PTR_EQUAL(oc_rules_match(&rules, "a.bin", NULL), &rules.rule[0]);
    /* a link's name counts for name rules, the real path for path rules */
    CU_ASSERT_PTR_EQUAL(oc_rules_match(&rules, "link", "/data/m.bin"), &rules.rule[2]);
}

static void test_may_match(void)
{
    struct oc_rules names = parse("*.bin:model*:exact", NULL);
    struct oc_rules paths = parse("*.bin:/data/x.npy", NULL);

    CU_ASSERT(oc_rules_may_match(&names, "a.bin"));
    CU_ASSERT(oc_rules_may_match(&names, "model"));
    CU_ASSERT(oc_rules_may_match(&names, "exact"));
    CU_ASSERT(!oc_rules_may_match(&names, "libc.so.6"));
    CU_ASSERT(!oc_rules_may_match(&names, "inexact"));
    CU_ASSERT(!oc_rules_may_match(&names, ""));
    CU_ASSERT(oc_rules_may_match(&paths, "anything"));
}

/* Random text never breaks the parser, and a file that matches may match. */
static void test_random(void)
{
    static const char *const tokens[] = {
        "a",  "b",      ".bin",     ":", ",",          "\\",   "*",      "**",
        "?",  "[",      "]",        "!", "-",          "/",    "pin=",   "1-2",
        "5K", "strict", "lend=off", "=", "unchanging", "\xff", "map=on", "/data/"};
    static const char *const names[] = {"a", "b", "ab", "a.bin", "b.bin", "ba", "strict", "-"};
    char files[256], exclude[64], path[64];
    int good = 0, matched = 0;

    for (int i = 0; i < 20000; i++) {
        struct oc_rules rules = {0};
        const char *error, *where;

        random_text(files, tokens, COUNT(tokens), 12);
        random_text(exclude, tokens, COUNT(tokens), 3);
        if (!oc_rules_parse(&rules, files, exclude, &error, &where)) {
            CU_ASSERT_FATAL(error && *error && where);
            continue;
        }
        good++;
        for (size_t j = 0; j < COUNT(names); j++) {
            const struct oc_rule *rule;

            snprintf(path, sizeof path, "/data/%s", names[j]);
            rule = oc_rules_match(&rules, names[j], path);
            matched += rule != NULL;
            CU_ASSERT_FATAL(!rule || oc_rules_may_match(&rules, names[j]));
            CU_ASSERT_FATAL(!rule || oc_glob(rule->glob, rule->by_path ? path : names[j]));
        }
    }
    CU_ASSERT(good > 1000);
    CU_ASSERT(matched > 500);
}

static void test_table(void)
{
    struct oc_rule_option_text row;
    size_t i;

    for (i = 0; oc_rules_option_text(i, &row); i++) {
        CU_ASSERT_EQUAL(strncmp(row.form, row.name, strlen(row.name)), 0);
        CU_ASSERT(strlen(row.text) > 10);
    }
    CU_ASSERT_EQUAL(i, 5);
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"sizes", test_sizes},
        {"parts of a text as sizes, plain numbers", test_parts},
        {"globs", test_globs},
        {"globs against their definition", test_against_reference},
        {"globs made to take long", test_hard_globs},
        {"tails of globs", test_tails},
        {"no rules", test_nothing},
        {"a list of rules", test_list},
        {"options of rules", test_options},
        {"malformed rules", test_malformed},
        {"malformed exclusions", test_malformed_exclude},
        {"the first rule that matches, exclusions", test_first_match},
        {"names that may match", test_may_match},
        {"random rules", test_random},
        {"the table of rule options", test_table},
        {NULL, NULL},
    };

    return oc_tap_suite("rules", tests);
}
