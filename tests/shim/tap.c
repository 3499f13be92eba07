/* Lines of TAP; see tap.h. */
#include "tap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TEST_RUNNER
#define TEST_RUNNER "run-preload.sh"
#endif

static int reported, failed;
static bool wrong;       /* since the last report */
static pid_t wrong_here; /* the process in which something was wrong last */

static int shown; /* lines that said so */

#define SHOWN_MAX 6

static void now_wrong(void)
{
    wrong = true;
    shown++;
    wrong_here = getpid();
}

void tap_start(int argc, char **argv)
{
    (void)argc;
    if (getenv("ONECOPY_TEST") != NULL)
        return;
    execv(TEST_RUNNER, (char *[]){"run-preload.sh", argv[0], NULL});
    perror(TEST_RUNNER);
    exit(99);
}

static bool pass_is(const char *name)
{
    const char *pass = getenv("ONECOPY_TEST");
    return pass != NULL && strcmp(pass, name) == 0;
}

bool tap_active(void)
{
    return !pass_is("oracle");
}

bool tap_tiny(void)
{
    return pass_is("tiny");
}

static void line(const char *start, const char *format, va_list args)
{
    char text[600];
    int n = snprintf(text, sizeof text, "%s", start);
    n += vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    if ((size_t)n >= sizeof text)
        n = sizeof text - 1;
    text[n++] = '\n';
    if (write(1, text, (size_t)n) < 0)
        _exit(99);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line("", format, args);
    va_end(args);
}

bool expect(bool cond, const char *format, ...)
{
    if (!cond) {
        va_list args;
        va_start(args, format);
        if (shown < SHOWN_MAX)
            line("# wrong: ", format, args);
        va_end(args);
        now_wrong();
    }
    return cond;
}

bool same(long libc, long kernel, const char *format, ...)
{
    if (libc == kernel)
        return true;
    va_list args;
    va_start(args, format);
    if (shown < SHOWN_MAX) {
        line("# differs: ", format, args);
        say("#   libc %ld, kernel %ld", libc, kernel);
    }
    va_end(args);
    now_wrong();
    return false;
}

void report(const char *name)
{
    say("%s %d - %s", wrong ? "not ok" : "ok", ++reported, name);
    failed += wrong;
    wrong = false;
    shown = 0;
}

void skip(const char *name, const char *why)
{
    say("ok %d - %s # SKIP %s", ++reported, name, why);
    wrong = false;
}

void child_done(void)
{
    _exit(wrong && wrong_here == getpid());
}

bool child_wait(int pid, const char *name)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: child's status %#x", name,
                  (unsigned)status);
}

int tap_done(void)
{
    say("1..%d", reported);
    return failed != 0;
}
