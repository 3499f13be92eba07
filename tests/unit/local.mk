# Unit tests: CUnit programs over the core, no preload.
#
# One more is three lines: its name here, its source and its LDADD below.  (What
# needs no core function of its own links the whole core all the same.)
src_libcore_la_SOURCES += \
	src/base/glob.c src/base/glob.h \
	src/base/size.c src/base/size.h

EXTRA_DIST += tests/unit/tap.h

if HAVE_CUNIT
unit_tests = \
	tests/unit/test_lock \
	tests/unit/test_log \
	tests/unit/test_options \
	tests/unit/test_rules \
	tests/unit/test_sys

check_LTLIBRARIES += tests/unit/libtap.la
tests_unit_libtap_la_SOURCES = tests/unit/tap.c tests/unit/tap.h
tests_unit_libtap_la_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

unit_ldadd = tests/unit/libtap.la src/libcore.la $(CUNIT_LIBS)

tests_unit_test_lock_LDADD = $(unit_ldadd) -lpthread
tests_unit_test_log_LDADD = $(unit_ldadd)
tests_unit_test_options_LDADD = $(unit_ldadd)
tests_unit_test_rules_LDADD = $(unit_ldadd)
tests_unit_test_sys_LDADD = $(unit_ldadd)

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
