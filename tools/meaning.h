/* Why big reads are not lent: the library's words, and what they mean for the user. */
#ifndef MEANING_H
#define MEANING_H

/* For a word that is not known, where to look it up. */
const char *meaning_of(const char *why);

#endif
