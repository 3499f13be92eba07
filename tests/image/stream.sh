#!/bin/bash
# Streaming is not loading: a file of 1 GB that is read through small or reused
# memory costs no more than 4 MB.  And a budget for images is kept.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
stream=$builddir/tests/image/stream
home=$(mktemp -d /dev/shm/onecopy-test.XXXXXX 2>/dev/null) || home=$work/home
trap 'rm -rf "$work" "$home"' EXIT
truncate -s 1G "$work/f.dat"
head -c 5000000 /dev/urandom | dd of="$work/f.dat" conv=notrunc status=none

for mode in reuse malloc copy two big; do
    read -r plain sum < <("$stream" "$mode" "$work/f.dat")
    read -r with sum_with < <(with_preload "$stream" "$mode" "$work/f.dat")
    echo "# $mode: $plain KiB without, $with KiB with"
    is "$sum_with" "$sum" "$mode: the same bytes"
    # What was lent of a big buffer before the stream was noticed counts twice for a moment.
    most=4096
    [ "$mode" != big ] || most=$((16384 + 4096))
    ok "$((with > plain + most))" "$mode: at most $((most / 1024)) MiB more"
    is "$(contents "$home")" "" "$mode: nothing is left"
done

# ---- a first piece waits, and others know what came of it ----
lent() { # what the report says, in bytes
    tail -1 "$work/report" | tr ' ' '\n' | sed -n 's/^lent_bytes=//p'
}
head -c 8000000 /dev/urandom >"$work/g.dat"
settings=ONECOPY_REPORT=$work/report
for mode in reuse malloc; do
    with_preload "$stream" "$mode" "$work/f.dat" >"$work/out"
    is "$(lent)" 0 "$mode: nothing is lent"
done
read -r _ sum < <("$stream" apart "$work/g.dat")
for least in 6900000 7900000; do
    read -r _ sum_with < <(with_preload "$stream" apart "$work/g.dat")
    is "$sum_with" "$sum" "pieces that are kept: the same bytes"
    bytes=$(lent)
    ok "$((bytes < least || (least < 7000000 && bytes > 7000000)))" "$bytes bytes are lent"
done
settings=

# ---- the budget ----
life=$builddir/tests/image/homes
for max in 1M 7M 9M 64M; do
    run with_preload env "ONECOPY_IMAGE_MAX=$max" "$life" "$work/g.dat" none
    expected=plain
    [ "${max%M}" -lt 8 ] || expected=lent
    is "$status $out" "0 $expected" "8 MB with a budget of $max: $expected"
done
done_testing
