/*
 * Calls that meet other calls: made by a signal handler in the middle of the same call, by
 * another thread on the same descriptor, or ended by a cancellation.
 *
 * Two files of records say who they are: byte i of a record of file F is F, the record's
 * number, and so on, so that a mixture of two would be seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "twin.h"

#define RECORD  64
#define RECORDS 8192

static char path[2][TWIN_PATH]; /* file 0 and file 1, both matched */
static volatile sig_atomic_t wrong, hits;

static void make_files(void)
{
    static const char *const names[] = {"zero", "one"};

    for (int f = 0; f < 2; f++) {
        struct twin twin = twin_make(names[f], 0);
        unsigned char record[RECORD];
        memcpy(path[f], twin.path[LIBC], TWIN_PATH);
        long fd = side_open(RAW, path[f], O_WRONLY, 0);
        for (int i = 0; i < RECORDS; i++) {
            memset(record, f + 1, sizeof record);
            record[1] = (unsigned char)i;
            record[2] = (unsigned char)(i >> 8);
            side_write(RAW, (int)fd, record, sizeof record);
        }
        side_close(RAW, (int)fd);
    }
}

/* The file that a whole record is of, or -1; and which one. */
static int file_of(const unsigned char *record, int *number)
{
    for (int i = 0; i < RECORD; i++)
        if (i != 1 && i != 2 && record[i] != record[0])
            return -1;
    *number = record[1] | record[2] << 8;
    return record[0] == 1 || record[0] == 2 ? record[0] - 1 : -1;
}

static bool right(const unsigned char *record, int file, int number)
{
    int found;
    int of = file_of(record, &found);
    return of >= 0 && (file < 0 || of == file) && found == number;
}

static int fd = -1, spare[2];
static unsigned char seen[RECORDS];

static void take_one(void)
{
    unsigned char record[RECORD];
    int number;
    long got = read(fd, record, RECORD);

    if (got == RECORD && file_of(record, &number) == 0 && number < RECORDS)
        seen[number]++;
    else if (got != 0)
        wrong++;
}

/* ---- from signal handlers ---- */

static void (*in_handler)(void);

static void on_alarm(int sig)
{
    int saved = errno;
    (void)sig;
    hits++;
    in_handler();
    errno = saved;
}

/* Run BODY, interrupted by HANDLER again and again, at least so often. */
static void interrupted(void (*body)(void), void (*handler)(void), int flags)
{
    struct sigaction act = {.sa_handler = on_alarm, .sa_flags = flags};
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};

    sigfillset(&act.sa_mask);
    hits = wrong = 0;
    in_handler = handler;
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; round < 20 || (hits < 30 && round < 2000); round++)
        body();
    setitimer(ITIMER_REAL, &never, NULL);
    expect(hits > 0, "no signal came");
    expect(wrong == 0, "%d times wrong", wrong);
}

static void read_all(void)
{
    lseek(fd, 0, SEEK_END); /* where a handler finds nothing to take */
    memset(seen, 0, sizeof seen);
    lseek(fd, 0, SEEK_SET);
    for (int i = 0; i < RECORDS; i++)
        take_one();
    for (int i = 0; i < RECORDS; i++)
        wrong += seen[i] != 1;
}

static void seek_and_pread(void)
{
    unsigned char record[RECORD];
    long at = lseek(fd, 0, SEEK_CUR);

    wrong += at < 0 || at % RECORD != 0;
    wrong += pread(fd, record, RECORD, 77 * RECORD) != RECORD || !right(record, 0, 77);
    take_one();
}

static void pread_all(void)
{
    unsigned char record[RECORD];

    for (int i = 0; i < 2000; i++) {
        int number = i * 37 % RECORDS;
        if (pread(fd, record, RECORD, (off_t)number * RECORD) != RECORD ||
            !right(record, -1, number))
            wrong++;
    }
}

static void replace(void)
{
    static int turn;
    turn = !turn;
    wrong += dup2(spare[turn], fd) != fd;
}

/* The descriptor's number for file F; in between it may be given to somebody else. */
static void anew(int f)
{
    close(fd);
    int now = open(path[f], O_RDONLY);
    if (now != fd) {
        wrong += dup2(now, fd) != fd;
        close(now);
    }
}

static void reopen(void)
{
    static int turn;
    turn = !turn;
    anew(turn);
}

/* Each of the calls, in turn; all by one number. */
static void one_call(void)
{
    static _Atomic unsigned turn;
    unsigned now = turn++;
    unsigned char record[RECORD];
    int number;
    long got;

    switch (now % 5) {
    case 0:
        got = read(fd, record, RECORD);
        wrong += got != 0 && (got != RECORD || file_of(record, &number) < 0) &&
                 !(got == -1 && errno == EBADF);
        break;
    case 1:
        number = (int)(now * 37 % RECORDS);
        got = pread(fd, record, RECORD, (off_t)number * RECORD);
        wrong += got == RECORD ? !right(record, -1, number) : !(got == -1 && errno == EBADF);
        break;
    case 2:
        got = lseek(fd, (off_t)(now * 41 % RECORDS) * RECORD, SEEK_SET);
        wrong += got != (off_t)(now * 41 % RECORDS) * RECORD && !(got == -1 && errno == EBADF);
        break;
    case 3:
        reopen();
        break;
    default:
        replace();
    }
}

static void all_calls(void)
{
    for (int i = 0; i < 2000; i++)
        one_call();
}

/* Whatever it interrupts, the same calls. */
static void some_calls(void)
{
    for (int i = 0; i < 5; i++)
        one_call();
}

static void handlers(void)
{
    fd = open(path[0], O_RDONLY);
    interrupted(read_all, take_one, 0);
    report("read in a handler that interrupted a read: every record once");
    interrupted(read_all, seek_and_pread, SA_RESTART);
    report("lseek and pread in a handler that interrupted a read");
    spare[0] = open(path[0], O_RDONLY);
    spare[1] = open(path[1], O_RDONLY);
    interrupted(pread_all, replace, 0);
    report("dup2 over the descriptor in a handler that interrupted a pread");
    interrupted(all_calls, some_calls, 0);
    report("read, pread, lseek, close, open and dup2 in a handler that interrupted any of them");
    close(spare[0]);
    close(spare[1]);
    close(fd);
    fd = open(path[0], O_RDONLY);
    interrupted(pread_all, reopen, 0);
    report("close and open in a handler that interrupted a pread");
    close(fd);
}

/* ---- from another thread ---- */

static _Atomic bool stop;

static void *closer(void *arg)
{
    (void)arg;
    for (int turn = 0; !stop; turn = !turn)
        anew(turn);
    return NULL;
}

static void race(void)
{
    unsigned char record[RECORD];
    pthread_t thread;
    int whole = 0, closed = 0;

    wrong = 0;
    stop = false;
    fd = open(path[0], O_RDONLY);
    pthread_create(&thread, NULL, closer, NULL);
    for (int i = 0; i < 60000 || (whole == 0 && i < 6000000); i++) {
        int number = i * 37 % RECORDS;
        long got = side_pread(LIBC, fd, record, RECORD, (int64_t)number * RECORD);
        whole += got == RECORD;
        closed += got == -EBADF;
        if (got != -EBADF && (got != RECORD || !right(record, -1, number)))
            wrong++;
    }
    stop = true;
    pthread_join(thread, NULL);
    close(fd);
    expect(wrong == 0, "%d reads were neither whole nor EBADF", wrong);
    expect(whole > 0, "no read succeeded, %d did not", closed);
    report("close racing with pread: the old file, the new one, or EBADF");
}

/* ---- cancelled, and cut short ---- */

static void *reads_for_ever(void *arg)
{
    char buf[RECORD];
    bool by_offset = arg != NULL;

    for (;;)
        if (!by_offset)
            (void)!pread(fd, buf, RECORD, 128);
        else if (read(fd, buf, RECORD) == 0)
            lseek(fd, 0, SEEK_SET);
    return NULL;
}

static void *reads_pipe(void *arg)
{
    char c;
    (void)!read(*(int *)arg, &c, 1);
    return NULL;
}

/* A thread that has left the cancellation to the end, with its cleanup handler run. */
static void clean(void *arg)
{
    *(int *)arg += 1;
}

static void *disabled(void *arg)
{
    char buf[RECORD];

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    for (int i = 0; i < 3000; i++)
        (void)!pread(fd, buf, RECORD, 128);
    pthread_cleanup_push(clean, arg);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    for (;;)
        (void)!pread(fd, buf, RECORD, 128);
    pthread_cleanup_pop(0);
    return NULL;
}

static void is_cancelled(void *(*body)(void *), void *arg, const char *what)
{
    pthread_t thread;
    void *result = NULL;

    expect(pthread_create(&thread, NULL, body, arg) == 0, "pthread_create");
    usleep(2000);
    expect(pthread_cancel(thread) == 0, "pthread_cancel");
    pthread_join(thread, &result);
    expect(result == PTHREAD_CANCELED, "%s: not cancelled", what);
}

static void cancelled(void)
{
    int ends[2], cleaned = 0;

    expect(pipe(ends) == 0, "pipe");
    fd = open(path[0], O_RDONLY);
    is_cancelled(reads_for_ever, NULL, "pread");
    is_cancelled(reads_for_ever, &fd, "read");
    is_cancelled(disabled, &cleaned, "pread, later");
    expect(cleaned == 1, "the cleanup handler ran %d times", cleaned);
    is_cancelled(reads_pipe, &ends[0], "read of an empty pipe");
    unsigned char record[RECORD];
    for (int i = 0; i < 100; i++)
        expect(pread(fd, record, RECORD, 5 * RECORD) == RECORD && right(record, 0, 5),
               "afterwards");
    close(fd);
    close(ends[0]);
    close(ends[1]);
    report("pthread_cancel ends a thread in read and pread");
}

static void nothing(void)
{
}

static void interrupted_pipe(void)
{
    struct sigaction act = {.sa_handler = on_alarm};
    struct itimerval soon = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    int ends[2];
    char c;

    in_handler = nothing;
    expect(pipe(ends) == 0, "pipe");
    sigaction(SIGALRM, &act, NULL);
    for (enum side s = LIBC; s < SIDES; s++) {
        setitimer(ITIMER_REAL, &soon, NULL);
        same(side_read(s, ends[0], &c, 1), -EINTR, "read of an empty pipe");
        setitimer(ITIMER_REAL, &never, NULL);
    }
    close(ends[0]);
    close(ends[1]);
    report("read of a pipe is interrupted: EINTR");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv);
    expect(library_loaded(), "the library is not in /proc/self/maps");
    report("the library is at work");
    make_files();
    handlers();
    race();
    interrupted_pipe();
    cancelled();
    return tap_done();
}
