# Unit tests: CUnit programs over the core, no preload.
#
# One more is two lines: its name here and its LDADD below.

EXTRA_DIST += tests/unit/tap.h

check_PROGRAMS += tests/unit/print_tables
tests_unit_print_tables_LDADD = src/libcore.la
dist_check_SCRIPTS += tests/unit/options-documented.sh
TESTS += tests/unit/options-documented.sh

if HAVE_CUNIT
unit_tests = \
	tests/unit/test_account \
	tests/unit/test_anchor \
	tests/unit/test_cgroup \
	tests/unit/test_guard \
	tests/unit/test_history \
	tests/unit/test_home \
	tests/unit/test_identity \
	tests/unit/test_hot \
	tests/unit/test_image \
	tests/unit/test_image_limits \
	tests/unit/test_lend \
	tests/unit/test_lent \
	tests/unit/test_large \
	tests/unit/test_lock \
	tests/unit/test_log \
	tests/unit/test_moment \
	tests/unit/test_shrink \
	tests/unit/test_options \
	tests/unit/test_own \
	tests/unit/test_policy \
	tests/unit/test_pool \
	tests/unit/test_rules \
	tests/unit/test_sys \
	tests/unit/test_thread \
	tests/unit/test_trust \
	tests/unit/test_vma

check_LTLIBRARIES += tests/unit/libtap.la
tests_unit_libtap_la_SOURCES = tests/unit/tap.c tests/unit/tap.h
tests_unit_libtap_la_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

unit_ldadd = tests/unit/libtap.la src/libcore.la $(CUNIT_LIBS)

# With directories and files to try things on.
check_LTLIBRARIES += tests/unit/libscratch.la
tests_unit_libscratch_la_SOURCES = \
	tests/unit/imagekit.c tests/unit/imagekit.h \
	tests/unit/scratch.c tests/unit/scratch.h
tests_unit_libscratch_la_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
scratch_ldadd = tests/unit/libscratch.la $(unit_ldadd)

tests_unit_test_account_LDADD = $(scratch_ldadd)
tests_unit_test_anchor_LDADD = $(scratch_ldadd)
tests_unit_test_cgroup_LDADD = $(unit_ldadd)
tests_unit_test_guard_LDADD = $(unit_ldadd) -lpthread
tests_unit_test_history_LDADD = $(scratch_ldadd)
tests_unit_test_home_LDADD = $(scratch_ldadd)
tests_unit_test_hot_LDADD = $(scratch_ldadd)
tests_unit_test_identity_LDADD = $(scratch_ldadd)
tests_unit_test_image_LDADD = $(scratch_ldadd) -lpthread
tests_unit_test_image_limits_LDADD = $(scratch_ldadd)
tests_unit_test_lend_LDADD = $(scratch_ldadd) -lpthread
tests_unit_test_lent_LDADD = $(scratch_ldadd) -lpthread
tests_unit_test_large_LDADD = $(unit_ldadd)
tests_unit_test_lock_LDADD = $(unit_ldadd) -lpthread
tests_unit_test_log_LDADD = $(unit_ldadd)
tests_unit_test_moment_LDADD = $(scratch_ldadd)
tests_unit_test_shrink_LDADD = $(scratch_ldadd)
tests_unit_test_options_LDADD = $(unit_ldadd)
tests_unit_test_own_LDADD = $(unit_ldadd) -lpthread
tests_unit_test_policy_LDADD = $(unit_ldadd)
tests_unit_test_pool_LDADD = $(unit_ldadd) -lpthread
tests_unit_test_rules_LDADD = $(unit_ldadd)
tests_unit_test_sys_LDADD = $(unit_ldadd)
tests_unit_test_thread_LDADD = $(unit_ldadd) -lpthread
tests_unit_test_trust_LDADD = $(scratch_ldadd)
tests_unit_test_vma_LDADD = $(scratch_ldadd) -lpthread

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
