EXTRA_DIST += tests/bench/images.sh

# Measurements, built by hand:
#   make tests/bench/hit && tests/bench/hit src/.libs/libonecopy-preload.so 64 512 4096
#   make tests/bench/views && tests/bench/views 0.5 1 2 4
EXTRA_PROGRAMS += tests/bench/hit tests/bench/views
tests_bench_views_LDADD = src/libonecopy.la -lpthread

# Which functions lie together: writes src/shim/order.ld.
EXTRA_DIST += tests/bench/order

include tests/bench/policy/local.mk

# All targets of speed in one table, and the chart of sizes: doc/performance.md.
EXTRA_DIST += tests/bench/run tests/bench/chart tests/bench/ifstream.cc
EXTRA_PROGRAMS += \
	tests/bench/growth \
	tests/bench/load \
	tests/bench/reads \
	tests/bench/streams \
	tests/bench/strangers
tests_bench_growth_SOURCES = tests/bench/growth.c tests/bench/bench.h
tests_bench_load_SOURCES = tests/bench/load.c tests/bench/bench.h
tests_bench_reads_SOURCES = tests/bench/reads.c tests/bench/bench.h
tests_bench_reads_LDADD = -lpthread
tests_bench_streams_SOURCES = tests/bench/streams.c tests/bench/bench.h
tests_bench_strangers_SOURCES = tests/bench/strangers.c tests/bench/bench.h

if HAVE_CAIRO
EXTRA_PROGRAMS += tests/bench/sweep
tests_bench_sweep_CFLAGS = $(AM_CFLAGS) $(CAIRO_CFLAGS)
tests_bench_sweep_LDADD = $(CAIRO_LIBS) -lm
endif
