/*
 * Recorded traces: NAME.gz holds one line a read, "PAGE" or "PAGE LEN" with the page
 * number (4096 bytes) relative to that of the line before, as record-sqlite writes it.
 */
#include <stdio.h>
#include <string.h>

#include "trace.h"

const char *trace_recorded_dir = ".";

bool trace_recorded(struct sim_trace *t, uint64_t seed, double unused)
{
    char command[4096], line[64];
    long page = 0, delta, len;
    FILE *in;

    (void)seed;
    (void)unused;
    snprintf(command, sizeof command, "exec gzip -dc '%s/%s.gz'", trace_recorded_dir, t->name);
    in = popen(command, "r");
    if (!in)
        return false;
    while (fgets(line, sizeof line, in)) {
        int fields = sscanf(line, "%ld %ld", &delta, &len);

        page += delta;
        if (fields < 1 || page < 0)
            break;
        sim_trace_add(t, 0, (uint64_t)page * 4096, fields == 2 ? (uint32_t)len : 4096);
    }
    t->steady = t->n / 2;
    return pclose(in) == 0 && t->n > 0;
}
