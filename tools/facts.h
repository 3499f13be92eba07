/* Where and when something was measured. */
#ifndef FACTS_H
#define FACTS_H

#include <stddef.h>
#include <stdint.h>

struct facts {
    char host[80], system[200], processor[120], distribution[120];
    long processors;
    uint64_t memory; /* bytes */
};

void facts_read(struct facts *facts);

/* The time now: 2026-11-22 04:14:08 +0000 */
void facts_date(char *text, size_t size);

/* COMMAND (plain words) with its arguments, as one would type it to do the same again: with the
 * folder and the ONECOPY_ variables of the environment.  To be freed. */
char *facts_command_line(const char *command, char **arguments);

#endif
