/* Pieces of an HTML page: html.h. */
#include "config.h"
#include "html.h"

#include <stdbool.h>
#include <string.h>

/* The length of the UTF-8 character at TEXT; 0: it is none. */
static size_t character(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t len = *c < 0x80 ? 1 : *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : *c < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < len; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return (unsigned char)c < ' ' && c != '\n' && c != '\t' ? "\xef\xbf\xbd" : NULL;
    }
}

void html_text(FILE *out, const char *text)
{
    while (*text) {
        size_t len = character(text);
        const char *instead = len ? entity(*text) : "\xef\xbf\xbd";
        if (instead)
            fputs(instead, out);
        else
            fwrite(text, 1, len, out);
        text += len ? len : 1;
    }
}

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:64rem;"
    "margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin-bottom:.3rem}\n"
    "h2{font-size:1.15rem;margin:2.2rem 0 .6rem}\n"
    "figure{margin:1.2rem 0}figure svg{width:100%;height:auto}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd;"
    "vertical-align:top}\n"
    "th{border-bottom:2px solid #888}\n"
    "td:first-child,th:first-child,.t{text-align:left}td:first-child{white-space:nowrap}td "
    "code{white-space:normal}\n"
    "tr.main td{font-weight:600;background:#f3f7fb}\n"
    ".range{color:#666;white-space:nowrap}\n"
    ".good{color:#05602f}.bad{color:#a02000;font-weight:600}.small{color:#555;font-size:.9rem}\n"
    "pre{background:#f4f4f4;padding:.8rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "code{overflow-wrap:anywhere}td code{display:block;min-width:12rem}.n{white-space:nowrap}\n";

void html_begin(FILE *out, const char *title, const char *heading)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    html_text(out, title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    html_text(out, heading);
    fputs("</h1>\n", out);
}

void html_end(FILE *out)
{
    fputs("</body>\n</html>\n", out);
}

void html_heading(FILE *out, const char *text)
{
    fputs("<h2>", out);
    html_text(out, text);
    fputs("</h2>\n", out);
}

void html_cell(FILE *out, const char *text)
{
    fputs("<td>", out);
    html_text(out, text);
    fputs("</td>", out);
}

void html_cell_megabytes(FILE *out, uint64_t bytes)
{
    fprintf(out, "<td>%.1f</td>", (double)bytes / 1e6);
}

void html_table_begin(FILE *out, const char *columns)
{
    char column[100];

    fputs("<div class=\"wide\"><table>\n<thead><tr>", out);
    while (*columns) {
        size_t len = strcspn(columns, "|");
        bool left = *columns == '<';
        snprintf(column, sizeof column, "%.*s", (int)len - left, columns + left);
        fputs(left ? "<th class=\"t\">" : "<th>", out);
        html_text(out, column);
        fputs("</th>", out);
        columns += len + (columns[len] == '|');
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

void html_table_end(FILE *out)
{
    fputs("</tbody></table></div>\n", out);
}
