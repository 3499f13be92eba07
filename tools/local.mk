# The command, and the scripts that set up, show and check everything.
bin_PROGRAMS += tools/onecopy
tools_onecopy_SOURCES = \
	tools/main.c tools/tool.h \
	tools/batch.c tools/batch.h \
	tools/clean.c \
	tools/compare.c \
	tools/globs.c tools/globs.h \
	tools/homes.c tools/homes.h \
	tools/jsonfile.c \
	tools/library.c tools/library.h \
	tools/outcome.c tools/outcome.h \
	tools/program.c tools/program.h \
	tools/report.c tools/report.h \
	tools/report_json.c \
	tools/run.c \
	tools/sample.c tools/sample.h \
	tools/settings.c tools/settings.h \
	tools/smaps.c tools/smaps.h
tools_onecopy_CPPFLAGS = $(AM_CPPFLAGS) \
	-DONECOPY_PREFIX='"$(prefix)"' -DONECOPY_LIBDIR='"$(libdir)"'
tools_onecopy_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBELF_CFLAGS)
tools_onecopy_LDADD = src/libcore.la $(JANSSON_LIBS) $(LIBELF_LIBS)

EXTRA_DIST += tools/setup tools/check tools/demo .ci/run

dist_man_MANS += doc/onecopy.1
