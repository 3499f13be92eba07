/* The generators, by family. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "sim.h"

#define MB ((uint64_t)1 << 20)

/* trace-model.c: textbook patterns. */
bool trace_zipf(struct sim_trace *t, uint64_t seed, double skew);
bool trace_scan_hot(struct sim_trace *t, uint64_t seed, double unused);
bool trace_loop(struct sim_trace *t, uint64_t seed, double stride);
bool trace_over(struct sim_trace *t, uint64_t seed, double unused);
bool trace_drift(struct sim_trace *t, uint64_t seed, double unused);
bool trace_phases(struct sim_trace *t, uint64_t seed, double unused);

/* trace-program.c: after what programs do. */
bool trace_game(struct sim_trace *t, uint64_t seed, double unused);
bool trace_world(struct sim_trace *t, uint64_t seed, double unused);
bool trace_git(struct sim_trace *t, uint64_t seed, double unused);
bool trace_tiles(struct sim_trace *t, uint64_t seed, double period);
bool trace_btree(struct sim_trace *t, uint64_t seed, double unused);

/* trace-recorded.c: from NAME.gz beside the program's source (record-sqlite). */
bool trace_recorded(struct sim_trace *t, uint64_t seed, double unused);
extern const char *trace_recorded_dir;

#endif
