# Real programs, as Debian ships them.
dist_check_SCRIPTS += tests/programs/quick.sh
TESTS += tests/programs/quick.sh
