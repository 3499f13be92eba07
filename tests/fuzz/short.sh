#!/bin/bash
# Each fuzzer over its corpus, and some thousand mutations of it by a fixed seed.
# FUZZ_SEED and FUZZ_ROUNDS (a factor) are for use by hand.
set -u
builddir=${top_builddir:-$(pwd)}
corpus=$(cd "$(dirname "$0")/corpus" && pwd)
count=0

# NAME ROUNDS: its two results, numbered on
run() {
    "$builddir/tests/fuzz/$1" "$corpus/$1" $(($2 * ${FUZZ_ROUNDS:-1})) "${FUZZ_SEED:-1}" |
        awk -v name="$1" -v first="$count" '
            /^1\.\./ { next }
            /^(not )?ok / { sub(/ok [0-9]+ - /, "ok " ++first " - " name ": ") }
            { print }'
    count=$((count + 2))
}

run rules 100000
run options 30000
run history 5000
run hot 3000
run image 1000
run calls 1000
echo "1..$count"
