# The simulator of section policies; doc/policy.md.  Only its own sanity is part of
# make check.
sim_sources = \
	tests/bench/policy/arc.c \
	tests/bench/policy/belady.c \
	tests/bench/policy/clock.c \
	tests/bench/policy/filter.c \
	tests/bench/policy/list.h \
	tests/bench/policy/lru.c \
	tests/bench/policy/random.c tests/bench/policy/random.h \
	tests/bench/policy/s3fifo.c \
	tests/bench/policy/shipped.c \
	tests/bench/policy/sieve.c \
	tests/bench/policy/sim.c tests/bench/policy/sim.h \
	tests/bench/policy/trace.c tests/bench/policy/trace.h \
	tests/bench/policy/trace-model.c \
	tests/bench/policy/trace-program.c \
	tests/bench/policy/trace-recorded.c \
	tests/bench/policy/twoq.c

check_LTLIBRARIES += tests/bench/policy/libsim.la
tests_bench_policy_libsim_la_SOURCES = $(sim_sources)
tests_bench_policy_libsim_la_LIBADD = src/libcore.la -lm

EXTRA_PROGRAMS += \
	tests/bench/policy/mapcost \
	tests/bench/policy/simulate
tests_bench_policy_mapcost_LDADD = -lpthread
tests_bench_policy_replay_LDADD = tests/bench/policy/libsim.la
tests_bench_policy_simulate_SOURCES = tests/bench/policy/main.c
tests_bench_policy_simulate_LDADD = tests/bench/policy/libsim.la

check_PROGRAMS += tests/bench/policy/replay tests/bench/policy/sanity
tests_bench_policy_sanity_SOURCES = \
	tests/bench/policy/naive.c tests/bench/policy/naive.h \
	tests/bench/policy/sanity.c
tests_bench_policy_sanity_LDADD = tests/bench/policy/libsim.la
TESTS += tests/bench/policy/sanity
dist_check_SCRIPTS += tests/bench/policy/game.sh
TESTS += tests/bench/policy/game.sh

EXTRA_DIST += \
	tests/bench/policy/record-sqlite \
	tests/bench/policy/run \
	tests/bench/policy/sqlite-point.gz \
	tests/bench/policy/sqlite-scan.gz
