/*
 * The one line a process leaves at its exit, where ONECOPY_REPORT says: its
 * counters, as name=value.  Async-signal-safe.
 */
#ifndef OC_REPORT_H
#define OC_REPORT_H

void oc_report(void);

#endif
