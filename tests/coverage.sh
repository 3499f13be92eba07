#!/bin/bash
# Which lines and branches of src/ the suite reaches, file by file.
#
# usage: tests/coverage.sh [--to FOLDER] [TEST...]
#
# The libraries and the tests are built by clang, their counters in files that every process
# maps: so those count too that end by _exit or are killed.  Without TESTs: all of the
# suite's but those that build something else or look at sources.  A test that fails is
# named, and counts all the same.
# --to: keep the build (of which a second run makes use), the counters, one file of lines for
# each test (TEST.lines: PATH:LINE) and the table there.
# DIFF_OPS: operations of the differential tester (default 200000).
set -u
source=$(cd "$(dirname "$0")/.." && pwd)
place=
if [ "${1-}" = --to ]; then
    place=${2:?usage: tests/coverage.sh [--to FOLDER] [TEST...]}
    shift 2
fi
if [ -z "$place" ]; then
    place=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-coverage-XXXXXX") || exit 99
    trap 'rm -rf "$place"' EXIT
fi
mkdir -p "$place/build" "$place/tests" && cd "$place/build" || exit 99
place=$(cd .. && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL LD_PRELOAD
jobs=$(nproc)

# LLVM's programs are named with clang's version in Debian.
version=$(clang -dumpversion | cut -d. -f1)
llvm() {
    local tool=$1
    shift
    command -v "$tool-$version" >/dev/null && tool=$tool-$version
    "$tool" "$@"
}

suite() {
    # shellcheck disable=SC2016
    printf 'include Makefile\nnames:\n\t@echo $(TESTS)\n' | make -s -f - names 2>/dev/null | tr ' ' '\n' |
        grep ^tests/ | grep -v -e lint -e m32 -e package -e install -e documented -e promises -e surface -e completion \
            -e recipes -e suites/ -e bench/ -e sanitize
}

if ! {
    { [ -e Makefile ] || "$source/configure" -q CC=clang \
        CFLAGS="-O1 -g -fprofile-instr-generate -fcoverage-mapping -mllvm -runtime-counter-relocation"; } &&
        make -s -j"$jobs" && make -s -j"$jobs" check TESTS=
} >../build.log 2>&1; then
    tail -20 ../build.log
    exit 99
fi
tests=("$@")
[ $# -gt 0 ] || mapfile -t tests < <(suite)

# Everything that has the core in it.
objects() {
    local file
    for file in src/.libs/*.so tests/faults/.libs/libfaulty.so tests/unit/test_* tests/api/* tests/fuzz/*; do
        case $file in *.o | *.lo | *.la | *.log | *.trs | *.sh) continue ;; esac
        if [ -f "$file" ] && [ -x "$file" ]; then printf -- '-object\n%s\n' "$file"; fi
    done | tail -n +2
}

# run TEST: counters to its own folder; what they say to TEST.lines
run() {
    local test=$1 name=${1//\//-} command status
    local into=$place/tests/$name
    rm -rf "$into"
    mkdir -p "$into"
    chmod 1777 "$into"
    command=$source/$test
    [ -f "$command" ] || command=$place/build/$test
    # Files that other users' processes may write to.
    (
        umask 0
        cd "$place/build" || exit 99
        ONECOPY_DIFF_OPS=${DIFF_OPS:-200000} top_builddir=$place/build top_srcdir=$source \
            LLVM_PROFILE_FILE="$into/%c%m.profraw" "$command"
    ) >"$into/out" 2>&1
    status=$?
    if [ $status != 0 ] || grep -q '^not ok' "$into/out"; then
        echo "failed: $test"
        grep '^not ok' "$into/out" | sed 's/^/# /'
    fi
    llvm llvm-profdata merge -sparse -o "$into.profdata" "$into"/*.profraw 2>/dev/null || {
        echo "# no counters: $test"
        return
    }
    # Only what it can have run: to look at all of it takes longer than most tests.
    local own=(src/.libs/libonecopy-preload.so -object src/.libs/libonecopy.so)
    case $test in
    tests/unit/* | tests/api/*) if [ -x "$test" ]; then own+=(-object "$test"); fi ;;
    tests/fuzz/* | tests/faults/*) own=("${objects[@]}") ;;
    esac
    llvm llvm-cov export -format=lcov -instr-profile="$into.profdata" "${own[@]}" 2>/dev/null |
        awk -F '[:,]' -v top="$source/" '/^SF:/ { path = substr($0, 4); sub(top, "", path) }
            /^DA:/ && $3 > 0 && path ~ /^src\// { print path ":" $2 }' >"$into.lines"
    rm -rf "$into"
}

mapfile -t objects < <(objects)
[ ${#objects[@]} -gt 0 ] || { echo "nothing to look at" >&2; exit 99; }
for test in "${tests[@]}"; do run "$test"; done
llvm llvm-profdata merge -sparse -o "$place/all.profdata" "$place"/tests/*.profdata || exit 1
llvm llvm-cov report -instr-profile="$place/all.profdata" "${objects[@]}" "$source/src" 2>/dev/null |
    awk 'NF == 13 && $2 ~ /^[0-9]+$/ { printf "%-24s %6d lines %5d missed %8s   %5d branches %5d missed %8s\n",
        $1, $8, $9, $10, $11, $12, $13 }' | tee "$place/table"
llvm llvm-cov show -show-branches=count -instr-profile="$place/all.profdata" "${objects[@]}" "$source/src" \
    >"$place/show" 2>/dev/null
tail -n 1 "$place/table" | grep -q TOTAL
