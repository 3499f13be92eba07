/* Pieces of an HTML page. */
#ifndef HTML_H
#define HTML_H

#include <stdint.h>
#include <stdio.h>

/* Text as it is read; what HTML would take for markup, and what is not UTF-8, is replaced. */
void html_text(FILE *out, const char *text);

/* The beginning and end of a page that refers to nothing outside of itself. */
void html_begin(FILE *out, const char *title, const char *heading);
void html_end(FILE *out);

void html_heading(FILE *out, const char *text);

/* A cell of a table with text, or with megabytes. */
void html_cell(FILE *out, const char *text);
void html_cell_megabytes(FILE *out, uint64_t bytes);

/* A head of a table: its columns, joined by '|'.  The first is of texts, the others of
 * numbers, unless '<' stands before them. */
void html_table_begin(FILE *out, const char *columns);
void html_table_end(FILE *out);

#endif
