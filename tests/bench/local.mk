EXTRA_DIST += tests/bench/images.sh

# Measurements, built by hand:
#   make tests/bench/hit && tests/bench/hit src/.libs/libonecopy-preload.so 64 512 4096
EXTRA_PROGRAMS += tests/bench/hit

include tests/bench/policy/local.mk
