/*
 * What is to fail: shared by the driver, which writes it, and the library under
 * test, which counts its system calls in it and makes one of them fail.
 */
#ifndef OC_TEST_FAULTS_PLAN_H
#define OC_TEST_FAULTS_PLAN_H

#include <stdatomic.h>

#define PLAN_VARIABLE "OC_FAULT_PLAN" /* the path of a file that holds the plan */

enum { PLAN_CALLS = 512 };

struct plan {
    int nr;    /* the system call that fails; -1: none */
    int error; /* an errno */
    long when; /* which one of them, over all processes, from 1 on */
    _Atomic long injected;
    _Atomic long count[PLAN_CALLS];
};

#endif
