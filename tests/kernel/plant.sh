#!/bin/bash
# Does the differential tester find faults?  Plants those of faults.txt one at a
# time into a copy of the sources, builds the library, and runs the tester until it
# differs.  Prints a line of a table for each.
# usage: plant.sh DIFF [FIRST [LAST]]
#   DIFF: the tester, built.  FIRST, LAST: numbers of faults.
# SECONDS_EACH: how long to look in each mode (default 20).
set -u
diff=$(realpath "${1:?usage: plant.sh DIFF [FIRST [LAST]]}")
first=${2:-1} last=${3:-1000}
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
scratch=${SCRATCH:-$(mktemp -d "${TMPDIR:-/tmp}/onecopy-plant-XXXXXX")}
[ -n "${SCRATCH:-}" ] || trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/build/tests/kernel" "$scratch/files"

build() {
    make -s -C "$scratch/build" src/libonecopy-preload.la >"$scratch/build.log" 2>&1
}

if [ ! -e "$scratch/build/Makefile" ]; then
    mkdir -p "$scratch/tree"
    (cd "$source" && tar cf - --exclude=.git .) | tar xf - -C "$scratch/tree"
    (cd "$scratch/build" && "$scratch/tree/configure" -q CFLAGS="-O1 -g0" && build) || exit 99
fi
cp -r "$source/src" "$scratch/tree/"
cp "$diff" "$scratch/build/tests/kernel/diff"
# However it is left, the tree is whole again.
restore() {
    cp "$source/$1" "$scratch/tree/$1"
}

look() {
    # shellcheck disable=SC2086
    for mode in $1; do
        start=$(date +%s)
        if ! TMPDIR=$scratch/files top_builddir=$scratch/build timeout 120 sh "$here/run-diff.sh" --mode "$mode" \
            --seconds "${SECONDS_EACH:-20}" --seed 1 >"$scratch/out" 2>&1; then
            what=$(grep -m1 -E 'DIFFERENCE|INERT|killed' "$scratch/out" | sed 's/|/,/g' | cut -c1-110)
            echo "found in $(($(date +%s) - start)) s|${what:-the tester died}"
            return
        fi
    done
    echo "not found|"
}

n=0
while IFS='|' read -r name file script modes; do
    case $name in '#'* | '') continue ;; esac
    n=$((n + 1))
    if [ $n -lt "$first" ] || [ $n -gt "$last" ]; then continue; fi
    sed -i "$script" "$scratch/tree/$file"
    if cmp -s "$source/$file" "$scratch/tree/$file"; then
        echo "| $n | $name | \`$file\` | not planted | the script changes nothing |"
        continue
    fi
    if build; then
        result=$(look "$modes")
        echo "| $n | $name | \`$file\` | ${result%%|*} | ${result#*|} |"
    else
        echo "| $n | $name | \`$file\` | not built | $(grep -m1 error "$scratch/build.log") |"
    fi
    restore "$file"
done <"$here/faults.txt"
