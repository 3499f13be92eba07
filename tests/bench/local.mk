# Measurements, built by hand: make tests/bench/hit
EXTRA_PROGRAMS += tests/bench/hit
tests_bench_hit_LDADD = src/libcore.la
