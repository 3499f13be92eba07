# The differential tester: random calls against the kernel.
check_PROGRAMS += tests/kernel/diff
dist_check_SCRIPTS += tests/kernel/diff.sh tests/kernel/run-diff.sh
TESTS += tests/kernel/diff.sh

tests_kernel_diff_SOURCES = \
	tests/kernel/actors.c \
	tests/kernel/diff.h \
	tests/kernel/helper.c \
	tests/kernel/main.c \
	tests/kernel/minimise.c \
	tests/kernel/ops.h \
	tests/kernel/ops_fd.c \
	tests/kernel/ops_file.c \
	tests/kernel/ops_load.c \
	tests/kernel/ops_memory.c \
	tests/kernel/ops_process.c \
	tests/kernel/ops_read.c \
	tests/kernel/ops_stream.c \
	tests/kernel/ops_transfer.c \
	tests/kernel/round.c \
	tests/kernel/signals.c \
	tests/kernel/table.c \
	tests/kernel/threads.c \
	tests/kernel/world.c \
	tests/kernel/writers.c \
	tests/shim/side.c tests/shim/side.h
tests_kernel_diff_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/kernel -I$(top_srcdir)/tests/shim
tests_kernel_diff_LDADD = -lpthread

# By hand: faults planted for the tester to find, and builds with sanitizers.
EXTRA_DIST += tests/kernel/plant.sh tests/kernel/faults.txt tests/sanitize.sh tests/sanitize.known \
	tests/sanitize.tsan
