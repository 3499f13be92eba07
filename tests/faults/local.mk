# Each system call of the library fails in turn: a build of it in which calls go by a plan.
check_LTLIBRARIES += tests/faults/libfaulty.la
tests_faults_libfaulty_la_SOURCES = \
	$(src_libcore_la_SOURCES) \
	$(src_libonecopy_preload_la_SOURCES) \
	tests/faults/faulty.c tests/faults/plan.h
tests_faults_libfaulty_la_CPPFLAGS = $(AM_CPPFLAGS) -DOC_FAULTS -I$(top_srcdir)/tests/faults
tests_faults_libfaulty_la_CFLAGS = $(src_libonecopy_preload_la_CFLAGS)
tests_faults_libfaulty_la_LDFLAGS = $(src_libonecopy_preload_la_LDFLAGS) -rpath /nowhere

check_PROGRAMS += tests/faults/drive tests/faults/host
tests_faults_drive_SOURCES = tests/faults/drive.c tests/faults/plan.h
tests_faults_host_SOURCES = tests/faults/host.c
tests_faults_host_LDADD = -lpthread

dist_check_SCRIPTS += tests/faults/faults.sh
TESTS += tests/faults/faults.sh
