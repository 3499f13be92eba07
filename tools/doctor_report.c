/* The doctor's findings: gathered, printed for people, or as JSON. */
#include "config.h"
#include "doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const char *const level_names[] = {"ok", "note", "warning", "obstacle"};

void doctor_begin(struct doctor *doctor)
{
    *doctor = (struct doctor){.processes = 8};
    doctor->findings = json_array();
    doctor->files = json_array();
}

void doctor_end(struct doctor *doctor)
{
    json_decref(doctor->findings);
    json_decref(doctor->imports);
    json_decref(doctor->files);
    json_decref(doctor->observed);
}

/* Names of files need not be UTF-8: then all but ASCII is lost. */
json_t *doctor_text(const char *text)
{
    json_t *string = json_string(text);
    char *plain;

    if (string)
        return string;
    plain = strdup(text);
    if (!plain)
        abort();
    for (char *at = plain; *at; at++)
        if (*at & 0x80)
            *at = '?';
    string = json_string(plain);
    free(plain);
    return string;
}

const char *doctor_bytes(uint64_t bytes)
{
    static char texts[4][32];
    static unsigned turn;
    char *text = texts[turn++ % 4];

    if (bytes < 1000)
        snprintf(text, sizeof texts[0], "%u bytes", (unsigned)bytes);
    else if (bytes < 1000000)
        snprintf(text, sizeof texts[0], "%.1f kB", (double)bytes / 1e3);
    else if (bytes < 10000000000)
        snprintf(text, sizeof texts[0], "%.1f MB", (double)bytes / 1e6);
    else
        snprintf(text, sizeof texts[0], "%.1f GB", (double)bytes / 1e9);
    return text;
}

void doctor_say(struct doctor *doctor, const char *area, enum doctor_level level, const char *name,
                const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    doctor->obstacles += level == DOCTOR_OBSTACLE;
    doctor->warnings += level == DOCTOR_WARNING;
    json_array_append_new(doctor->findings,
                          json_pack("{s:s, s:s, s:s, s:o}", "area", area, "level",
                                    level_names[level], "name", name, "text", doctor_text(text)));
    free(text);
}

/* ---- the whole ---- */

static const char *verdict(const struct doctor *doctor)
{
    if (doctor->obstacles)
        return "no";
    return doctor->warnings ? "perhaps" : "likely";
}

static void print_verdict(const struct doctor *doctor, const char *program)
{
    if (doctor->obstacles)
        printf("No help is to be expected%s%s; the obstacles are marked.\n", program ? " for " : "",
               program ? program : "");
    else if (doctor->warnings)
        printf("onecopy may help%s%s; see the warnings.\n", program ? " " : "",
               program ? program : "");
    else
        printf("Nothing stands in the way%s%s.\n", program ? " of helping " : "",
               program ? program : "");
    if (program && !doctor->observed && !doctor->obstacles)
        puts("To see how it reads, run it once: onecopy check --files GLOB PROGRAM -- ARGUMENTS");
}

/* A long text is continued under itself. */
static void print_wrapped(const char *text, size_t indent, size_t width)
{
    size_t column = indent;

    while (*text) {
        size_t len = strcspn(text, " ");
        if (column > indent && column + 1 + len > width) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        fwrite(text, 1, len, stdout);
        column += len;
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

void doctor_print(const struct doctor *doctor, const char *program)
{
    const char *area, *level, *text, *last = "";
    json_t *finding;
    size_t i;

    json_array_foreach(doctor->findings, i, finding)
    {
        json_unpack(finding, "{s:s, s:s, s:s}", "area", &area, "level", &level, "text", &text);
        if (strcmp(area, last) != 0)
            printf("%s%s\n", *last ? "\n" : "", area);
        last = area;
        printf("  %-9s ", level);
        print_wrapped(text, 12, 98);
    }
    putchar('\n');
    print_verdict(doctor, program);
}

char *doctor_json(const struct doctor *doctor, const char *program)
{
    json_t *object = json_object();

    json_object_set_new(object, "version", json_string(PACKAGE_VERSION));
    json_object_set_new(object, "program", program ? doctor_text(program) : json_null());
    json_object_set_new(object, "help", json_string(verdict(doctor)));
    json_object_set(object, "findings", doctor->findings);
    if (doctor->imports)
        json_object_set(object, "imports", doctor->imports);
    json_object_set(object, "files", doctor->files);
    if (doctor->observed)
        json_object_set(object, "observed", doctor->observed);
    char *out = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    return out;
}
