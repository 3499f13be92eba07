/* Splitting and quoting words: words.h. */
#include "config.h"
#include "words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

/* Behind an opening quote: copy up to the closing one.  NULL: there is none. */
static const char *take_quoted(const char *from, char quote, char **to)
{
    for (; *from != quote; from++) {
        if (quote == '"' && *from == '\\' && from[1] && strchr("\"\\$`", from[1]))
            from++;
        if (!*from)
            return NULL;
        *(*to)++ = *from;
    }
    return from + 1;
}

/* One word, copied to *TO and ended there. */
static const char *take_word(const char *from, char **to)
{
    while (from && *from && !strchr(BLANKS, *from)) {
        if (*from == '\'' || *from == '"') {
            from = take_quoted(from + 1, *from, to);
        } else {
            if (*from == '\\' && !*++from)
                return NULL;
            *(*to)++ = *from++;
        }
    }
    *(*to)++ = '\0';
    return from;
}

/* One block: the pointers, then the words, which are never longer than the text. */
char **words_split(const char *text)
{
    size_t len = strlen(text), most = len / 2 + 2, count = 0;
    char **words = calloc(1, most * sizeof *words + len + most);

    if (!words)
        abort();
    char *to = (char *)(words + most);
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        words[count++] = to;
        text = take_word(text, &to);
        if (!text) {
            free(words);
            return NULL;
        }
    }
    return words;
}

void words_free(char **words)
{
    free(words);
}

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+=:,./_-";
    return *word && strspn(word, plain) == strlen(word);
}

void words_quote(char **to, const char *word)
{
    size_t before = *to ? strlen(*to) + 1 : 0;
    char *text = realloc(*to, before + 4 * strlen(word) + 3), *at = text + before;

    if (!text)
        abort();
    if (before)
        at[-1] = ' ';
    if (is_plain(word)) {
        strcpy(at, word);
    } else {
        *at++ = '\'';
        for (; *word; word++)
            at += *word == '\'' ? sprintf(at, "'\\''") : sprintf(at, "%c", *word);
        strcpy(at, "'");
    }
    *to = text;
}
