# Others' test suites under the library: all of them by hand, a few in make check.
dist_check_SCRIPTS += tests/suites/quick.sh
TESTS += tests/suites/quick.sh
EXTRA_DIST += \
	tests/suites/apr.sh \
	tests/suites/bash.sh \
	tests/suites/fio.sh \
	tests/suites/git.sh \
	tests/suites/glib.sh \
	tests/suites/glibc.sh \
	tests/suites/gnu.sh \
	tests/suites/gnulib.sh \
	tests/suites/go.sh \
	tests/suites/java.sh \
	tests/suites/junit.py \
	tests/suites/kit.sh \
	tests/suites/liburing.sh \
	tests/suites/libuv.sh \
	tests/suites/node.sh \
	tests/suites/perl.sh \
	tests/suites/php.sh \
	tests/suites/posix.sh \
	tests/suites/pydata.sh \
	tests/suites/pysqlite.sh \
	tests/suites/python.sh \
	tests/suites/ruby.sh \
	tests/suites/run \
	tests/suites/sqlite.py \
	tests/suites/sqlite.sh \
	tests/suites/storage.sh \
	tests/suites/stress.sh \
	tests/suites/table.py \
	tests/suites/tcl.sh
