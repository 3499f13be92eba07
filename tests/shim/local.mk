# rules of tests/shim

# The onecopy command.
dist_check_SCRIPTS += \
	tests/shim/tool-run.sh \
	tests/shim/tool-compare.sh \
	tests/shim/tool-clean.sh
TESTS += \
	tests/shim/tool-run.sh \
	tests/shim/tool-compare.sh \
	tests/shim/tool-clean.sh
EXTRA_DIST += tests/shim/tool-tap.sh

# The exported names, the catalogue and the manual.
dist_check_SCRIPTS += tests/shim/surface.sh
TESTS += tests/shim/surface.sh
