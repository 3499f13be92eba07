# rules of tests/shim

# The onecopy command.
dist_check_SCRIPTS += \
	tests/shim/tool-run.sh \
	tests/shim/tool-compare.sh \
	tests/shim/tool-report.sh \
	tests/shim/tool-server.sh \
	tests/shim/tool-check.sh \
	tests/shim/tool-stat.sh \
	tests/shim/tool-watch.sh \
	tests/shim/tool-completion.sh \
	tests/shim/tool-install.sh \
	tests/shim/tool-package.sh \
	tests/shim/tool-clean.sh \
	tests/shim/recipes.sh
TESTS += \
	tests/shim/tool-run.sh \
	tests/shim/tool-compare.sh \
	tests/shim/tool-report.sh \
	tests/shim/tool-server.sh \
	tests/shim/tool-check.sh \
	tests/shim/tool-stat.sh \
	tests/shim/tool-watch.sh \
	tests/shim/tool-completion.sh \
	tests/shim/tool-install.sh \
	tests/shim/tool-package.sh \
	tests/shim/tool-clean.sh \
	tests/shim/recipes.sh
EXTRA_DIST += tests/shim/cxx.cc tests/shim/tool-tap.sh tests/shim/page.py tests/shim/number-lines.sh
# A program for them to look at.
check_PROGRAMS += tests/shim/loader

# The exported names, the catalogue and the manual.
dist_check_SCRIPTS += tests/shim/surface.sh
TESTS += tests/shim/surface.sh

# The static tracepoints.
dist_check_SCRIPTS += tests/shim/probes.sh
TESTS += tests/shim/probes.sh

# Tests of the intercepted calls, each run without the library, with it, and with
# it set to the smallest sizes (run-preload.sh, to which the programs hand over).
SHIM_SUPPORT = \
	tests/shim/side.c tests/shim/side.h \
	tests/shim/tap.c tests/shim/tap.h \
	tests/shim/twin.c tests/shim/twin.h
SHIM_CPPFLAGS = $(AM_CPPFLAGS) -U_FILE_OFFSET_BITS -I$(top_srcdir)/tests/shim \
	-DTEST_RUNNER='"$(abs_top_srcdir)/tests/shim/run-preload.sh"'

SHIM_TESTS = \
	tests/shim/changes \
	tests/shim/confined \
	tests/shim/dups \
	tests/shim/early \
	tests/shim/ends \
	tests/shim/forks \
	tests/shim/huge \
	tests/shim/interrupts \
	tests/shim/lends \
	tests/shim/locks \
	tests/shim/names \
	tests/shim/signames \
	tests/shim/newfds \
	tests/shim/numbers \
	tests/shim/opens \
	tests/shim/quiet \
	tests/shim/races \
	tests/shim/reads \
	tests/shim/recast \
	tests/shim/seeks \
	tests/shim/seldom \
	tests/shim/shadows \
	tests/shim/signals \
	tests/shim/special \
	tests/shim/starts \
	tests/shim/stdio \
	tests/shim/threads \
	tests/shim/time64 \
	tests/shim/transfer \
	tests/shim/truncation \
	tests/shim/zeros \
	tests/shim/whole \
	tests/shim/whole-calls \
	tests/shim/whole-threads

check_PROGRAMS += $(SHIM_TESTS) tests/shim/hot tests/shim/hits tests/shim/secure
dist_check_SCRIPTS += tests/shim/run-preload.sh tests/shim/hot.sh tests/shim/cxx.sh tests/shim/hits.sh tests/shim/learn.sh tests/shim/strangers.sh
TESTS += $(SHIM_TESTS) tests/shim/hot.sh tests/shim/cxx.sh tests/shim/hits.sh tests/shim/learn.sh tests/shim/strangers.sh

tests_shim_changes_SOURCES = tests/shim/changes.c $(SHIM_SUPPORT)
tests_shim_changes_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_confined_SOURCES = tests/shim/confined.c $(SHIM_SUPPORT)
tests_shim_confined_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_dups_SOURCES = tests/shim/dups.c $(SHIM_SUPPORT)
tests_shim_dups_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_early_SOURCES = tests/shim/early.c $(SHIM_SUPPORT)
tests_shim_early_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_ends_SOURCES = tests/shim/ends.c tests/shim/plugin.h $(SHIM_SUPPORT)
tests_shim_ends_CPPFLAGS = $(SHIM_CPPFLAGS) -DLATE_PLUGIN='"$(abs_top_builddir)/tests/shim/.libs/later.so"' \
	-DOUR_LIBRARY='"$(abs_top_builddir)/src/.libs/libonecopy-preload.so"'
tests_shim_ends_LDADD = tests/shim/libplugin.la -ldl
tests_shim_ends_LDFLAGS = -no-install
tests_shim_forks_SOURCES = tests/shim/forks.c $(SHIM_SUPPORT)
tests_shim_forks_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_huge_SOURCES = tests/shim/huge.c $(SHIM_SUPPORT)
tests_shim_huge_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_interrupts_SOURCES = tests/shim/interrupts.c $(SHIM_SUPPORT)
tests_shim_interrupts_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_interrupts_LDADD = -lpthread
tests_shim_truncation_SOURCES = tests/shim/truncation.c $(SHIM_SUPPORT)
tests_shim_truncation_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_truncation_LDADD = -lpthread
tests_shim_zeros_SOURCES = tests/shim/zeros.c $(SHIM_SUPPORT)
tests_shim_zeros_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_zeros_LDADD = -lpthread
tests_shim_whole_SOURCES = tests/shim/whole.c $(SHIM_SUPPORT)
tests_shim_whole_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_whole_calls_SOURCES = tests/shim/whole-calls.c $(SHIM_SUPPORT)
tests_shim_whole_calls_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_whole_calls_LDADD = -ldl
tests_shim_whole_threads_SOURCES = tests/shim/whole-threads.c $(SHIM_SUPPORT)
tests_shim_whole_threads_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_whole_threads_LDADD = -lpthread
tests_shim_names_SOURCES = tests/shim/names.c $(SHIM_SUPPORT)
tests_shim_names_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_names_LDADD = -ldl
tests_shim_signames_SOURCES = tests/shim/signames.c $(SHIM_SUPPORT)
tests_shim_signames_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_signames_LDADD = -ldl -lpthread
tests_shim_shadows_SOURCES = tests/shim/shadows.c $(SHIM_SUPPORT)
tests_shim_shadows_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_shadows_LDADD = -ldl
tests_shim_shadows_LDFLAGS = -export-dynamic
tests_shim_newfds_SOURCES = tests/shim/newfds.c $(SHIM_SUPPORT)
tests_shim_newfds_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_newfds_LDADD = -ldl -lutil -lrt
tests_shim_numbers_SOURCES = tests/shim/numbers.c $(SHIM_SUPPORT)
tests_shim_numbers_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_hot_SOURCES = tests/shim/hot.c
tests_shim_hot_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_hits_SOURCES = tests/shim/hits.c
tests_shim_hits_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_lends_SOURCES = tests/shim/lends.c $(SHIM_SUPPORT)
tests_shim_lends_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_locks_SOURCES = tests/shim/locks.c $(SHIM_SUPPORT)
tests_shim_locks_CPPFLAGS = $(SHIM_CPPFLAGS) -DONECOPY_TOOL='"$(abs_top_builddir)/tools/onecopy"'
tests_shim_opens_SOURCES = tests/shim/opens.c $(SHIM_SUPPORT)
tests_shim_opens_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_quiet_SOURCES = tests/shim/quiet.c $(SHIM_SUPPORT)
tests_shim_quiet_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_races_SOURCES = tests/shim/races.c $(SHIM_SUPPORT)
tests_shim_races_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_races_LDADD = -lpthread
tests_shim_reads_SOURCES = tests/shim/reads.c $(SHIM_SUPPORT)
tests_shim_reads_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_seeks_SOURCES = tests/shim/seeks.c $(SHIM_SUPPORT)
tests_shim_seeks_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_seldom_SOURCES = tests/shim/seldom.c $(SHIM_SUPPORT)
tests_shim_seldom_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_seldom_LDADD = -ldl
tests_shim_signals_SOURCES = tests/shim/signals.c $(SHIM_SUPPORT)
tests_shim_signals_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_signals_LDADD = -lpthread
tests_shim_recast_SOURCES = tests/shim/recast.c tests/shim/nature.c tests/shim/nature.h $(SHIM_SUPPORT)
tests_shim_recast_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_special_SOURCES = tests/shim/special.c tests/shim/ring.c tests/shim/ring.h \
	tests/shim/nature.c tests/shim/nature.h $(SHIM_SUPPORT)
tests_shim_special_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_special_LDADD = -lpthread
tests_shim_starts_SOURCES = tests/shim/starts.c $(SHIM_SUPPORT)
tests_shim_starts_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_starts_LDADD = -lutil -lpthread
tests_shim_stdio_SOURCES = tests/shim/stdio.c $(SHIM_SUPPORT)
tests_shim_stdio_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_threads_SOURCES = tests/shim/threads.c $(SHIM_SUPPORT)
tests_shim_threads_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_threads_LDADD = -lpthread
tests_shim_time64_SOURCES = tests/shim/time64.c $(SHIM_SUPPORT)
tests_shim_time64_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_transfer_SOURCES = tests/shim/transfer.c $(SHIM_SUPPORT)
tests_shim_transfer_CPPFLAGS = $(SHIM_CPPFLAGS)

# Libraries that come and go: one linked to the program, the same loaded by it.
check_LTLIBRARIES += tests/shim/libplugin.la tests/shim/later.la
tests_shim_libplugin_la_SOURCES = tests/shim/plugin.c tests/shim/plugin.h
tests_shim_libplugin_la_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_libplugin_la_LDFLAGS = -avoid-version -rpath /nowhere
tests_shim_later_la_SOURCES = tests/shim/plugin.c tests/shim/plugin.h
tests_shim_later_la_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_later_la_LDFLAGS = -module -avoid-version -rpath /nowhere

# C++ streams.
dist_check_SCRIPTS += tests/shim/streams.sh
TESTS += tests/shim/streams.sh
EXTRA_DIST += tests/shim/streams.cc

# The list of promises names tests that exist.
dist_check_SCRIPTS += tests/shim/promises.sh
TESTS += tests/shim/promises.sh

# Other preloads beside ours.
dist_check_SCRIPTS += tests/shim/preloads.sh
TESTS += tests/shim/preloads.sh

# A disk that breaks.
check_PROGRAMS += tests/shim/ioerrors
dist_check_SCRIPTS += tests/shim/ioerrors.sh
TESTS += tests/shim/ioerrors.sh
tests_shim_ioerrors_SOURCES = tests/shim/ioerrors.c $(SHIM_SUPPORT)
tests_shim_ioerrors_CPPFLAGS = $(SHIM_CPPFLAGS)

# Allocators, ours and others' preloaded.
check_PROGRAMS += tests/shim/allocators
dist_check_SCRIPTS += tests/shim/allocators.sh
TESTS += tests/shim/allocators.sh
tests_shim_allocators_SOURCES = tests/shim/allocators.c $(SHIM_SUPPORT)
tests_shim_allocators_CPPFLAGS = $(SHIM_CPPFLAGS)
tests_shim_allocators_LDADD = -ldl -lpthread

# Linked to the library: a program that gains rights is not preloaded by a path.
dist_check_SCRIPTS += tests/shim/secure.sh
TESTS += tests/shim/secure.sh
tests_shim_secure_LDADD = src/.libs/libonecopy-preload.so
tests_shim_secure_LDFLAGS = -no-install -Wl,--no-as-needed -Wl,-rpath,/var/lib/onecopy-secure-test
tests_shim_secure_DEPENDENCIES = src/libonecopy-preload.la

# A kernel without membarrier.
check_PROGRAMS += tests/shim/deny
dist_check_SCRIPTS += tests/shim/denied.sh
TESTS += tests/shim/denied.sh
