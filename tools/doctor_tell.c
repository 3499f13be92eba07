/* The dry run in plain words: doctor_tell.h. */
#include "config.h"
#include "doctor_tell.h"

#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "meaning.h"
#include "symbol.h"

#define AREA DOCTOR_OBSERVED

/* The file's path where the rules have named it. */
static const char *name_of(const struct doctor *doctor, const struct trace_file *file)
{
    static char number[64];
    json_t *known;
    size_t i;

    json_array_foreach(doctor->files, i, known)
    {
        if ((uint64_t)json_integer_value(json_object_get(known, "device")) == file->dev &&
            (uint64_t)json_integer_value(json_object_get(known, "inode")) == file->ino)
            return json_string_value(json_object_get(known, "path"));
    }
    snprintf(number, sizeof number, "file %llu:%llu", (unsigned long long)file->dev,
             (unsigned long long)file->ino);
    return number;
}

static const char *reads(uint64_t count)
{
    return count == 1 ? "read" : "reads";
}

static void shifts_text(const struct trace_file *file, char *text, size_t size)
{
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < file->shift_count && i < TRACE_SHIFTS && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%u", i ? ", " : "", file->shifts[i]);
    if (file->shift_count > TRACE_SHIFTS && at < size)
        snprintf(text + at, size - at, ", ...");
}

/* "_Py_read in /usr/bin/python3.11"; C++'s names say less than the library's. */
static void caller_text(const struct trace_caller *caller, char *text, size_t size)
{
    char name[128];

    if (strstr(caller->object, "/libonecopy-preload.so"))
        snprintf(text, size, "syscall(2) or a fortified name");
    else if (symbol_at(caller->object, caller->offset, name, sizeof name) &&
             strncmp(name, "_Z", 2) != 0)
        snprintf(text, size, "%s in %s", name, caller->object);
    else
        snprintf(text, size, "%s", caller->object);
}

static void tell_callers(struct doctor *doctor, const struct trace_file *file)
{
    char text[512], all[TRACE_CALLERS * (sizeof text + 2)] = "";

    for (size_t i = 0; i < file->caller_count; i++) {
        caller_text(&file->callers[i], text, sizeof text);
        if (strstr(all, text))
            continue;
        if (*all)
            strcat(all, ", ");
        strcat(all, text);
    }
    if (*all)
        doctor_say(doctor, AREA, DOCTOR_OK, "callers", "%s: it is read by %s",
                   name_of(doctor, file), all);
}

static void tell_file(struct doctor *doctor, const struct trace_file *file)
{
    const char *name = name_of(doctor, file);
    char shifts[96];

    shifts_text(file, shifts, sizeof shifts);
    if (file->lent)
        doctor_say(doctor, AREA, DOCTOR_OK, "lent",
                   "%s: %llu big %s (the largest %s), %s of %s lent, %s; %s %s within a page", name,
                   (unsigned long long)file->reads, reads(file->reads), doctor_bytes(file->largest),
                   doctor_bytes(file->lent), doctor_bytes(file->bytes), file->use,
                   file->shift_count > 1 ? "the buffers lie at shifts" : "the buffer lies at shift",
                   shifts);
    tell_callers(doctor, file);
    if (file->shift_count > 1)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "shifts",
                   "%s: each shift takes an image of its own, which holds what was read at it",
                   name);
    for (size_t i = 0; i < file->reason_count; i++)
        doctor_say(doctor, AREA, file->lent ? DOCTOR_NOTE : DOCTOR_WARNING, "not-lent",
                   "%s: %llu big %s (%s, the largest %s) not lent, '%s': %s", name,
                   (unsigned long long)file->reasons[i].reads, reads(file->reasons[i].reads),
                   doctor_bytes(file->reasons[i].bytes), doctor_bytes(file->reasons[i].largest),
                   file->reasons[i].why, meaning_of(file->reasons[i].why));
    if (file->stream)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "stream",
                   "%s: it is read as a stream, so it is not kept and there is nothing to share",
                   name);
}

static json_t *file_json(const struct doctor *doctor, const struct trace_file *file)
{
    json_t *shifts = json_array(), *reasons = json_array(), *callers = json_array();
    char text[512];

    for (size_t i = 0; i < file->caller_count; i++) {
        caller_text(&file->callers[i], text, sizeof text);
        json_array_append_new(callers, doctor_text(text));
    }

    for (size_t i = 0; i < file->shift_count && i < TRACE_SHIFTS; i++)
        json_array_append_new(shifts, json_integer(file->shifts[i]));
    for (size_t i = 0; i < file->reason_count; i++)
        json_array_append_new(reasons, json_pack("{s:s, s:I, s:I}", "why", file->reasons[i].why,
                                                 "reads", (json_int_t)file->reasons[i].reads,
                                                 "bytes", (json_int_t)file->reasons[i].bytes));
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:s, s:b, s:o, s:o, s:o}", "path",
                     doctor_text(name_of(doctor, file)), "reads", (json_int_t)file->reads, "bytes",
                     (json_int_t)file->bytes, "lent_bytes", (json_int_t)file->lent, "largest_bytes",
                     (json_int_t)file->largest, "use", file->use, "stream", file->stream, "shifts",
                     shifts, "callers", callers, "not_lent", reasons);
}

/* ---- the sums ---- */

struct sums {
    size_t processes;
    uint64_t lent, filled, copied_calls, copied_bytes, kernel_calls, kernel_bytes;
};

static struct sums read_sums(FILE *report)
{
    struct sums s = {0};

    s.lent = trace_counter(report, "lent_bytes", &s.processes);
    s.filled = trace_counter(report, "filled_bytes", NULL);
    s.copied_calls = trace_counter(report, "copied_calls", NULL);
    s.copied_bytes = trace_counter(report, "copied_bytes", NULL);
    s.kernel_calls = trace_counter(report, "kernel_calls", NULL);
    s.kernel_bytes = trace_counter(report, "kernel_bytes", NULL);
    return s;
}

static void tell_small_reads(struct doctor *doctor, const struct sums *s)
{
    if (s->copied_calls)
        doctor_say(doctor, AREA, DOCTOR_OK, "copied",
                   "%llu small %s (%s) copied from sections without a system call",
                   (unsigned long long)s->copied_calls, reads(s->copied_calls),
                   doctor_bytes(s->copied_bytes));
    if (s->kernel_calls)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "kernel", "%llu %s (%s) left to the kernel",
                   (unsigned long long)s->kernel_calls, reads(s->kernel_calls),
                   doctor_bytes(s->kernel_bytes));
}

/* ---- what to expect ---- */

struct saving {
    uint64_t without, with;
};

static struct saving expected(const struct doctor *doctor, const struct sums *s,
                              const struct doctor_seen *seen)
{
    uint64_t lent = seen->lent ? seen->lent : s->lent;
    uint64_t images = seen->images ? seen->images : s->lent > s->filled ? s->lent : s->filled;

    return (struct saving){.without = doctor->processes * lent,
                           .with = images + doctor->processes * seen->copied};
}

static void tell_saving(struct doctor *doctor, const struct sums *s, const struct doctor_seen *seen)
{
    struct saving it = expected(doctor, s, seen);

    if (seen->lent)
        doctor_say(doctor, AREA, DOCTOR_OK, "shared",
                   "at the most %s were lent at one time; of these %s had been written to and "
                   "were the program's own again",
                   doctor_bytes(seen->lent), doctor_bytes(seen->copied));
    else
        doctor_say(doctor, AREA, DOCTOR_NOTE, "quick",
                   "the program gave the memory back too soon to see how much of it it writes to");
    if (it.with < it.without)
        doctor_say(
            doctor, AREA, DOCTOR_OK, "saving",
            "%u such processes at once take about %s for these files, instead of %s: %s less",
            doctor->processes, doctor_bytes(it.with), doctor_bytes(it.without),
            doctor_bytes(it.without - it.with));
    else
        doctor_say(doctor, AREA, doctor->processes > 1 ? DOCTOR_OBSTACLE : DOCTOR_NOTE, "saving",
                   "%u such %s would take no less memory than without", doctor->processes,
                   doctor->processes == 1 ? "process" : "processes");
}

/* Nothing was lent. */
static void tell_no_lend(struct doctor *doctor, const struct trace *trace, const struct sums *s)
{
    if (s->processes == 0)
        doctor_say(doctor, AREA, DOCTOR_WARNING, "no-report",
                   "no process told at its end what it read: the library was not loaded, no rule "
                   "is in force, or the program was killed");
    else if (trace->count == 0 && s->copied_calls == 0 && s->kernel_calls == 0)
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "nothing-read",
                   "the program read no file that a rule matches by a call that is served");
    else if (s->copied_calls)
        doctor_say(doctor, AREA, DOCTOR_WARNING, "no-saving",
                   "memory does not get less, since it reads in small pieces; small reads get "
                   "faster");
    else
        doctor_say(doctor, AREA, DOCTOR_OBSTACLE, "no-saving",
                   "nothing was shared: it reads in pieces of less than ONECOPY_LEND_MIN (%s), or "
                   "for the reasons above",
                   doctor_bytes(oc_options.lend_min));
}

void doctor_tell(struct doctor *doctor, const struct trace *trace, FILE *report,
                 const struct doctor_seen *seen)
{
    struct sums s = read_sums(report);
    struct saving it = expected(doctor, &s, seen);
    json_t *files = json_array();

    for (size_t i = 0; i < trace->count; i++) {
        tell_file(doctor, &trace->files[i]);
        json_array_append_new(files, file_json(doctor, &trace->files[i]));
    }
    if (trace->lines >= OC_LOG_MAX)
        doctor_say(doctor, AREA, DOCTOR_NOTE, "cut",
                   "only the first %d reads of each process are told one by one", OC_LOG_MAX);
    tell_small_reads(doctor, &s);
    if (s.lent)
        tell_saving(doctor, &s, seen);
    else
        tell_no_lend(doctor, trace, &s);
    doctor->observed = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files", files, "processes",
        (json_int_t)s.processes, "lent_bytes", (json_int_t)s.lent, "copied_calls",
        (json_int_t)s.copied_calls, "copied_bytes", (json_int_t)s.copied_bytes, "kernel_calls",
        (json_int_t)s.kernel_calls, "kernel_bytes", (json_int_t)s.kernel_bytes, "written_to_bytes",
        (json_int_t)seen->copied, "instances", (json_int_t)doctor->processes, "bytes_without",
        (json_int_t)it.without, "bytes_with", (json_int_t)it.with);
}
