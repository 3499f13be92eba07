# The core: everything but libc's names.
noinst_LTLIBRARIES += src/libcore.la
src_libcore_la_SOURCES = \
	src/base/arena.c src/base/arena.h \
	src/base/caller.c src/base/caller.h \
	src/base/counters.h \
	src/base/disposition.c \
	src/base/others.c src/base/wish.h \
	src/base/fskind.c src/base/fskind.h \
	src/base/glob.c src/base/glob.h \
	src/base/guard.c src/base/guard.h src/base/guard-inside.h \
	src/base/hash.h \
	src/base/last.h \
	src/base/lines.c src/base/lines.h \
	src/base/lock.c src/base/lock.h \
	src/base/log.c src/base/log.h \
	src/base/maps.c src/base/maps.h \
	src/base/mask.c \
	src/base/options.c src/base/options.h \
	src/base/own.c src/base/own.h \
	src/base/probe.h src/base/quick.h \
	src/base/reasons.c src/base/reasons.h \
	src/base/report.c src/base/report.h \
	src/base/rules.c src/base/rules.h \
	src/base/size.c src/base/size.h \
	src/base/small.c src/base/small.h \
	src/base/spare.c src/base/spare.h \
	src/base/statfs.h \
	src/base/sys.c src/base/sys.h \
	src/base/starting.c src/base/starting.h \
	src/base/thread.c src/base/thread.h \
	src/base/vma.c src/base/vma.h \
	src/base/window.c src/base/window.h \
	src/file/account.c src/file/account.h \
	src/file/description.c src/file/description.h \
	src/file/fdtable.c src/file/fdtable.h \
	src/file/file.c src/file/file.h \
	src/file/identity.c src/file/identity.h \
	src/file/instance.c src/file/instance.h \
	src/section/admission.c src/section/admission.h \
	src/section/hints.h \
	src/section/run.h \
	src/section/policy.c src/section/policy.h \
	src/section/pool.c src/section/pool.h \
	src/image/adopt.c src/image/adopt.h \
	src/image/chunk.c \
	src/image/fill.c src/image/fill.h \
	src/image/first.c src/image/first.h \
	src/image/find.c src/image/find.h \
	src/image/header.h \
	src/image/history.c src/image/history.h \
	src/image/budget.c \
	src/image/home.c src/image/home.h \
	src/image/hot.c src/image/hot.h \
	src/image/image.c src/image/image.h \
	src/image/join.c src/image/join.h \
	src/image/kept.c src/image/kept.h \
	src/image/large.c src/image/large.h \
	src/image/lend.c src/image/lend.h \
	src/image/lent.c src/image/lent.h \
	src/image/record.h \
	src/image/anchor.c src/image/anchor.h \
	src/image/cgroup.c src/image/cgroup.h \
	src/image/over.c src/image/over.h \
	src/image/moment.c src/image/moment.h \
	src/image/reread.c src/image/reread.h \
	src/image/seam.c src/image/seam.h \
	src/image/shrink.c src/image/shrink.h \
	src/image/stream.c src/image/stream.h \
	src/image/sweep.c \
	src/image/token.c src/image/token.h \
	src/image/trust.c src/image/trust.h \
	src/image/uncached.c src/image/uncached.h \
	src/image/written.c src/image/written.h \
	src/hit.h \
	src/learn.c src/learn.h \
	src/serve.c src/serve.h

# The public library, on the core: exports the API, no libc name.
noinst_LTLIBRARIES += src/libapi.la
src_libapi_la_SOURCES = \
	src/api/api.h \
	src/api/begin.c \
	src/api/create.c \
	src/api/file.c \
	src/api/hold.c \
	src/api/part.c src/api/part.h \
	src/api/phase.c src/api/phase.h \
	src/api/quick.c \
	src/api/view.c

lib_LTLIBRARIES += src/libonecopy.la
include_HEADERS = include/onecopy.h
src_libonecopy_la_SOURCES = src/api/clean.c src/api/version.c include/onecopy.h
src_libonecopy_la_LIBADD = src/libapi.la src/libcore.la -lpthread
src_libonecopy_la_LDFLAGS = -version-info 0:0:0 -no-undefined \
	-Wl,--version-script=$(srcdir)/src/api/onecopy.map
EXTRA_src_libonecopy_la_DEPENDENCIES = src/api/onecopy.map
EXTRA_DIST += src/api/onecopy.map
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = src/libonecopy.pc

# The preloaded library: libc's names over the core.
lib_LTLIBRARIES += src/libonecopy-preload.la
src_libonecopy_preload_la_SOURCES = \
	src/shim/real.c src/shim/real.h \
	src/shim/names.h src/shim/names-signal.h \
	src/shim/numbers.h \
	src/shim/shim.h \
	src/shim/alloc.c \
	src/shim/close.c \
	src/shim/confine.c \
	src/shim/dup.c \
	src/shim/exec.c \
	src/shim/fortify.c \
	src/shim/init.c \
	src/shim/limits.c \
	src/shim/memory.c \
	src/shim/newfd.c \
	src/shim/open.c \
	src/shim/process.c \
	src/shim/read.c \
	src/shim/seek.c \
	src/shim/signal.c \
	src/shim/stdio.c \
	src/shim/files.c \
	src/shim/whole.c src/shim/whole.h \
	src/shim/syscall.c \
	src/shim/time64.c \
	src/shim/transfer.c
src_libonecopy_preload_la_LIBADD = src/libcore.la
src_libonecopy_preload_la_CPPFLAGS = $(AM_CPPFLAGS) -U_FILE_OFFSET_BITS
src_libonecopy_preload_la_CFLAGS = $(AM_CFLAGS) -fno-builtin
# Never unloaded: handlers of signals, forks and exits are ours, and memory is lent.  Calls among our
# own functions stay with them, as libc's do: a program may have a sigaction() that calls __sigaction().
src_libonecopy_preload_la_LDFLAGS = -module -avoid-version -no-undefined -Wl,-z,now,-z,nodelete,-Bsymbolic-functions \
	$(ORDER_LDFLAGS)
EXTRA_src_libonecopy_preload_la_DEPENDENCIES = src/shim/order.ld
EXTRA_DIST += src/shim/order.ld
