# Analysers over the sources.
dist_check_SCRIPTS += tests/lint/lint.sh
TESTS += tests/lint/lint.sh
EXTRA_DIST += .clang-tidy
