/*
 * Messages: the formatter against printf, and that sending one can neither
 * block, nor raise a signal, nor end in a file of the program.
 */
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/log.h"
#include "tap.h"

/* The same conversions by both; what ours gives must be printf's. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[256], theirs[256];                                                               \
        int n = oc_format(ours, sizeof ours, __VA_ARGS__);                                         \
        CU_ASSERT_EQUAL(n, snprintf(theirs, sizeof theirs, __VA_ARGS__));                          \
        CU_ASSERT_STRING_EQUAL(ours, theirs);                                                      \
    } while (0)

static void test_like_printf(void)
{
    SAME("%s", "");
    SAME("plain");
    SAME("%s and %s", "one", "two");
    SAME("%d %d %d", 0, INT_MAX, INT_MIN);
    SAME("%u", UINT_MAX);
    SAME("%x %x", 0U, 0xdeadbeefU);
    SAME("%zu %zd", SIZE_MAX, (ssize_t)-1);
    SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
    SAME("%lld %llu %llx", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
    SAME("%c%c%%%c", 'a', 'b', 'c');
    SAME("%d%s%d", 1, "x", 2);
}

static void test_limits(void)
{
    char out[8] = "1234567";
    const char *volatile null = NULL;
    const char *odd = "%s %5d %s";

    CU_ASSERT_EQUAL(oc_format(out, sizeof out, "%s", "abcdefgh"), 8);
    CU_ASSERT_STRING_EQUAL(out, "abcdefg");
    CU_ASSERT_EQUAL(oc_format(out, sizeof out, "%s", "abcdefg"), 7);
    CU_ASSERT_STRING_EQUAL(out, "abcdefg");
    CU_ASSERT_EQUAL(oc_format(out, 1, "%d", 12345), 5);
    CU_ASSERT_STRING_EQUAL(out, "");
    out[0] = 'x';
    CU_ASSERT_EQUAL(oc_format(out, 0, "%d", 12345), 5);
    CU_ASSERT_EQUAL(out[0], 'x');
    oc_format(out, sizeof out, "%s", null);
    CU_ASSERT_STRING_EQUAL(out, "(null)");
    /* A conversion that is not ours ends the conversions. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    oc_format(out, sizeof out, odd, "a", 1, "b");
#pragma GCC diagnostic pop
    CU_ASSERT_STRING_EQUAL(out, "a %5d %");
}

static int say_levels(void *arg)
{
    oc_log_to((enum oc_log_level)(intptr_t)arg, NULL);
    errno = 33;
    oc_log(OC_LOG_ERROR, "bad %s", "thing");
    oc_log(OC_LOG_INFO, "news");
    oc_log(OC_LOG_DEBUG, "detail %d", 3);
    oc_log_print(OC_LOG_DEBUG, "unguarded");
    return errno != 33;
}

/* Every line begins with the process; COUNT of them are there. */
static int count_lines(const char *text)
{
    int n = 0;

    for (const char *end; (end = strchr(text, '\n')); text = end + 1, n++)
        if (strncmp(text, "onecopy[", 8) != 0 || !strstr(text, "]: "))
            return -1;
    return *text ? -1 : n;
}

static void test_levels(void)
{
    static const int lines[] = {0, 1, 2, 4};
    char text[512], ending[] = "]: bad thing\n";

    for (int level = OC_LOG_OFF; level <= OC_LOG_DEBUG; level++) {
        CU_ASSERT_EQUAL(oc_tap_child_stderr(say_levels, (void *)(intptr_t)level, text, sizeof text),
                        0);
        CU_ASSERT_EQUAL(count_lines(text), lines[level]);
        CU_ASSERT_EQUAL(strstr(text, ending) != NULL, level >= OC_LOG_ERROR);
    }
}

static int say_much(void *arg)
{
    char big[3000];

    (void)arg;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    oc_log_to(OC_LOG_INFO, NULL);
    oc_log(OC_LOG_INFO, "%s", big);
    for (int i = 0; i < OC_LOG_MAX + 100; i++)
        oc_log(OC_LOG_INFO, "message %d", i);
    return 0;
}

static void test_bounds(void)
{
    static char text[1 << 20];
    char last[32];

    CU_ASSERT_EQUAL(oc_tap_child_stderr(say_much, NULL, text, sizeof text), 0);
    CU_ASSERT_EQUAL(count_lines(text), OC_LOG_MAX);
    CU_ASSERT(strcspn(text, "\n") < 1100);
    snprintf(last, sizeof last, "message %d\n", OC_LOG_MAX - 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, last));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "too many messages"));
}

static int free_descriptor(void)
{
    int fd = dup(0);

    close(fd);
    return fd;
}

static int say_to_file(void *path)
{
    int before = free_descriptor();

    oc_log_to(OC_LOG_INFO, path);
    oc_log(OC_LOG_INFO, "first");
    oc_log(OC_LOG_INFO, "second");
    return free_descriptor() != before;
}

static void test_file(void)
{
    char dir[] = "/tmp/onecopy-test-XXXXXX", path[64], text[256] = "", err[64];
    int fd;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    CU_ASSERT_EQUAL(oc_tap_child_stderr(say_to_file, path, err, sizeof err), 0);
    CU_ASSERT_STRING_EQUAL(err, "");
    fd = open(path, O_RDONLY);
    CU_ASSERT(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    CU_ASSERT_EQUAL(count_lines(text), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "]: second\n"));
    unlink(path);

    /* A FIFO that nobody reads, and a directory that is not there: nothing happens. */
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    CU_ASSERT_EQUAL(oc_tap_child_stderr(say_to_file, path, err, sizeof err), 0);
    unlink(path);
    rmdir(dir);
    CU_ASSERT_EQUAL(oc_tap_child_stderr(say_to_file, path, err, sizeof err), 0);
    CU_ASSERT_STRING_EQUAL(err, "");
}

static int is_pending(int sig)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, sig);
}

static void block(int sig)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int say_to_broken_pipe(void *arg)
{
    int fd[2];

    (void)arg;
    signal(SIGPIPE, SIG_DFL);
    if (pipe(fd) || dup2(fd[1], 2) < 0)
        return 1;
    close(fd[0]);
    oc_log_to(OC_LOG_INFO, NULL);
    oc_log(OC_LOG_INFO, "nobody listens");
    oc_log_write("nobody\n", 7);
    block(SIGPIPE);
    oc_log(OC_LOG_INFO, "nobody listens");
    return is_pending(SIGPIPE);
}

static int say_to_full_pipe(void *arg)
{
    char block[4096] = "";
    int fd[2];

    (void)arg;
    if (pipe(fd) || dup2(fd[1], 2) < 0)
        return 1;
    fcntl(fd[1], F_SETFL, O_NONBLOCK);
    while (write(fd[1], block, sizeof block) > 0)
        ;
    fcntl(fd[1], F_SETFL, 0);
    oc_log_to(OC_LOG_INFO, NULL);
    oc_log(OC_LOG_INFO, "must not block");
    return 0;
}

static int say_beyond_limit(void *arg)
{
    struct rlimit none = {0, 0};
    char path[64];

    (void)arg;
    snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("log", 0));
    oc_log_to(OC_LOG_INFO, path);
    setrlimit(RLIMIT_FSIZE, &none);
    oc_log(OC_LOG_INFO, "must not raise SIGXFSZ");

    /* One that the program has pending itself is not ours to take. */
    block(SIGXFSZ);
    oc_log(OC_LOG_INFO, "must not raise SIGXFSZ");
    if (is_pending(SIGXFSZ))
        return 1;
    raise(SIGXFSZ);
    oc_log(OC_LOG_INFO, "must not take SIGXFSZ");
    return is_pending(SIGXFSZ) ? 0 : 2;
}

static void test_no_signal(void)
{
    CU_ASSERT_EQUAL(oc_tap_child(say_to_broken_pipe, NULL), 0);
    CU_ASSERT_EQUAL(oc_tap_child(say_beyond_limit, NULL), 0);
}

static void test_never_blocks(void)
{
    CU_ASSERT_EQUAL(oc_tap_child(say_to_full_pipe, NULL), 0);
}

/* A program closes descriptor 2, and its next file lands there. */
static int say_to_reused(void *arg)
{
    struct stat st;
    int fd;

    (void)arg;
    oc_log_to(OC_LOG_INFO, NULL);
    fd = memfd_create("data", 0);
    if (dup2(fd, 2) < 0)
        return 1;
    oc_log(OC_LOG_INFO, "not in there");
    if (fstat(2, &st) || st.st_size)
        return 2;
    close(2);
    oc_log(OC_LOG_INFO, "nowhere");
    return 0;
}

static void test_reused(void)
{
    CU_ASSERT_EQUAL(oc_tap_child(say_to_reused, NULL), 0);
}

/* As /proc/self/maps tells of AT: "FILE+0xOFFSET". */
static void place_of(uintptr_t at, char *text, size_t size)
{
    unsigned long start, end, off;
    char line[600], name[400] = "";
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %399[^\n]", &start, &end, &off, name) == 4 &&
            start <= at && at < end)
            snprintf(text, size, "%s+0x%lx", name, at - start + off);
    if (maps)
        fclose(maps);
}

static void test_caller(void)
{
    char text[500], want[500] = "?", small[8];
    uintptr_t here = (uintptr_t)test_caller;

    oc_caller_now = NULL;
    CU_ASSERT_STRING_EQUAL(oc_caller_text(text, sizeof text), "");
    oc_caller_now = (const void *)here;
    place_of(here - 1, want, sizeof want);
    CU_ASSERT_STRING_EQUAL(oc_caller_text(text, sizeof text), want);
    CU_ASSERT(want[0] == '/' && strstr(want, "test_log"));
    oc_caller_text(small, sizeof small);
    CU_ASSERT(memcmp(small, want, sizeof small - 1) == 0 && small[sizeof small - 1] == 0);
    oc_caller_now = (const void *)printf; /* of a library, mapped from within its file */
    place_of((uintptr_t)printf - 1, want, sizeof want);
    CU_ASSERT_STRING_EQUAL(oc_caller_text(text, sizeof text), want);
    oc_caller_now = text; /* code on the stack has no file */
    CU_ASSERT_STRING_EQUAL(oc_caller_text(want, sizeof want), "");
    oc_caller_now = NULL;
}

int main(void)
{
    static const struct oc_tap_test tests[] = {
        {"formats as printf does", test_like_printf},
        {"bounds of the formatter", test_limits},
        {"levels, and errno kept", test_levels},
        {"long lines are cut, messages are counted", test_bounds},
        {"a file, opened for each message", test_file},
        {"no signal from a broken pipe or a limit", test_no_signal},
        {"a full pipe does not block", test_never_blocks},
        {"a reused descriptor 2 is left alone", test_reused},
        {"who called is told by file and place", test_caller},
        {NULL, NULL},
    };

    return oc_tap_suite("log", tests);
}
