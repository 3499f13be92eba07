/* The dry run in plain words. */
#ifndef DOCTOR_TELL_H
#define DOCTOR_TELL_H

#include "doctor.h"
#include "doctor_trace.h"

#define DOCTOR_OBSERVED "observed"

/* The most that was seen lent at one time, from outside; all 0 when it was over too soon. */
struct doctor_seen {
    uint64_t lent, copied, images;
};

void doctor_tell(struct doctor *doctor, const struct trace *trace, FILE *report,
                 const struct doctor_seen *seen);

#endif
