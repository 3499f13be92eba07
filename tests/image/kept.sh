#!/bin/bash
# Files that are read in small steps and kept in one piece end lent; whatever else the
# program does with them, the bytes are its own.
# shellcheck source=tests/image/image-tap.sh
. "$(dirname "$0")/image-tap.sh"
size=24000000
head -c $size /dev/urandom >"$work/f.dat"

# try HOW LEAST: at least so many bytes are lent; or "none", or "any"
try() {
    local said lent right
    said=$(files="*.dat,lend=kept" with_preload timeout 120 "$builddir/tests/image/kept" "$1" "$work/f.dat")
    read -r lent right <<<"$said"
    echo "# $1: $lent of $size bytes lent"
    is "$right" right "$1: the bytes are right"
    case $2 in
    any) ;;
    none) is "$lent" 0 "$1: nothing lent" ;;
    *) ok "$((lent < $2))" "$1: lent" ;;
    esac
    is "$(contents "$home")" "" "$1: nothing is left"
}
least=$((size * 95 / 100))
try copied $least
try straight $least
try positioned $least
try items $least
try items-copied $least
try grow-realloc $least
try grow-copy $least
try copied-after $least
try changed none
try marked any
try passed none
try disturbed any
try accompanied any
try forked any
done_testing
