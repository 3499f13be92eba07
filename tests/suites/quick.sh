#!/bin/bash
# A few of others' tests (tests/suites/run has them all), without the library and with it at
# its smallest sizes: each test case ends the same way.
set -u
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/onecopy-quick-XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM
export ONECOPY_SUITES=$scratch/cache TMPDIR=$scratch

n=0
for suite in python stress fio sqlite; do
    n=$((n + 1))
    # Their cases have time limits of their own, which a busy machine may pass: what fails
    # because of us fails each time.
    for _ in 1 2 3; do
        "$here/run" -o -p "without tiny" "$suite:quick" >"$scratch/out" 2>&1
        status=$?
        [ "$status" != 0 ] || break
    done
    sed 's/^/# /' "$scratch/out"
    if grep -q 'not prepared' "$scratch/out"; then
        echo "ok $n - $suite # SKIP it is not installed"
    elif [ "$status" = 0 ]; then
        echo "ok $n - $suite: passes and fails as without the library"
    else
        cat "$scratch"/cache/said-* 2>/dev/null | sed 's/^/# /'
        echo "not ok $n - $suite: passes and fails as without the library"
    fi
done
echo "1..$n"
