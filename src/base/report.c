#include "base/report.h"

#include <string.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/options.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/thread.h"

static const struct {
    const char *name;
    size_t at;
} rows[] = {
#define X(name, text) {#name, offsetof(struct oc_counters, name)},
    OC_COUNTER_LIST(X)
#undef X
};

static size_t append(char *line, size_t size, size_t at, const char *name, uint64_t value)
{
    int n = oc_format(line + at, size - at, " %s=%llu", name, (unsigned long long)value);
    return at + (size_t)n < size ? at + (size_t)n : size - 1;
}

static void write_line(const char *line, size_t n)
{
    if (strcmp(oc_options.report, "stderr") == 0) {
        oc_log_write(line, n);
        return;
    }
    int fd =
        oc_own_open(oc_options.report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0) {
        oc_log(OC_LOG_ERROR, "ONECOPY_REPORT: cannot write %s: errno %d", oc_options.report, -fd);
        return;
    }
    oc_sys_write(fd, line, n);
    oc_own_close(fd);
}

void oc_report(void)
{
    char line[1024], name[32] = "";
    struct oc_counters sum;
    if (!oc_options.report)
        return;
    OC_SYS_4(SYS_prctl, 16 /* PR_GET_NAME */, name, 0, 0);
    for (char *c = name; *c; c++)
        if (*c == ' ' || *c == '\n')
            *c = '_';
    oc_thread_sum(&sum);
    size_t n = (size_t)oc_format(line, sizeof line, "onecopy pid=%d name=%s", oc_sys_pid(), name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        n = append(line, sizeof line - 1, n, rows[i].name,
                   *(const _Atomic uint64_t *)((const char *)&sum + rows[i].at));
    line[n++] = '\n';
    write_line(line, n);
}
