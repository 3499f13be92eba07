/* What the processes of a soak share; see soak.c. */
#ifndef SOAK_H
#define SOAK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESSES_MAX = 64, THREADS_MAX = 8 };
/* Two that stay as they are, one that is written to, one that is cut and grown as well. */
enum { LARGE, SMALL, WRITTEN, CUT, FILES };

struct soak {
    unsigned processes, threads, wait;
    unsigned long starts, kills;
    _Atomic bool stop;
    _Atomic uint64_t loads, bytes, wrong, died;
    /* Of rounds of writing: begun, and ended. */
    struct {
        _Atomic uint64_t begun, done;
    } rounds[FILES];
};

extern struct soak *soak;
extern const char *folder;

void soak_die(const char *what);
double soak_now(void);
void soak_pause(unsigned milliseconds);
void soak_path(char *path, size_t size, int which);

/* work.c: the roles; each returns an exit status. */
int soak_load(unsigned number);
int soak_change(void);
/* The file from FROM to its end, as it is in ROUND. */
void soak_write(int fd, int which, uint64_t round, size_t from);

/* measure.c: what they use, at this part (0 to 1) of the run; and whether it grew;
 * BRIEF: as far as a short run tells. */
void soak_measure(const pid_t *pids, double part);
void soak_judge(bool brief, void (*result)(bool passed, const char *what));
/* Where a process waits, for a message. */
const char *soak_where(pid_t pid);

#endif
