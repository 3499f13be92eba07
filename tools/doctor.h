/*
 * What `onecopy check` finds out: the parts of the doctor, and the findings they add to.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum doctor_level {
    DOCTOR_OK,
    DOCTOR_NOTE,     /* good to know */
    DOCTOR_WARNING,  /* may spoil it */
    DOCTOR_OBSTACLE, /* no help is to be expected */
};

struct doctor {
    json_t *findings; /* array of {area, level, name, text} */
    json_t *imports;  /* {family: {name: [object, ...]}} or NULL */
    json_t *files;    /* array, of the files that match now */
    json_t *observed; /* the dry run, or NULL */
    unsigned obstacles, warnings;
    unsigned processes; /* the N of "what N processes save" */
};

void doctor_begin(struct doctor *doctor);
void doctor_end(struct doctor *doctor);

/* Add a finding; NAME is for programs and stays the same from version to version. */
void doctor_say(struct doctor *doctor, const char *area, enum doctor_level level, const char *name,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The program at PATH, typed as NAME: can the library enter it, and does it call what is served? */
void doctor_program(struct doctor *doctor, const char *name, const char *path);

/* Home, limits, kernel. */
void doctor_host(struct doctor *doctor);

/* The files that match the rules now: would they be compared or trusted? */
void doctor_files(struct doctor *doctor);

/* Run the program and say how it reads.  False: it could not be run, with a message. */
bool doctor_observe(struct doctor *doctor, const char *path, char **argv, const char *input);

/* ---- the report ---- */

void doctor_print(const struct doctor *doctor, const char *program);
char *doctor_json(const struct doctor *doctor, const char *program);

/* BYTES as "460.0 MB"; the text stays until the fourth call from now. */
const char *doctor_bytes(uint64_t bytes);

/* A JSON string of any bytes, as near as it can be. */
json_t *doctor_text(const char *text);

#endif
