/* A text cut into words as a shell would. */
#ifndef WORDS_H
#define WORDS_H

/*
 * Words are separated by blanks; single quotes, double quotes and backslashes work as in a shell.
 * Nothing is expanded.  NULL: a quote, or a last backslash, has no end.  To be freed.
 */
char **words_split(const char *text);
void words_free(char **words);

/* A word as it has to be typed to a shell, added to the text *TO (malloc'ed, or NULL) after a
 * blank. */
void words_quote(char **to, const char *word);

#endif
