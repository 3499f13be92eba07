# shellcheck shell=bash
# For scripts that run tests several times: run-preload.sh's lines, numbered on.
# Sets $n, how many there have been; needs $scratch, a folder.
n=0

# numbered NAME TEST: run it, each of its lines with NAME
numbered() {
    "$(dirname "${BASH_SOURCE[0]}")/run-preload.sh" "${top_builddir:?}/tests/shim/$2" >"${scratch:?}/out" 2>&1
    awk -v name="$1" -v n="$n" -v counted="$scratch/n" '
        /^(not )?ok / { n++; sub(/ok [0-9]+ - /, "ok " n " - " name ": ") }
        /^1\.\./ { next }
        { print }
        END { print n > counted }' "$scratch/out"
    n=$(cat "$scratch/n")
}
