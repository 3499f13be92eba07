#include "tap.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIME_LIMIT = 300 };

static int reap(pid_t pid)
{
    int status;
    pid_t got = pid;

    while (pid > 0 && (got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    if (pid < 0 || got != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A child that does not outlive its parent, whatever becomes of that. */
static pid_t fork_tied(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
    }
    return pid;
}

static volatile pid_t guarded_pid;

static void out_of_time(int sig)
{
    (void)sig;
    kill(guarded_pid, SIGKILL);
}

/* Run BODY in a child with a time limit that holds even when BODY hangs with all
 * signals blocked. */
static int guarded(int (*body)(void *), void *arg)
{
    struct sigaction act = {.sa_handler = out_of_time};
    pid_t pid = fork_tied();

    if (pid == 0)
        exit(body(arg));
    if (pid < 0)
        return -1;
    guarded_pid = pid;
    sigaction(SIGALRM, &act, NULL);
    alarm(TIME_LIMIT);
    return reap(pid);
}

static unsigned count_tests(void)
{
    unsigned n = 0;

    for (CU_pSuite s = CU_get_registry()->pSuite; s; s = s->pNext)
        n += s->uiNumberOfTests;
    return n;
}

static unsigned count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* Returns whether the test passed: a descriptor left open is a failure, too. */
static int run_one(CU_pSuite suite, CU_pTest test, unsigned nth)
{
    unsigned before = count_descriptors(), left;
    CU_ErrorCode error = CU_run_test(suite, test);
    CU_pFailureRecord failure = CU_get_failure_list();
    int passed;

    left = count_descriptors();
    passed = error == CUE_SUCCESS && !failure && left <= before;
    if (left > before)
        printf("# descriptors left open: %u\n", left - before);

    printf("%s %u - %s: %s\n", passed ? "ok" : "not ok", nth, suite->pName, test->pName);
    if (error != CUE_SUCCESS)
        printf("# CUnit: %s\n", CU_get_error_msg());
    for (; failure; failure = failure->pNext)
        printf("# %s:%u: %s\n", failure->strFileName ? failure->strFileName : "?",
               failure->uiLineNumber, failure->strCondition ? failure->strCondition : "?");
    fflush(stdout);
    return passed;
}

static int run_all(void *arg)
{
    unsigned nth = 0, failed = 0;

    (void)arg;
    printf("1..%u\n", count_tests());
    fflush(stdout);
    for (CU_pSuite s = CU_get_registry()->pSuite; s; s = s->pNext)
        for (CU_pTest t = s->pTest; t; t = t->pNext)
            failed += !run_one(s, t, ++nth);
    CU_cleanup_registry();
    return failed != 0;
}

int oc_tap_run(void)
{
    int status;

    if (!CU_registry_initialized() || !count_tests()) {
        printf("Bail out! no tests registered\n");
        return 1;
    }
    fflush(stdout);
    status = guarded(run_all, NULL);
    if (status > 1)
        printf("Bail out! %s\n", status == 128 + SIGKILL ? "killed, or out of time" : "crashed");
    return status;
}

int oc_tap_suite(const char *name, const struct oc_tap_test *tests)
{
    CU_pSuite suite = NULL;

    if (CU_initialize_registry() == CUE_SUCCESS)
        suite = CU_add_suite(name, NULL, NULL);
    for (; suite && tests->name; tests++)
        if (!CU_add_test(suite, tests->name, tests->run))
            suite = NULL;
    if (!suite) {
        printf("Bail out! %s\n", CU_get_error_msg());
        return 1;
    }
    return oc_tap_run();
}

int oc_tap_child(int (*body)(void *), void *arg)
{
    pid_t pid = fork_tied();

    if (pid == 0)
        _exit(body(arg));
    return reap(pid);
}

int oc_tap_child_stderr(int (*body)(void *), void *arg, char *text, unsigned long size)
{
    int fd = memfd_create("stderr", MFD_CLOEXEC), status;
    pid_t pid = fork_tied();
    ssize_t n;

    if (pid == 0)
        _exit(dup2(fd, 2) < 0 ? 127 : body(arg));
    status = reap(pid);
    n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return status;
}
