# The public library: unit tests of views, locks and creation; the header from C++;
# the library by dlopen; the examples of doc/, killed at any moment.
EXTRA_DIST += tests/unit/view_file.h

if HAVE_CUNIT
view_tests = \
	tests/unit/test_view \
	tests/unit/test_view_create \
	tests/unit/test_view_lock \
	tests/unit/test_view_model \
	tests/unit/test_view_phase \
	tests/unit/test_view_threads

view_ldadd = src/libapi.la $(unit_ldadd) -lpthread
tests_unit_test_view_LDADD = $(view_ldadd)
tests_unit_test_view_create_LDADD = tests/unit/libscratch.la $(view_ldadd)
tests_unit_test_view_lock_LDADD = $(view_ldadd)
tests_unit_test_view_model_LDADD = $(view_ldadd)
tests_unit_test_view_phase_LDADD = $(view_ldadd)
tests_unit_test_view_threads_LDADD = $(view_ldadd)

check_PROGRAMS += $(view_tests)
TESTS += $(view_tests)
endif

check_PROGRAMS += tests/api/dlopen
tests_api_dlopen_LDADD = -ldl
TESTS += tests/api/dlopen

dist_check_SCRIPTS += tests/api/library tests/api/examples
TESTS += tests/api/library tests/api/examples

check_PROGRAMS += doc/examples/entries doc/examples/growing doc/examples/large
doc_examples_entries_LDADD = src/libonecopy.la
doc_examples_growing_LDADD = src/libonecopy.la
doc_examples_large_LDADD = src/libonecopy.la
