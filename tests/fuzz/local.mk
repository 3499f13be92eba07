# Fuzzers: a short run over the corpus and mutations of it; fuzz.sh makes the long ones.
FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/fuzz
fuzz_main = tests/fuzz/main.c tests/fuzz/fuzz.h
fuzz_arena = $(fuzz_main) tests/fuzz/arena.c tests/fuzz/arena.h
fuzz_kit = $(fuzz_main) tests/fuzz/kit.c tests/fuzz/kit.h

fuzzers = \
	tests/fuzz/rules \
	tests/fuzz/options \
	tests/fuzz/image \
	tests/fuzz/history \
	tests/fuzz/hot \
	tests/fuzz/calls
check_PROGRAMS += $(fuzzers)

tests_fuzz_rules_SOURCES = tests/fuzz/rules.c $(fuzz_arena)
tests_fuzz_options_SOURCES = tests/fuzz/options.c $(fuzz_arena)
tests_fuzz_image_SOURCES = tests/fuzz/image.c $(fuzz_kit)
tests_fuzz_history_SOURCES = tests/fuzz/history.c $(fuzz_kit)
tests_fuzz_hot_SOURCES = tests/fuzz/hot.c $(fuzz_kit)
tests_fuzz_calls_SOURCES = tests/fuzz/calls.c $(fuzz_kit)
tests_fuzz_rules_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_options_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_image_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_history_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_hot_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_calls_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_rules_LDADD = src/libcore.la
tests_fuzz_options_LDADD = src/libcore.la
tests_fuzz_image_LDADD = src/libcore.la -lpthread
tests_fuzz_history_LDADD = src/libcore.la
tests_fuzz_hot_LDADD = src/libcore.la
tests_fuzz_calls_LDADD = src/libcore.la -lpthread

dist_check_SCRIPTS += tests/fuzz/short.sh
TESTS += tests/fuzz/short.sh
EXTRA_DIST += tests/fuzz/fuzz.sh tests/fuzz/corpus
