# rules of tests/unit
src_libcore_la_SOURCES += \
	src/base/glob.c src/base/glob.h \
	src/base/size.c src/base/size.h
