#!/bin/sh
# C++'s file streams: the same steps without and with the library see the same.
set -u
builddir=${top_builddir:-$(pwd)}
source=${top_srcdir:-$(dirname "$0")/../..}/tests/shim/cxx.cc
library=$builddir/src/.libs/libonecopy-preload.so
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-cxx-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

if ! c++ -O1 -o "$scratch/cxx" "$source" 2>"$scratch/log"; then
    echo "1..0 # SKIP no C++ compiler"
    exit 0
fi
seq 1 400000 | awk '{ print $1 * 7919 % 1000003, "line" }' >"$scratch/data.matched"
mkdir -m 700 "$scratch/home"

n=0
check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

with() {
    env LD_PRELOAD="$library" ONECOPY_DIR="$scratch/home" ONECOPY_FILES="*.matched$options" \
        ONECOPY_REPORT="$scratch/report" ONECOPY_LOG=off "$@"
}

for seed in 1 2 3; do
    "$scratch/cxx" "$scratch/data.matched" $seed >"$scratch/expected"
    [ "$(wc -l <"$scratch/expected")" -ge 6 ]
    check $? "seed $seed: walks without the library"
    for options in '' ,lend=off ,unchanging; do
        rm -f "$scratch/report"
        with "$scratch/cxx" "$scratch/data.matched" $seed >"$scratch/got"
        check $? "seed $seed${options:+ $options}: walks with the library"
        cmp -s "$scratch/expected" "$scratch/got"
        check $? "seed $seed${options:+ $options}: and sees the same"
        grep -Eq 'copied_calls=[1-9][0-9]{2}' "$scratch/report"
        check $? "seed $seed${options:+ $options}: small reads were copied"
    done
done
echo "1..$n"
