/* Which of the calls that matter does an ELF object ask other objects for? */
#ifndef DOCTOR_IMPORTS_H
#define DOCTOR_IMPORTS_H

#include <jansson.h>
#include <stdbool.h>

/* What an ELF object is, as far as its own calls are concerned. */
struct object_facts {
    bool elf;
    bool go;   /* made by Go, which makes its system calls itself */
    bool musl; /* its loader or a library it needs is musl's */
};

/*
 * Add the imports of the object at PATH to FAMILIES: {family: {name: [object, ...]}}, under the
 * name OBJECT.
 */
struct object_facts imports_add(json_t *families, const char *path, const char *object);

#endif
