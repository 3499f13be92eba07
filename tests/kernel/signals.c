/* A timer whose handler reads, whatever the program is in the middle of. */
#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static struct {
    int own[SIDES], common[SIDES];
    volatile sig_atomic_t runs, wrong;
} handler;

/* Enough reads of enough places that sections go and others take their slots, while the
 * program is in the middle of a copy from one. */
static void churn(void)
{
    static unsigned turn;
    char byte[SIDES] = {0, 0};

    for (int place = 0; place < 24; place++)
        for (int k = 0; k < 9; k++)
            side_pread(LIBC, handler.own[LIBC], &byte[LIBC], 1, place * 4096 + turn % 4000);
    side_pread(RAW, handler.own[RAW], &byte[RAW], 1, 23 * 4096 + turn % 4000);
    handler.wrong += byte[LIBC] != byte[RAW];
    turn++;
}

/* lseek, read and pread, on a description of the handler's own and on one that it shares
 * with the program. */
static void on_alarm(int sig)
{
    char bytes[SIDES][200];
    long got[SIDES], at = handler.runs * 61 % 90000;
    int error = errno;

    (void)sig;
    memset(bytes, 0, sizeof bytes);
    for (enum side s = LIBC; s < SIDES; s++) {
        if (handler.runs % 8 == 0)
            side_lseek(s, handler.own[s], at, SEEK_SET);
        got[s] = side_read(s, handler.own[s], bytes[s], 100);
        got[s] += side_pread(s, handler.common[s], bytes[s] + 100, 100, at);
        got[s] += 1000 * side_lseek(s, handler.own[s], 0, SEEK_CUR);
    }
    if (got[LIBC] != got[RAW] || memcmp(bytes[LIBC], bytes[RAW], sizeof bytes[0]) != 0)
        handler.wrong++;
    if (handler.runs % 4 == 0)
        churn();
    handler.runs++;
    errno = error;
}

void signals_start(const struct world *w)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval every = {{0, 700}, {0, 700}};
    char path[PATH];

    for (enum side s = LIBC; s < SIDES; s++) {
        world_path(w, FILES + 1, s, path);
        handler.own[s] = (int)side_open(s, path, O_RDONLY | O_CLOEXEC, 0);
        handler.common[s] = w->common[s];
    }
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

void signals_stop(struct world *w)
{
    struct itimerval never = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &never, NULL);
    if (handler.wrong != 0)
        fail(w, "%d of %d reads in a signal handler differed", (int)handler.wrong,
             (int)handler.runs);
}
