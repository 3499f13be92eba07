/*
 * What every unit test shares: CUnit's registry run as TAP.
 *
 * A test program registers suites (CU_initialize_registry, CU_add_suite,
 * CU_add_test) and returns oc_tap_run() from main.
 */
#ifndef OC_TEST_TAP_H
#define OC_TEST_TAP_H

/* Run what is registered: one line a test, failed assertions as diagnostics.  Returns
 * the exit status.  The tests run in a child, killed after five minutes. */
int oc_tap_run(void);

/* One suite of tests, ended by a row of NULLs, run by the above: all of a main(). */
struct oc_tap_test {
    const char *name;
    void (*run)(void);
};
int oc_tap_suite(const char *name, const struct oc_tap_test *tests);

/* Run BODY in a forked child; its return value or, killed, 128 + the signal. */
int oc_tap_child(int (*body)(void *), void *arg);

/* Run BODY in a forked child with descriptor 2 caught; *text gets what came (up to SIZE,
 * NUL added).  Returns as oc_tap_child. */
int oc_tap_child_stderr(int (*body)(void *), void *arg, char *text, unsigned long size);

#endif
