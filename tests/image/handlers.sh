#!/bin/bash
# A signal handler that comes while an image is filled may fork or jump away: nobody reads anything
# wrong for it, now or later.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
head -c 100000000 /dev/urandom >"$work/f.dat"
files='*.dat,unchanging'
preloaded handlers fork "$work/f.dat"
is "$(contents "$home")" "" "nothing is left"
settings=ONECOPY_LINGER=60
preloaded handlers fork "$work/f.dat"
preloaded handlers check "$work/f.dat"
rm -f "$home"/*
preloaded handlers jump "$work/f.dat"
preloaded handlers check "$work/f.dat"
done_testing
