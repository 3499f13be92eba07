/*
 * The differential tester: random sequences of calls, each made twice, through
 * libc on files that the library serves and by bare system calls on their
 * twins, and compared call by call.
 *
 * A sequence is a plain array of ops, made beforehand from a seed and free of
 * state: an op names slots (descriptors, streams, blocks of memory) by number
 * and works with whatever is in them.  So any part of a sequence is a sequence,
 * which is what lets a failing one be shrunk (minimise.c), and processes that
 * share descriptors can run one sequence in turns (actors.c).
 *
 *   table.c    what ops there are, how often in which mode, how their fields are drawn
 *   ops_*.c    what each does, on both sides
 *   world.c    the slots of one process or thread, and the comparisons
 *   actors.c   one sequence, run by a process and its forked children in turns
 *   threads.c  one sequence, dealt out to threads with a world each
 *   writers.c  readers checked against the contract while a writer is at work
 *   round.c    one sequence run under supervision;  main.c  many of them
 */
#ifndef OC_TEST_DIFF_H
#define OC_TEST_DIFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "side.h"

enum mode { PLAIN, FORKED, THREADS, SHARED, WRITERS, SIGNALS, MODES };

/* ---- chance ---- */

struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *c);
/* 0 .. n-1 */
uint32_t chance_below(struct chance *c, uint32_t n);

/* ---- ops ---- */

struct op {
    uint8_t kind;  /* row of the table */
    uint8_t actor; /* which process or thread is meant to run it */
    uint8_t how;   /* variant: which of several names, which flags */
    uint8_t fd, fd2, file, block;
    uint8_t from_end; /* off counts from the file's end */
    uint32_t at, n;   /* place in a block, and length */
    int64_t off;
};

struct world;

struct op_kind {
    const char *name;
    void (*run)(struct world *w, const struct op *op);
    uint8_t weight[MODES];
    bool cheap; /* a few system calls */
};

extern const struct op_kind op_kinds[];
extern const unsigned op_kind_count;

/*
 * Draw a whole sequence.  DENSITY: how many times more of the cheap kinds of op, on small
 * pieces for the most part, there are between the others than the table says.
 */
struct drawing {
    enum mode mode;
    uint64_t seed;
    unsigned scale, density;
};
void ops_draw(struct op *ops, uint32_t count, const struct drawing *how);
void op_print(FILE *out, uint32_t number, const struct op *op);

/* ---- the world of one process or thread ---- */

#define FILES   4 /* that may change */
#define COMMON  2 /* more that nobody changes, the same for all threads */
#define FDS     10
#define STREAMS 2
#define BLOCKS  6
#define PAGES   4096 /* of a block at most */
#define PATH    160

enum block_kind { BLOCK_NONE, BLOCK_MAPPED, BLOCK_HEAP };

struct block {
    enum block_kind kind;
    char *at[SIDES];
    size_t len;
    bool known;          /* every byte is meant to be equal: not so in fresh heap memory */
    bool plain;          /* never advised, protected or mapped over: one mapping on both sides */
    uint8_t prot[PAGES]; /* of mapped ones */
};

struct world {
    struct round *round;
    unsigned index; /* which thread's; 0 in single-threaded modes */
    unsigned actor; /* which process's */
    int fd[FDS][SIDES];
    FILE *stream[STREAMS][SIDES];
    struct block block[BLOCKS];
    int common[SIDES]; /* on the first common file, shared by all threads */
    uint32_t now;      /* the op under way */
    uint32_t born;     /* actors that it made, as bits */
    unsigned bare;     /* ops since an exec without the library; 0: it is there */
    size_t mapped;     /* bytes of blocks ever mapped */
    bool failed;
};

void world_start(struct world *w, struct round *round, unsigned index);
void world_files(struct world *w, uint64_t seed);
/* Everything that is still open is compared once more, and closed. */
void world_end(struct world *w);

/* The path of a file: 0..FILES-1 this world's own, then the common ones. */
void world_path(const struct world *w, unsigned file, enum side s, char out[PATH]);

/* Put descriptors into a slot; what was there is closed.  Results below 0 empty it;
 * one side failing alone, or with another errno, is a difference. */
void world_put(struct world *w, unsigned slot, long libc, long kernel, const char *what);
void world_drop(struct world *w, unsigned slot);
/* O_DIRECT, where the kernel looks at the buffer's alignment: not equal on both sides
 * but for mapped blocks. */
bool slot_is_direct(const struct world *w, unsigned slot);

/* The two results are the same, or the sequence has failed.  Returns whether they are. */
bool agree(struct world *w, long libc, long kernel, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The part of a block that an op names: at and length cut to fit.  False: no such block. */
bool block_part(const struct world *w, const struct op *op, struct block **block, size_t *at,
                size_t *n);
/* Equal around [at, at+n)?  In blocks not known, only [at, at+got). */
bool block_agree(struct world *w, const struct block *block, size_t at, size_t n, long got);
bool block_agree_all(struct world *w, const struct block *block);
void block_release(struct world *w, struct block *block);

/* The offset an op names, seen from the end of the twin of slot or file when it says so. */
int64_t op_offset(const struct world *w, const struct op *op, unsigned slot);

/* ---- rounds: one sequence, run under supervision ---- */

#define ACTORS 4 /* processes or threads of a round */

/* What the next program finds after an exec. */
struct saved_world {
    int fd[FDS][SIDES];
};

/* In shared memory, kept over exec: the sequence and how far it has come. */
struct round {
    enum mode mode;
    uint64_t seed;
    uint32_t count;
    unsigned scale, density;
    bool in_memory; /* the files are on tmpfs */
    char dir[PATH - 40];
    int memory; /* descriptor of this memory itself */
    int helper; /* socket to the process that receives descriptors, or -1 */
    struct {
        uint8_t act, which;
        uint32_t n;
        int64_t off;
    } ask;            /* what it is asked to do */
    char answer[200]; /* what it found wrong */

    /* Low half: ops finished, in the order of the sequence. High half: a bit for each actor
     * that is alive. In one word, so that nobody sees the one without the other. */
    _Atomic uint64_t turn;
    _Atomic uint32_t ended; /* actors that came to the end of the sequence */
    _Atomic int failed;
    uint32_t failed_op;
    unsigned failed_actor;
    char text[400];

    char environment[8000]; /* for programs after one that was started without it */
    int images_before;      /* in the home */
    _Atomic bool killed;    /* a process was, and may have left an image */
    _Atomic int pid[ACTORS];
    struct saved_world saved[ACTORS];

    _Atomic uint32_t calls[64];   /* by kind */
    _Atomic uint32_t saw_section; /* a section, an image was seen mapped */
    _Atomic uint32_t saw_image;
    struct op ops[];
};

/* Run the sequence in processes of its own; true when nothing differed. */
bool round_run(struct round *round);
struct round *round_new(uint32_t count);
void round_free(struct round *round);
/* What the tester was started with, wherever one is. */
char **round_environment(struct round *round);
/* In the program that an actor has exec'd. */
int round_resume(int memory, unsigned actor);
/* In a program that was given a pair of descriptors: do they agree?  An exit status. */
int peek(int libc, int kernel, unsigned n);
/* Look at /proc/self/maps for what the library should have mapped by now. */
void round_look(struct round *round);
/* Nothing of it may be left in a process that has closed and freed all it had. */
void round_look_empty(struct world *w);

/* Each runs a round's ops in the calling process, and returns at its end. */
void actors_run(struct round *round);
void actor_continue(struct world *w, uint32_t from);
void threads_run(struct round *round);
void writers_run(struct round *round);

/* For actors_run: the op makes another process, or ends this one. */
void op_fork(struct world *w, const struct op *op);
void op_exit(struct world *w, const struct op *op);
void op_exec(struct world *w, const struct op *op);

/* SIGNALS: a timer whose handler reads. */
void signals_start(const struct world *w);
void signals_stop(struct world *w);

/* SHARED: the process that looks at what it is sent. */
void helper_start(struct round *round);
void helper_stop(struct round *round);

/* Shrink a failing sequence to one where every op is needed.  TRIES: how often a part is
 * run before it is taken to be good. */
void minimise(struct round *round, unsigned tries);

#endif
