/* onecopy stat --watch: what is shared, anew each second, in the terminal. */
#include "config.h"
#include "state.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define PERIOD 1000 /* milliseconds */
#define HEAD   4    /* lines above the rows */

/* A process and one image, or a process alone. */
struct row {
    const struct image_user *user;
    const char *file;
    uint64_t lent, shared, copied, hits, misses;
};

struct rows {
    struct row *list;
    size_t count;
};

/* ---- rows ---- */

static struct row *add_row(struct rows *rows, const struct image_user *user)
{
    rows->list = reallocarray(rows->list, rows->count + 1, sizeof *rows->list);
    if (!rows->list)
        abort();
    rows->list[rows->count] = (struct row){.user = user,
                                           .file = "",
                                           .hits = state_counter(user, "copied_calls"),
                                           .misses = state_counter(user, "kernel_calls")};
    return &rows->list[rows->count++];
}

static void add_uses(struct rows *rows, const struct state *state, const struct image_user *user)
{
    for (size_t j = 0; j < user->count; j++) {
        const struct image_use *use = &user->uses[j];
        const struct image *image = &state->images.list[use->image];
        struct row *row = add_row(rows, user);
        row->file = image->source ? image->source : image->path;
        row->lent = use->lent;
        row->shared = image_use_shared(use);
        row->copied = use->copied;
    }
    if (user->count == 0)
        add_row(rows, user);
}

static const char sort_keys[] = "lschmp";
static char sort_key = 'l';

static uint64_t sort_value(const struct row *row)
{
    switch (sort_key) {
    case 'l':
        return row->lent;
    case 's':
        return row->shared;
    case 'c':
        return row->copied;
    case 'h':
        return row->hits;
    case 'm':
        return row->misses;
    default:
        return UINT64_MAX - (uint64_t)row->user->pid; /* the lowest first */
    }
}

static int by_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    uint64_t u = sort_value(x), v = sort_value(y);

    if (u != v)
        return u < v ? 1 : -1;
    return (x->user->pid > y->user->pid) - (x->user->pid < y->user->pid);
}

static struct rows gather(const struct state *state)
{
    struct rows rows = {0};

    for (size_t i = 0; i < state->count; i++)
        add_uses(&rows, state, &state->users[i]);
    if (rows.count)
        qsort(rows.list, rows.count, sizeof *rows.list, by_key);
    return rows;
}

/* ---- drawing ---- */

static double megabytes(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

/* One line, cut at the right border. */
static void put_line(int y, attr_t attributes, const char *text)
{
    attrset(attributes);
    mvaddnstr(y, 0, text, COLS);
    clrtoeol();
    attrset(A_NORMAL);
}

static void draw_head(const struct state *state)
{
    char text[256];

    snprintf(text, sizeof text,
             "onecopy: %zu process%s, %zu image%s of %.1f MB, %.1f MB lent, "
             "%.1f MB saved now",
             state->count, state->count == 1 ? "" : "es", state->images.count,
             state->images.count == 1 ? "" : "s", megabytes(state->allocated),
             megabytes(state->lent), (double)state->saved / 1e6);
    put_line(0, A_BOLD, text);
    put_line(1, A_NORMAL, "sort: l lent  s shared  c copied  h hits  m misses  p pid    q quit");
    put_line(2, A_NORMAL, "");
    snprintf(text, sizeof text, "%8s %-15s %10s %10s %10s %10s %10s  %s", "PID", "PROGRAM",
             "LENT MB", "SHARED MB", "COPIED MB", "HITS", "MISSES", "FILE");
    put_line(3, A_REVERSE, text);
}

static void draw_row(int y, const struct row *row)
{
    char text[512];

    snprintf(text, sizeof text,
             "%8d %-15.15s %10.1f %10.1f %10.1f %10" PRIu64 " %10" PRIu64 "  %.400s",
             (int)row->user->pid, row->user->name, megabytes(row->lent), megabytes(row->shared),
             megabytes(row->copied), row->hits, row->misses, state_plain(row->file));
    put_line(y, A_NORMAL, text);
}

/* From row FIRST on; FIRST is moved back when there are fewer. */
static void draw(const struct state *state, size_t *first)
{
    struct rows rows = gather(state);
    size_t room = LINES > HEAD ? (size_t)(LINES - HEAD) : 0;
    int y = HEAD;

    if (*first + room > rows.count)
        *first = rows.count > room ? rows.count - room : 0;
    draw_head(state);
    for (size_t i = *first; i < rows.count && y < LINES; i++)
        draw_row(y++, &rows.list[i]);
    if (y < LINES) {
        move(y, 0);
        clrtobot();
    }
    refresh();
    free(rows.list);
}

/* ---- keys and signals ---- */

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
    stopped = sig;
}

static void heed_signals(void)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = stop};

    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        sigaction(stops[i], &action, NULL);
}

/* False: to be ended. */
static bool take_key(int key, size_t *first)
{
    size_t page = LINES > HEAD ? (size_t)(LINES - HEAD) : 1;

    if (key == 'q')
        return false;
    if (key > 0 && key < 128 && strchr(sort_keys, key))
        sort_key = (char)key;
    else if (key == KEY_UP)
        *first -= *first > 0;
    else if (key == KEY_DOWN)
        ++*first;
    else if (key == KEY_PPAGE)
        *first -= *first < page ? *first : page;
    else if (key == KEY_NPAGE)
        *first += page;
    return true;
}

static void loop(void)
{
    size_t first = 0;
    struct state state;
    int key = ERR;

    state_take(&state);
    do {
        if (key == ERR) {
            state_free(&state);
            state_take(&state);
        }
        draw(&state, &first);
        key = getch();
    } while (!stopped && take_key(key, &first) && (key != ERR || isatty(0)));
    state_free(&state);
}

int stat_watch(void)
{
    SCREEN *screen = NULL;

    setlocale(LC_CTYPE, "");
    if (isatty(0) && isatty(1))
        screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        tool_error("--watch needs a terminal that can be written to anywhere");
        return TOOL_TROUBLE;
    }
    heed_signals();
    cbreak();
    noecho();
    keypad(stdscr, true);
    curs_set(0);
    timeout(PERIOD);
    loop();
    endwin();
    delscreen(screen);
    if (stopped) {
        signal(stopped, SIG_DFL);
        raise(stopped);
    }
    return TOOL_OK;
}
