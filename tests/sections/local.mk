# The pool of sections as a program sees it from outside: its bounds, its pins, what is cold, limits.
check_PROGRAMS += tests/sections/load
tests_sections_load_LDADD = src/libonecopy.la -lpthread

section_tests = \
	tests/sections/cold.py \
	tests/sections/limits.py \
	tests/sections/pins.py \
	tests/sections/resident.py
dist_check_SCRIPTS += $(section_tests)
TESTS += $(section_tests)
EXTRA_DIST += tests/sections/fuse.py tests/sections/kit.py tests/sections/kit_child.py
