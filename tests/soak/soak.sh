#!/bin/bash
# Many processes and threads with mixed loads, writers and kills; see soak.c.  For a long run
# beside other work: chrt --idle 0, and a long pause, as hundreds of threads that wait for a
# processor weigh much.
#
# usage: soak.sh [--seconds N] [--processes N] [--threads N] [--pause MILLISECONDS]
arguments=("$@")
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/../image/image-tap.sh"
seconds=5 processes=12 threads=4 pause=20
set -- "${arguments[@]}"
while [ $# -gt 1 ]; do
    case $1 in
    --seconds) seconds=$2 ;;
    --processes) processes=$2 ;;
    --threads) threads=$2 ;;
    --pause) pause=$2 ;;
    *) skip_all "usage: soak.sh [--seconds N] [--processes N] [--threads N] [--pause MILLISECONDS]" ;;
    esac
    shift 2
done
limit=$((seconds + 400))
mkdir "$work/data"
preloaded ../soak/soak "$work/data" "$seconds" "$processes" "$threads" "$pause"
run with_preload true
is "$(find "$home" -name '*.image' -o -name '*.part')" "" "after the next start no image is left"
done_testing
