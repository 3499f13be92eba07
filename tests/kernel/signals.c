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
