/* A comparison as a page: what it comes to, the chart, and the figures, processes and files behind
 * it. */
#include "config.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "html.h"
#include "meaning.h"

/* ---- what it comes to ---- */

static const char *program_name(const struct comparison *c)
{
    const char *slash = strrchr(c->job->argv[0], '/');
    return slash ? slash + 1 : c->job->argv[0];
}

static const char *const *side_words(const struct comparison *c)
{
    static const char *const words[2][2] = {{"without onecopy", "with it"},
                                            {"with options a", "with b"}};
    return words[c->job->sides[0].library];
}

static void title_text(const struct comparison *c, char *text, size_t size)
{
    struct spread a = figures_spread(c, 0, &figure_peak_pss);
    struct spread b = figures_spread(c, 1, &figure_peak_pss);
    const char *const *words = side_words(c);

    if (a.known && b.known)
        snprintf(text, size, "%zu × %s: %.0f MB %s, %.0f MB %s", c->job->n, program_name(c),
                 a.median / 1e6, words[0], b.median / 1e6, words[1]);
    else
        snprintf(text, size, "%zu × %s, compared", c->job->n, program_name(c));
}

/* The answer, before everything else. */
static void put_sentence(const struct comparison *c, FILE *out)
{
    const char *const *words = side_words(c);
    struct spread a = figures_spread(c, 0, &figure_peak_pss);
    struct spread b = figures_spread(c, 1, &figure_peak_pss);
    double ratio = figures_ratio(c, &figure_peak_pss);

    if (ratio >= 0)
        fprintf(out,
                "<p>At the peak all processes together held <b>%.0f MB</b> %s and <b>%.0f MB</b> "
                "%s: <b>%.0f %%</b> of it.</p>\n",
                a.median / 1e6, words[0], b.median / 1e6, words[1], 100 * ratio);
}

static void put_outcome(const struct comparison *c, FILE *out)
{
    fprintf(out,
            "<p class=\"%s\">Outputs and exit statuses: ", c->outcome.identical ? "good" : "bad");
    report_outcome(c, out);
    fputs("</p>\n", out);
}

static void put_notes(const struct comparison *c, FILE *out)
{
    char *text = NULL, *rest = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    if (!memory)
        abort();
    report_notes(c, memory);
    fclose(memory);
    if (*text)
        fputs("<ul>\n", out);
    bool any = *text;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        fputs("<li>", out);
        html_text(out, line);
        fputs("</li>\n", out);
    }
    if (any)
        fputs("</ul>\n", out);
    free(text);
}

/* The picture without what only a file of its own has before it. */
static void put_chart(const char *chart, FILE *out)
{
    const char *svg = chart ? strstr(chart, "<svg") : NULL;

    if (!svg) {
        fputs("<p class=\"small\">There is no chart: this onecopy was built without cairo.</p>\n",
              out);
        return;
    }
    fprintf(out, "<figure>\n%s</figure>\n", svg);
}

/* ---- figures ---- */

static void put_value(const struct comparison *c, size_t side, const struct figure *figure,
                      FILE *out)
{
    struct spread s = figures_spread(c, side, figure);
    char median[32], least[32], most[32];

    if (!s.known) {
        html_cell(out, "n/a");
        return;
    }
    figure_text(figure->unit, s.median, median, sizeof median);
    figure_text(figure->unit, s.least, least, sizeof least);
    figure_text(figure->unit, s.most, most, sizeof most);
    if (c->runs == 1)
        html_cell(out, median);
    else
        fprintf(out, "<td>%s <span class=\"range\">(%s to %s)</span></td>", median, least, most);
}

static void put_figure(const struct comparison *c, const struct figure *figure, FILE *out)
{
    const char *unit = figure_unit_name(figure->unit);
    double ratio = figures_ratio(c, figure);
    bool main = strcmp(figure->key, figure_peak_pss.key) == 0;
    char label[100];

    snprintf(label, sizeof label, "%s%s%s", figure->label + strspn(figure->label, " "),
             *unit ? ", " : "", unit);
    fputs(main ? "<tr class=\"main\">" : "<tr>", out);
    html_cell(out, label);
    put_value(c, 0, figure, out);
    put_value(c, 1, figure, out);
    if (ratio >= 0)
        fprintf(out, "<td>%.3f</td></tr>\n", ratio);
    else
        fputs("<td></td></tr>\n", out);
}

static void put_figures(const struct comparison *c, FILE *out)
{
    const struct figure *figure;
    char columns[100];
    size_t i = 0;

    html_heading(out, "Figures");
    if (c->runs > 1)
        fprintf(out, "<p class=\"small\">Medians of %zu runs of each, and the range.</p>\n",
                c->runs);
    snprintf(columns, sizeof columns, "|%s|%s|ratio", c->job->sides[0].name, c->job->sides[1].name);
    html_table_begin(out, columns);
    while ((figure = figures_next(c, &i)))
        put_figure(c, figure, out);
    html_table_end(out);
    fputs("<p class=\"small\">PSS counts a shared page once, divided among those who share it; "
          "images are counted with all they hold. RSS counts a shared page in full in every "
          "process. MB are 10<sup>6</sup> bytes.</p>\n",
          out);
}

/* ---- files ---- */

static void put_use(const struct served_file *f, FILE *out)
{
    fputs("<td class=\"t\">", out);
    html_text(out, f->use ? f->use : "not lent");
    for (size_t i = 0; i < f->refusal_count; i++) {
        const struct served_refusal *r = &f->refusals[i];
        const char *meaning = meaning_of(r->why);
        fprintf(out, "<br>%llu big reads (%.1f MB) not lent, &lsquo;",
                (unsigned long long)r->count.calls, (double)r->count.bytes / 1e6);
        html_text(out, r->why);
        fputs("&rsquo;: ", out);
        html_text(out, meaning);
    }
    fputs("</td>", out);
}

static void put_way(const struct served_count *count, FILE *out)
{
    if (count->calls)
        fprintf(out, "<td>%.1f <span class=\"range\">(%llu reads)</span></td>",
                (double)count->bytes / 1e6, (unsigned long long)count->calls);
    else
        fputs("<td>&ndash;</td>", out);
}

static void put_file(const struct served_file *f, FILE *out)
{
    fputs("<tr><td><code>", out);
    html_text(out, f->path && *f->path ? f->path : "(name not known)");
    fputs("</code></td>", out);
    html_cell_megabytes(out, f->size);
    fprintf(out, "<td>%zu</td>", f->processes);
    put_way(&f->way[OC_ACCOUNT_LENT], out);
    put_way(&f->way[OC_ACCOUNT_COPIED], out);
    put_way(&f->way[OC_ACCOUNT_KERNEL], out);
    html_cell_megabytes(out, f->way[OC_ACCOUNT_FILLED].bytes);
    put_use(f, out);
    fputs("</tr>\n", out);
}

static void put_files(const struct batch *batch, FILE *out)
{
    const struct served *served = &batch->served;
    char heading[100];

    if (!batch->side->library)
        return;
    snprintf(heading, sizeof heading, "What was read, and how (%s)", batch->side->name);
    html_heading(out, heading);
    if (!served->known) {
        fputs("<p>Not known file by file: ONECOPY_REPORT is set, or the table for it could not be "
              "made.</p>\n",
              out);
        return;
    }
    if (served->count == 0) {
        fputs("<p>No file that a rule matches was read by a call that is served.</p>\n", out);
        return;
    }
    html_table_begin(out, "file|size, MB|processes|lent, MB|copied, MB|by the kernel, MB|"
                          "read into images, MB|<its image, and why not lent");
    for (size_t i = 0; i < served->count; i++)
        put_file(&served->files[i], out);
    html_table_end(out);
}

/* ---- processes ---- */

static void put_share(const struct moment *moment, size_t i, FILE *out)
{
    if (!moment) {
        fputs("<td>n/a</td><td>n/a</td><td>n/a</td>", out);
        return;
    }
    html_cell_megabytes(out, moment->shares[i].pss);
    html_cell_megabytes(out, moment->shares[i].private);
    html_cell_megabytes(out, moment->shares[i].rss);
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static void put_process(const struct batch *batch, const struct moment *moment, size_t i, FILE *out)
{
    const struct instance *it = &batch->instances[i];
    char ending[80], text[120];

    fprintf(out, "<tr><td>%s %zu</td>", batch->side->name, i + 1);
    put_share(moment, i, out);
    fprintf(out, "<td>%.2f</td><td>%.2f</td><td>%ld</td>", it->wall_seconds,
            cpu_seconds(&it->usage), it->usage.ru_minflt);
    for (size_t way = 0; way <= OC_ACCOUNT_KERNEL; way++)
        if (batch->served.known)
            html_cell_megabytes(out, batch->served.instances[i][way].bytes);
        else
            fputs("<td></td>", out);
    outcome_ending(it->status, ending, sizeof ending);
    snprintf(text, sizeof text, "%s%s",
             it->killed    ? "did not end when asked to: "
             : it->stopped ? "asked to end: "
                           : "",
             ending);
    fputs("<td class=\"t n\">", out);
    html_text(out, text);
    fputs("</td></tr>\n", out);
}

static void put_processes(const struct comparison *c, FILE *out)
{
    const struct round *round = &c->rounds[figures_run_shown(c)];

    html_heading(out, "Process by process");
    fputs("<p class=\"small\">Each with its descendants; memory when it was steady.", out);
    if (c->runs > 1)
        fprintf(out, " Run %zu of %zu, whose ratio is the median.", figures_run_shown(c) + 1,
                c->runs);
    fputs("</p>\n", out);
    html_table_begin(out, "instance|PSS, MB|private, MB|RSS, MB|time, s|CPU, s|page faults|"
                          "lent, MB|copied, MB|kernel, MB|<ended with");
    for (size_t side = 0; side < 2; side++) {
        const struct batch *batch = &round->sides[side];
        const struct moment *moment = figures_moment(batch);
        for (size_t i = 0; i < batch->n; i++)
            put_process(batch, moment, i, out);
    }
    html_table_end(out);
}

/* ---- how to do it again ---- */

static void put_fact(const char *name, const char *value, FILE *out)
{
    fputs("<tr>", out);
    html_cell(out, name);
    fputs("<td class=\"t\">", out);
    html_text(out, value ? value : "none");
    fputs("</td></tr>\n", out);
}

static void put_sides(const struct comparison *c, FILE *out)
{
    for (size_t side = 0; side < 2; side++) {
        const struct side *s = &c->job->sides[side];
        char name[40];
        if (!s->library)
            continue;
        snprintf(name, sizeof name, "Files%s%s", s->options ? " of " : "",
                 s->options ? s->name : "");
        put_fact(name, report_files(s), out);
        snprintf(name, sizeof name, "Options %s", s->name);
        if (s->options)
            put_fact(name, *s->options ? s->options : "none", out);
    }
}

static void put_conditions(const struct comparison *c, FILE *out)
{
    struct facts f;
    char text[400];

    facts_read(&f);
    html_heading(out, "The same again");
    fputs("<pre>", out);
    html_text(out, c->repeat);
    fputs("</pre>\n<div class=\"wide\"><table>\n<tbody>\n", out);
    put_fact("Date", c->date, out);
    put_sides(c, out);
    snprintf(text, sizeof text, "%s: %ld × %s, %.1f GB of memory", f.host, f.processors,
             *f.processor ? f.processor : "processor", (double)f.memory / 1e9);
    put_fact("Machine", text, out);
    snprintf(text, sizeof text, "%s, %s", f.system, f.distribution);
    put_fact("System", text, out);
    put_fact("Version", "onecopy " PACKAGE_VERSION, out);
    html_table_end(out);
}

char *report_html(const struct comparison *c, const char *chart)
{
    const struct round *shown = &c->rounds[figures_run_shown(c)];
    char title[300], heading[300], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    title_text(c, title, sizeof title);
    snprintf(heading, sizeof heading, "onecopy compare: %zu × %s", c->job->n, program_name(c));
    html_begin(out, title, heading);
    put_sentence(c, out);
    put_outcome(c, out);
    put_notes(c, out);
    put_chart(chart, out);
    put_figures(c, out);
    put_files(&shown->sides[0], out);
    put_files(&shown->sides[1], out);
    put_processes(c, out);
    put_conditions(c, out);
    html_end(out);
    fclose(out);
    return text;
}
