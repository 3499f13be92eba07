# Many processes and threads for a while; soak.sh --seconds 1800 --processes 64 --threads 8 by hand.
check_PROGRAMS += tests/soak/soak
tests_soak_soak_SOURCES = tests/soak/soak.c tests/soak/soak.h tests/soak/work.c tests/soak/measure.c
tests_soak_soak_LDADD = -lpthread
dist_check_SCRIPTS += tests/soak/soak.sh
TESTS += tests/soak/soak.sh
