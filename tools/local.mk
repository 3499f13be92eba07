# The command, and the scripts that set up, show and check everything.
bin_PROGRAMS += tools/onecopy
tools_onecopy_SOURCES = \
	tools/main.c tools/tool.h \
	tools/batch.c tools/batch.h \
	tools/chart.h \
	tools/clean.c \
	tools/compare.c \
	tools/counters.c tools/counters.h \
	tools/doctor.c tools/doctor.h \
	tools/doctor_file.c \
	tools/doctor_host.c \
	tools/doctor_imports.c tools/doctor_imports.h \
	tools/doctor_observe.c \
	tools/doctor_program.c \
	tools/doctor_report.c \
	tools/doctor_tell.c tools/doctor_tell.h \
	tools/doctor_trace.c tools/doctor_trace.h \
	tools/envfile.c tools/envfile.h \
	tools/facts.c tools/facts.h \
	tools/figures.c tools/figures.h \
	tools/globs.c tools/globs.h \
	tools/homes.c tools/homes.h \
	tools/images.c tools/images.h \
	tools/images_name.c \
	tools/html.c tools/html.h \
	tools/instance.c tools/instance.h \
	tools/jsonfile.c \
	tools/meaning.c tools/meaning.h \
	tools/mounts.c tools/mounts.h \
	tools/library.c tools/library.h \
	tools/moments.c tools/moments.h \
	tools/outcome.c tools/outcome.h \
	tools/program.c tools/program.h \
	tools/report.c tools/report.h \
	tools/report_html.c \
	tools/report_json.c \
	tools/run.c \
	tools/sample.c tools/sample.h \
	tools/served.c tools/served.h \
	tools/settings.c tools/settings.h \
	tools/smaps.c tools/smaps.h \
	tools/spaces.c tools/spaces.h \
	tools/stat.c \
	tools/stat_json.c \
	tools/stat_prometheus.c \
	tools/stat_text.c \
	tools/state.c tools/state.h \
	tools/symbol.c tools/symbol.h \
	tools/watch.c \
	tools/words.c tools/words.h
if HAVE_CAIRO
tools_onecopy_SOURCES += \
	tools/chart.c \
	tools/chart_axes.c \
	tools/chart_cairo.c tools/chart_cairo.h \
	tools/chart_label.c \
	tools/chart_plot.h
else
tools_onecopy_SOURCES += tools/chart_none.c
endif
tools_onecopy_CPPFLAGS = $(AM_CPPFLAGS) \
	-DONECOPY_PREFIX='"$(prefix)"' -DONECOPY_LIBDIR='"$(libdir)"'
tools_onecopy_CFLAGS = $(AM_CFLAGS) $(CAIRO_CFLAGS) $(JANSSON_CFLAGS) $(LIBELF_CFLAGS) $(NCURSES_CFLAGS)
tools_onecopy_LDADD = src/libcore.la $(JANSSON_LIBS) $(LIBELF_LIBS) $(NCURSES_LIBS) -lm -ldl

EXTRA_DIST += tools/setup tools/check tools/release-check tools/demo .ci/run

dist_man_MANS += doc/onecopy.1
